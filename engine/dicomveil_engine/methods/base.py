"""The interface of methods: how an element changes.

A method sees the decoded values of one element and the context of its data set, never other elements or the encoding.
It is given its keys when the policy is compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, Protocol

from dicomveil_engine.attributes.characters import DEFAULT
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.pseudonyms.dates import DateShift
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.text.changes import REMOVE_ALL, Change
from dicomveil_engine.text.changing import PROSE_VRS, Place
from dicomveil_engine.text.own_words import OwnWords
from dicomveil_engine.text.words import IdentifyingWords

Values = list[str] | list[int] | list[float] | bytes
"""An element's values: strings for text VRs, numbers for binary numbers (AT: the tag), and for OB, OD, OF, OL, OV, OW
and UN the bytes of the value in little endian. Empty means zero length."""

TEXT_VRS = frozenset(
    ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT")
)
"""VRs whose values are `list[str]`, decoded and without padding, including DS and IS."""

SINGLE_TEXT_VRS = frozenset(("LT", "ST", "UR", "UT"))
"""Text VRs with at most one value, in which a backslash is data."""

INTEGER_VRS = frozenset(("AT", "SL", "SS", "SV", "UL", "US", "UV"))
FLOAT_VRS = frozenset(("FD", "FL"))
BYTES_VRS = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))


@dataclass(slots=True)
class Element:
    """An element as a method sees it."""

    tag: int
    """0xGGGGEEEE."""
    vr: str
    values: Values
    depth: int = 0
    """0 at the top level of the data set."""
    codecs: tuple[str, ...] = DEFAULT
    """The codecs by which its text was decoded (`attributes.characters`)."""


@dataclass(slots=True)
class Context:
    """Original values of the whole data set, from its top level."""

    sop_class_uid: str = ""
    """It determines the IOD, and so the types of the attributes."""
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    sop_instance_uid: str = ""
    patient_id: str = ""
    patient_name: str = ""
    study_date: str = ""
    was_deidentified: bool = False
    """Whether the StudyInstanceUID is a pseudonym of the project, so that the data set was de-identified before."""
    identifying: IdentifyingWords = field(default_factory=IdentifyingWords)
    """The words of all identifying attributes at any depth, which `clean` removes from free text."""
    own: OwnWords = field(default_factory=OwnWords)
    """The same words, for the comparison with kept values (`rewriting.checking`)."""
    content_removed: frozenset[tuple[int, ...]] = frozenset()
    """The positions of content items that are removed (structured_content.references)."""

    def place(self, tag: int, vr: str) -> Place:
        """What the cleaning of a text may depend on besides the text; the same for an attribute in all of a series."""
        settings = self.identifying.settings
        if settings.changes == REMOVE_ALL:
            return Place(0, vr in PROSE_VRS)
        days = tuple(self._days(change) for change in settings.changes.shifts)
        study = self.study_instance_uid if settings.changes.needs_study else ""
        return Place(tag, vr in PROSE_VRS, vr, days, self.was_deidentified, study)

    def _days(self, change: Change) -> int | None:
        """The shift of dates in a text; None if there is no UID from which to derive it."""
        if self.was_deidentified:
            return 0
        scope = getattr(self, change.scope) or self.study_instance_uid
        return change.shift.days(scope) if change.shift and scope else None


class Reversal(Protocol):
    """The inverse of a method, for the holder of its key."""

    @property
    def needs_project_key(self) -> bool:
        """Whether the key is derived from the project key instead of configured."""
        ...

    def decrypted(self, element: Element) -> Values:
        """The original values. Raises InvalidDataSetError when they were not encrypted with this key."""
        ...


class Scope(Enum):
    """The entity whose dates are shifted by the same number of days; the value is its attribute of `Context`."""

    STUDY = "study_instance_uid"
    SERIES = "series_instance_uid"
    INSTANCE = "sop_instance_uid"
    PATIENT = "patient_id"


class DateMove(Protocol):
    """How a method shifts dates, which the proxy needs to widen a query and to shift dates back."""

    @property
    def scope(self) -> Scope:
        """The entity whose dates are shifted together."""
        ...

    @property
    def shift(self) -> DateShift:
        """UID of the scope → days."""
        ...


class Method:
    """A way to change an element; an implementation is a frozen dataclass of its settings.

    The class attributes and properties are its traits. Other code relies on them and never on the class. A
    `MethodBuilder` builds it from a configuration.
    """

    name: ClassVar[str]
    """As the rule language writes it, e.g. `dateShift`."""
    recognises_own_output: ClassVar[bool] = True
    """Whether a second application changes nothing. If not, it does not change data sets that were de-identified."""
    cleans_by_words: ClassVar[bool] = False
    """Whether its result depends on the words of the instance's identifying attributes."""
    needs_value: ClassVar[bool] = True
    """Whether it needs the value, so that it cannot be applied to one that is elsewhere (BulkDataURI)."""
    action: ClassVar[str] = ""
    """The action code of PS3.15 Section E.1 for the conformance statement."""

    def effect(self, vr: str) -> Effect:
        """What it does with elements of this VR; unspecified for a VR that it does not support."""
        raise NotImplementedError

    def supports(self, vr: str) -> bool:
        """Whether the method can be applied to elements of this VR."""
        raise NotImplementedError

    def check(self, vr: str) -> None:
        """Raise ConfigurationError if the settings cannot give a legal value of a VR that a rule names."""

    def action_on(self, vr: str) -> str:  # noqa: ARG002
        """The action code for elements of this VR."""
        return self.action or f"*{self.name}*"

    def chosen(self, tag: int, sop_class_uid: str, *, is_top: bool) -> Method:  # noqa: ARG002
        """The method for an attribute in instances of a SOP Class: itself, unless its effect is BY_TYPE."""
        return self

    @property
    def reversal(self) -> Reversal | None:
        """Its inverse; None if it has none."""
        return None

    @property
    def date_move(self) -> DateMove | None:
        """How it shifts dates; None if it does not."""
        return None

    def apply(self, element: Element, context: Context) -> Values | None:
        """The new values, legal for the same VR; empty for zero length, None to remove the element."""
        raise NotImplementedError


@dataclass(frozen=True)
class MethodBuilder:
    """How a rule of a configuration becomes a method: a row of the table of methods, or a plug-in."""

    name: str
    """As the rule language writes it, e.g. `dateShift`."""
    build: Callable[[Mapping[str, object], Keys], Method]
    """(a rule's merged settings, the project's keys) → method; raises ConfigurationError, which names the setting."""
    settings: tuple[str, ...] = ()
    """The settings that it reads; others are reported as unknown."""


def without_settings(method: type[Method]) -> MethodBuilder:
    """The builder of a method that has neither settings nor keys."""
    return MethodBuilder(method.name, lambda _settings, _keys: method())
