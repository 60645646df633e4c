"""The tag notations of the rule language: which elements a rule matches.

    (0010,0010)  0010,0010  00100010  (0010, 0010)   one tag; blanks around its parts mean nothing
    PatientName  OverlayData                         a keyword; a repeating group's means all its groups
    (50xx,xxxx)  60xx3000                            a mask: x is any digit, whatever the creator
    DA                                               a VR
    (0009,xx01:CREATOR)                              a private attribute, in its creator's block

A pattern matches by tag, VR and private creator. The policy decides which of several matching rules applies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes.suggestions import did_you_mean
from dicomveil_engine.errors import ConfigurationError

_DIGITS = r"([0-9A-Fa-fxX]{4})\s*,?\s*([0-9A-Fa-fxX]{4})"
_TAG = re.compile(rf"\(\s*{_DIGITS}\s*\)|{_DIGITS}")
_PRIVATE = re.compile(rf"\(\s*{_DIGITS}\s*:([^\\]*)\)|{_DIGITS}\s*:([^\\]*)")
_KEYWORD = re.compile(r"[A-Za-z][A-Za-z0-9]*")

_EXACT = 0xFFFF_FFFF
_ANY_BLOCK = 0xFFFF_00FF
_FIRST_BLOCK = 0x1000
"""PS3.5 Section 7.8.1: (gggg,00bb) reserves (gggg,bb00) to (gggg,bbFF), and bb is at least 10H."""

_MAXIMUM_CREATOR = 64
"""A private creator is an LO: 64 characters (PS3.5 Table 6.2-1)."""

_NOTATIONS = "write (gggg,eeee), a mask such as (50xx,xxxx), a keyword, a VR, or (gggg,xxee:CREATOR)"


@dataclass(frozen=True, slots=True)
class TagPattern:
    """A set of elements, by tag, VR or private creator; made by `parse_pattern`."""

    text: str = field(compare=False)
    """The canonical notation, for messages."""
    value: int = 0
    mask: int = 0
    """The bits of the tag that must equal those of `value`."""
    vr: str | None = None
    creator: str | None = None

    @property
    def tag(self) -> int | None:
        """The tag, when the pattern names exactly one public attribute."""
        is_exact = self.vr is None and self.mask == _EXACT and not self.value >> 16 & 1
        return self.value if is_exact else None

    @property
    def names_one_attribute(self) -> bool:
        """Whether it names one attribute, in any private block or any group of a repeating group."""
        element = 0xFF if self.creator is not None else 0xFFFF
        return self.vr is None and self.mask >> 24 == 0xFF and self.mask & element == element

    @property
    def group(self) -> int | None:
        """The group, when the pattern names exactly one."""
        return self.value >> 16 if self.mask >> 16 == 0xFFFF else None

    @property
    def may_match_private(self) -> bool:
        """Whether it can match a private attribute."""
        if self.vr is not None:
            return True
        return bool(self.value >> 16 & 1 or not self.mask >> 16 & 1)

    def matches(self, tag: int, vr: str, creator: str | None) -> bool:
        """Whether it matches an element; `creator` is the private creator of the element's block."""
        if self.vr is not None:
            return vr == self.vr
        if self.creator is not None and (creator != self.creator or tag & 0xFFFF < _FIRST_BLOCK):
            return False
        return tag & self.mask == self.value

    def covers(self, other: TagPattern) -> bool:
        """Whether it certainly matches every element that the other pattern matches."""
        if self.vr is not None or other.vr is not None:
            return self.vr == other.vr
        return (
            self.creator in {None, other.creator}
            and self.mask & other.mask == self.mask
            and other.value & self.mask == self.value
        )


def parse_pattern(text: str) -> TagPattern:
    """Parse a tag notation. Raises ConfigurationError, which says how to fix it."""
    text = text.strip()
    if match := _TAG.fullmatch(text):
        return _numeric(*(part for part in match.groups() if part))
    if match := _PRIVATE.fullmatch(text):
        group, element, creator = (part for part in match.groups() if part is not None)
        return _private(group, element, creator.strip())
    if text in dictionary.VRS:
        return TagPattern(text, vr=text)
    if _KEYWORD.fullmatch(text):
        return _keyword(text)
    raise ConfigurationError(f"{_quoted(text)} is not a tag; {_NOTATIONS}")


def _numeric(group: str, element: str) -> TagPattern:
    digits = (group + element).upper()
    value = int(digits.replace("X", "0"), 16)
    mask = int("".join("0" if digit == "X" else "F" for digit in digits), 16)
    return TagPattern(f"({digits[:4]},{digits[4:]})".replace("X", "x"), value, mask)


def _private(group: str, element: str, creator: str) -> TagPattern:
    """Parse `(gggg,xxee:CREATOR)`. The block is ignored: each data set assigns its own (PS3.5 Section 7.8.1)."""
    group, block, low = group.upper(), element[:2].upper(), element[2:].upper()
    text = f"({group},{block}{low}:{creator})"
    if "X" in group or "X" in low or not int(group, 16) & 1:
        raise ConfigurationError(
            f"{_quoted(text)}: with a private creator, write an odd group and the last two digits, "
            "as in (0009,xx01:CREATOR)"
        )
    if block not in {"00", "XX"} and ("X" in block or int(block, 16) < _FIRST_BLOCK >> 8):
        raise ConfigurationError(
            f"{_quoted(text)}: a private block is 10 to FF; write xx, for whichever is the creator's"
        )
    if not 0 < len(creator) <= _MAXIMUM_CREATOR:
        raise ConfigurationError(f"{_quoted(text)}: a private creator has 1 to {_MAXIMUM_CREATOR} characters")
    value = int(f"{group}00{low}", 16)
    return TagPattern(f"({group},xx{low}:{creator})", value, _ANY_BLOCK, creator=creator)


def _keyword(keyword: str) -> TagPattern:
    # The Microsoft tool accepts fo-dicom's keywords too, in which retired attributes have a suffix.
    name = keyword.removesuffix("RETIRED")
    if (tag := dictionary.tag_of(name)) is not None:
        return _numeric(f"{tag >> 16:04X}", f"{tag & 0xFFFF:04X}")
    if (mask := dictionary.repeating_tag_of(name)) is not None:
        return _numeric(mask[:4], mask[4:])
    suggestion = did_you_mean(keyword, (*dictionary.keywords(), *dictionary.VRS))
    raise ConfigurationError(f"{_quoted(keyword)} is not a keyword of PS3.6{suggestion or '; ' + _NOTATIONS}")


def _quoted(text: str) -> str:
    """The rule's text for a message, shortened if long."""
    return '"' + (text if len(text) <= 100 else text[:100] + "…") + '"'
