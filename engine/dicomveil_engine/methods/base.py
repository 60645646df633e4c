"""What a method is: how one element changes, when its decision says so.

A method sees decoded values and never bytes, tags of other elements or the encoding; Part 10 and JSON call it
alike. It has its keys from the moment the policy is compiled.
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
from dicomveil_engine.text.changes import REMOVE_ALL
from dicomveil_engine.text.changing import PROSE_VRS, Place
from dicomveil_engine.text.own_words import OwnWords
from dicomveil_engine.text.words import IdentifyingWords

Values = list[str] | list[int] | list[float] | bytes
"""An element's values: text VRs as strings, numbers as numbers (AT as tag numbers), OB OD OF OL OV OW UN as
the bytes of the value in little endian. Empty means zero length."""

TEXT_VRS = frozenset(
    ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT")
)
"""Their values are `list[str]`, decoded, without padding. DS and IS too: their text is the value."""

SINGLE_TEXT_VRS = frozenset(("LT", "ST", "UR", "UT"))
"""A backslash is data there; they have at most one value."""

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
    """By which its text was decoded (`attributes.characters`)."""


@dataclass(slots=True)
class Context:
    """What the whole data set says, in its original values; read at the top level before anything changes."""

    sop_class_uid: str = ""
    """It says which IOD the data set has, and so which attributes must be there."""
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    sop_instance_uid: str = ""
    patient_id: str = ""
    patient_name: str = ""
    study_date: str = ""
    was_deidentified: bool = False
    """The data set's study is one of this project's own pseudonyms: it has been through the policy before."""
    identifying: IdentifyingWords = field(default_factory=IdentifyingWords)
    """The words of all identifying attributes at any depth: what `clean` takes out of free text."""
    own: OwnWords = field(default_factory=OwnWords)
    """The same words, as they are looked for in values that are kept."""
    content_removed: frozenset[tuple[int, ...]] = frozenset()
    """Where content items stood that are left out (structured_content.references)."""

    def place(self, tag: int, vr: str) -> Place:
        """What the cleaning of a text may depend on besides the text: equal for all of an attribute in a series."""
        settings = self.identifying.settings
        if settings.changes == REMOVE_ALL:
            return Place(0, vr in PROSE_VRS)
        days = tuple(
            0
            if self.was_deidentified
            else change.shift.days(scope)
            if change.shift and (scope := getattr(self, change.scope) or self.study_instance_uid)
            else None
            for change in settings.changes.shifts
        )
        study = self.study_instance_uid if settings.changes.needs_study else ""
        return Place(tag, vr in PROSE_VRS, vr, days, self.was_deidentified, study)


class Reversal(Protocol):
    """The way back from a method, for the holder of its key."""

    @property
    def needs_project_key(self) -> bool:
        """Whether the key comes from the project's, and not from the configuration."""
        ...

    def decrypted(self, element: Element) -> Values:
        """The values before; InvalidDataSetError when this key did not make them."""
        ...


class Scope(Enum):
    """What moves together: the attribute of the context from which the days are derived."""

    STUDY = "study_instance_uid"
    SERIES = "series_instance_uid"
    INSTANCE = "sop_instance_uid"
    PATIENT = "patient_id"


class DateMove(Protocol):
    """By how much a method moves dates: what the proxy needs to widen a query, and to move dates back."""

    @property
    def scope(self) -> Scope:
        """What moves together."""
        ...

    @property
    def shift(self) -> DateShift:
        """Scope → days."""
        ...


class Method:
    """One way to change an element; an implementation is a frozen dataclass of its settings.

    The class attributes and properties are its traits: others ask for them, and never which class it is. How it is
    built from a configuration is not its business but that of its `MethodBuilder`.
    """

    name: ClassVar[str]
    """As the rule language writes it, e.g. `dateShift`."""
    recognises_own_output: ClassVar[bool] = True
    """Whether a second application changes nothing. If not, it leaves the project's own data sets alone."""
    cleans_by_words: ClassVar[bool] = False
    """Whether what it does depends on the words of the instance's identifying attributes."""
    needs_value: ClassVar[bool] = True
    """Whether it must see the value, so that it cannot act on one that is kept elsewhere (BulkDataURI)."""
    action: ClassVar[str] = ""
    """The action code of PS3.15 Section E.1 that it carries out, as the conformance statement writes it."""

    def effect(self, vr: str) -> Effect:
        """What it does with elements of this VR; for one that it does not support, anything."""
        raise NotImplementedError

    def supports(self, vr: str) -> bool:
        """Whether the method has a meaning for elements of this VR."""
        raise NotImplementedError

    def check(self, vr: str) -> None:
        """Raise ConfigurationError where the settings have no legal outcome for a VR that a rule names."""

    def action_on(self, vr: str) -> str:  # noqa: ARG002
        """The action code for elements of this VR."""
        return self.action or f"*{self.name}*"

    def chosen(self, tag: int, sop_class_uid: str, *, is_top: bool) -> Method:  # noqa: ARG002
        """The method that acts on an attribute in instances of a SOP Class: itself, but for BY_TYPE."""
        return self

    @property
    def reversal(self) -> Reversal | None:
        """The way back; None where there is none."""
        return None

    @property
    def date_move(self) -> DateMove | None:
        """How it moves dates; None where it does not."""
        return None

    def apply(self, element: Element, context: Context) -> Values | None:
        """The new values; empty for zero length; None removes the element. Same VR, legal for it."""
        raise NotImplementedError


@dataclass(frozen=True)
class MethodBuilder:
    """How a configuration's rule becomes a method: what a row of the table of methods, or a plug-in, gives."""

    name: str
    """As the rule language writes it, e.g. `dateShift`."""
    build: Callable[[Mapping[str, object], Keys], Method]
    """From a rule's merged settings and the project's keys; raises ConfigurationError naming the setting."""
    settings: tuple[str, ...] = ()
    """The settings that it reads, so that a mistyped one is noticed."""


def without_settings(method: type[Method]) -> MethodBuilder:
    """The builder of a method that has neither settings nor keys."""
    return MethodBuilder(method.name, lambda _settings, _keys: method())
