"""The standard's tables, typed: PS3.15 Table E.1-1 with its options, and Table E.3.10-1.

The tables are generated (see README.md in this folder). Action codes are kept as the table writes them; `profile` and
`policy` decide what they mean.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from importlib.resources import files
from typing import NamedTuple

CODING_SCHEME = "DCM"
"""The (0008,0102) of all codes in CID 7050."""


class Code(NamedTuple):
    """A row of PS3.16 CID 7050 De-identification Method."""

    value: str
    """(0008,0100)."""
    meaning: str
    """(0008,0104)."""


BASIC_PROFILE = Code("113100", "Basic Application Confidentiality Profile")


class Option(Enum):
    """An option column of PS3.15 Table E.1-1, in the table's order; the value is its configuration name."""

    RETAIN_SAFE_PRIVATE = "retainSafePrivate"
    RETAIN_UIDS = "retainUIDs"
    RETAIN_DEVICE_IDENTITY = "retainDeviceIdentity"
    RETAIN_INSTITUTION_IDENTITY = "retainInstitutionIdentity"
    RETAIN_PATIENT_CHARACTERISTICS = "retainPatientCharacteristics"
    RETAIN_LONG_FULL_DATES = "retainLongFullDates"
    RETAIN_LONG_MODIFIED_DATES = "retainLongModifiedDates"
    CLEAN_DESCRIPTORS = "cleanDescriptors"
    CLEAN_STRUCTURED_CONTENT = "cleanStructuredContent"
    CLEAN_GRAPHICS = "cleanGraphics"

    @property
    def code(self) -> Code:
        """The code in (0012,0064) De-identification Method Code Sequence for the option."""
        return _OPTION_CODES[self]


_OPTION_CODES = {
    Option.RETAIN_SAFE_PRIVATE: Code("113111", "Retain Safe Private Option"),
    Option.RETAIN_UIDS: Code("113110", "Retain UIDs Option"),
    Option.RETAIN_DEVICE_IDENTITY: Code("113109", "Retain Device Identity Option"),
    Option.RETAIN_INSTITUTION_IDENTITY: Code("113112", "Retain Institution Identity Option"),
    Option.RETAIN_PATIENT_CHARACTERISTICS: Code("113108", "Retain Patient Characteristics Option"),
    Option.RETAIN_LONG_FULL_DATES: Code("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
    Option.RETAIN_LONG_MODIFIED_DATES: Code("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    Option.CLEAN_DESCRIPTORS: Code("113105", "Clean Descriptors Option"),
    Option.CLEAN_STRUCTURED_CONTENT: Code("113104", "Clean Structured Content Option"),
    Option.CLEAN_GRAPHICS: Code("113103", "Clean Graphics Option"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of Table E.1-1."""

    keyword: str
    vr: str | None
    """As PS3.6 writes it, e.g. `OB or OW`; None for curves and private attributes."""
    basic: str
    """The Basic Profile's action code as the table writes it, compound codes such as `X/Z/U*` too."""
    options: Mapping[Option, str]
    """The action codes of the options whose column is not blank."""


class TableE1:
    """PS3.15 Table E.1-1 Application Level Confidentiality Profile Attributes."""

    def __init__(self, text: str) -> None:
        self.rows: dict[int, Row] = {}
        """The rows of exact tags, 0xGGGGEEEE, without repeating groups and private attributes."""
        self._repeating: dict[str, Row] = {}
        for tag, (keyword, vr, basic, options) in json.loads(text).items():
            row = Row(keyword, vr, basic, {Option(name): code for name, code in options.items()})
            if tag == "odd-group":
                self._private = row
            elif "x" in tag:
                self._repeating[tag] = row
            else:
                self.rows[int(tag, 16)] = row

    def __len__(self) -> int:
        return len(self.rows) + len(self._repeating) + 1

    def row(self, tag: int) -> Row | None:
        """The row of a tag: its own, that of its repeating group, or for an odd group that of private attributes."""
        if tag >> 16 & 1:
            return self._private
        if row := self.rows.get(tag):
            return row
        group = f"{tag >> 24:02X}xx"
        return self._repeating.get(f"{group}{tag & 0xFFFF:04X}") or self._repeating.get(f"{group}xxxx")


TABLE_E1 = TableE1(files(__name__).joinpath("table_e1.json").read_text(encoding="utf-8"))


class SafePrivate:
    """PS3.15 Table E.3.10-1 Safe Private Attributes."""

    def __init__(self, text: str) -> None:
        self.rows: dict[tuple[int, int, str], tuple[str, ...]] = {}
        """(group, last two digits of the tag, private creator) → the VRs; empty where the table has none."""
        for creator, elements in json.loads(text).items():
            for tag, vr in elements.items():
                self.rows[int(tag[:4], 16), int(tag[-2:], 16), creator] = tuple(vr.split(" or ")) if vr else ()

    def vrs_of(self, tag: int, creator: str) -> tuple[str, ...] | None:
        """The VRs of a safe attribute, whichever block its creator has reserved; None for other attributes."""
        return self.rows.get((tag >> 16, tag & 0xFF, creator))


SAFE_PRIVATE = SafePrivate(files(__name__).joinpath("safe_private.json").read_text(encoding="utf-8"))

DEFINED_TERM_WORDS = frozenset(files(__name__).joinpath("defined_terms.txt").read_text(encoding="ascii").split())
"""Words of the defined terms and enumerated values of PS3.3, in upper case (scripts/generate_defined_terms.py)."""

DESCRIPTIVE_WORDS = frozenset(files(__name__).joinpath("descriptive_words.txt").read_text(encoding="ascii").split())
"""Words that describe images and are not names, in lower case (scripts/generate_descriptive_words.py)."""
