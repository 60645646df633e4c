"""What a method is: how one element changes, when its decision says so.

A method sees decoded values and never bytes, tags of other elements or the encoding; Part 10 and JSON call it
alike. It has its keys from the moment the policy is compiled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, Self

from dicomveil_engine.pseudonyms.keys import Keys
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
    content_gone: frozenset[tuple[int, ...]] = frozenset()
    """Where content items stood that are left out (structured_content.references)."""


class Method(Protocol):
    """One way to change an element; an implementation is a frozen dataclass of its settings."""

    name: ClassVar[str]
    """As the rule language writes it, e.g. `dateShift`."""
    recognises_own_output: ClassVar[bool]
    """Whether a second application changes nothing. If not, it leaves the project's own data sets alone."""

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], keys: Keys) -> Self:
        """Build it from a rule's merged settings, or raise ConfigurationError naming the key and the mend."""
        ...

    def supports(self, vr: str) -> bool:
        """Whether the method has a meaning for elements of this VR."""
        ...

    def apply(self, element: Element, context: Context) -> Values | None:
        """The new values; empty for zero length; None removes the element. Same VR, legal for it."""
        ...
