"""The VR, VM and keyword of a tag (PS3.6).

The source is a table generated from pydicom's dictionaries; for newer attributes PS3.15 Table E.1-1, and for safe
private attributes Table E.3.10-1.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from dicomveil_engine.attributes._standard import SAFE_PRIVATE, TABLE_E1
from dicomveil_engine.attributes._standard.data_dictionary import Entry, private_dictionary, public_dictionary

VRS = frozenset(
    (
        *("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT"),
        *("OB", "OD", "OF", "OL", "OV", "OW", "PN", "SH", "SL", "SQ", "SS", "ST", "SV"),
        *("TM", "UC", "UI", "UL", "UN", "UR", "US", "UT", "UV"),
    )
)
"""PS3.5 Table 6.2-1."""

_FIRST_BLOCK = 0x1000
"""PS3.5 Section 7.8.1: the first element of a private block."""

_CACHE_SIZE = 16_384
"""More tags than PS3.6 has; a bound, since a data set may have arbitrary tags."""

_PUBLIC = public_dictionary()
_NEWER_KEYWORDS = {row.keyword: tag for tag, row in TABLE_E1.rows.items() if row.keyword not in _PUBLIC.tags}


@lru_cache(_CACHE_SIZE)
def vrs_of(tag: int, creator: str | None = None) -> tuple[str, ...]:
    """The VRs that the tag may have, in the dictionary's order; empty when it is unknown."""
    group, element = tag >> 16, tag & 0xFFFF
    if element == 0:
        return ("UL",)  # PS3.5 Section 7.2: group length
    if group & 1:
        if 0x10 <= element <= 0xFF:
            return ("LO",)  # PS3.5 Section 7.8.1: private creator
        written = _private_vr(tag, creator) if creator else ""
    else:
        entry = _entry(tag)
        written = entry.vr if entry else ""
    names = written.replace("_", " or ").split(" or ")
    return tuple(name for name in names if name in VRS)


@lru_cache(_CACHE_SIZE)
def vr_of(tag: int, creator: str | None = None) -> str | None:
    """The VR of the tag in implicit VR; None when it is unknown.

    If there are several, it is OW when that is among them (PS3.5 Section A.1), else the first.
    """
    vrs = vrs_of(tag, creator)
    if not vrs:
        return None
    return "OW" if "OW" in vrs else vrs[0]


@lru_cache(_CACHE_SIZE)
def is_signed_or_not(tag: int) -> bool:
    """Whether the VR is US, or SS where Pixel Representation is 1 (PS3.5 Section A.1), and never OW."""
    return vrs_of(tag) == ("US", "SS")


def vm_of(tag: int) -> str | None:
    """The value multiplicity as PS3.6 writes it, e.g. `1-n`; None when the tag is unknown."""
    entry = _entry(tag)
    return entry.vm or None if entry else None


@lru_cache(_CACHE_SIZE)
def keyword_of(tag: int) -> str:
    """The keyword; empty when the tag is private or unknown."""
    entry = None if tag >> 16 & 1 else _entry(tag)
    return entry.keyword if entry else ""


def tag_of(keyword: str) -> int | None:
    """The tag of a keyword; None when it is unknown or that of a repeating group."""
    if not keyword:
        return None
    tag = _PUBLIC.tags.get(keyword)
    return _NEWER_KEYWORDS.get(keyword) if tag is None else tag


def repeating_tag_of(keyword: str) -> str | None:
    """The tag of a repeating group's keyword as PS3.6 writes it, e.g. `60xx3000`; None when it has none."""
    for tag, entry in _PUBLIC.repeating.items():
        if entry.keyword == keyword:
            return tag
    return None


def keywords() -> set[str]:
    """All keywords, including those of repeating groups."""
    repeating = {entry.keyword for entry in _PUBLIC.repeating.values()}
    return {*_PUBLIC.tags, *repeating, *_NEWER_KEYWORDS} - {""}


def tags() -> Iterable[int]:
    """The tags of PS3.6, except those of repeating groups."""
    return _PUBLIC.entries.keys()


def private_creators() -> frozenset[str]:
    """The private creators with an attribute whose VR is known."""
    return private_dictionary().creators


def describe(tag: int, vr: str | None = None) -> str:
    """The tag as messages write it: `(0010,0010) PatientName`, with the VR if given; `(0009,1001)`."""
    words = (f"({tag >> 16:04X},{tag & 0xFFFF:04X})", keyword_of(tag), vr)
    return " ".join(word for word in words if word)


def described(tag: int, vr: str | None = None) -> str:
    """As `describe`, for the tag of an element in a data set.

    Tags and VRs that PS3.6 does not have are not shown: after a damaged length, a "tag" consists of bytes of a value.
    """
    if keyword_of(tag):
        return describe(tag, vr if vr in VRS else None)
    return "a private element" if tag >> 16 & 1 else "an unknown element"


def _entry(tag: int) -> Entry | None:
    """The dictionary's entry of a public tag."""
    if entry := _PUBLIC.entry(tag):
        return entry
    row = TABLE_E1.rows.get(tag)
    return Entry(row.vr or "", "", row.keyword) if row else None


def _private_vr(tag: int, creator: str) -> str:
    """The VR of a private tag, as written in the dictionary; empty when it is unknown."""
    if tag & 0xFFFF >= _FIRST_BLOCK and (safe := SAFE_PRIVATE.vrs_of(tag, creator)):
        return " or ".join(safe)
    return private_dictionary().vr_of(tag, creator)
