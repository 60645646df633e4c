"""PS3.6's data dictionary, and one of private attributes: generated tables, read when first needed.

`attributes.dictionary` answers questions with them.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Entry(NamedTuple):
    """An entry of the dictionary, as PS3.6 writes it, e.g. VR `US or SS`, VM `1-n`."""

    vr: str
    vm: str
    keyword: str


class Public:
    """The attributes of PS3.6."""

    def __init__(self, text: str) -> None:
        self.entries: dict[int, Entry] = {}
        self.repeating: dict[str, Entry] = {}
        """By tag with `x` for each digit that varies, e.g. `60xx3000`."""
        self.tags: dict[str, int] = {}
        """By keyword."""
        for line in text.splitlines():
            tag, vr, vm, keyword = line.split("\t")
            if "x" in tag:
                self.repeating[tag] = Entry(vr, vm, keyword)
            else:
                number = int(tag, 16)
                self.entries[number] = Entry(vr, vm, keyword)
                self.tags[keyword] = number
        self._masks = [(*_mask(tag), entry) for tag, entry in self.repeating.items()]

    def entry(self, tag: int) -> Entry | None:
        """The entry of a tag or of its repeating group; None when it is unknown."""
        if (found := self.entries.get(tag)) or tag >> 16 & 1:
            return found
        for bits, mask, entry in self._masks:
            if tag & mask == bits:
                return entry
        return None


class Private:
    """The private attributes of known creators."""

    def __init__(self, text: str) -> None:
        self._elements: dict[str, dict[str, str]] = {}
        elements: dict[str, str] = {}
        for line in text.splitlines():
            tag, _, value = line.partition("\t")
            if tag:
                elements[tag] = value
            else:
                elements = self._elements.setdefault(value, {})

    @property
    def creators(self) -> frozenset[str]:
        """All known private creators."""
        return frozenset(self._elements)

    def vr_of(self, tag: int, creator: str) -> str:
        """The VR as written, whichever block the element is in; empty when it is unknown."""
        elements = self._elements.get(creator)
        if elements is None:
            return ""
        whole = f"{tag:08X}"
        for written in (whole, f"{whole[:4]}xx{whole[6:]}", f"{whole[:2]}xxxx{whole[6:]}"):
            if vr := elements.get(written):
                return vr
        return ""


@cache
def public_dictionary() -> Public:
    """The dictionary of PS3.6."""
    return Public(files(__package__).joinpath("dictionary.tsv").read_text(encoding="ascii"))


@cache
def private_dictionary() -> Private:
    """The dictionary of private attributes, which few instances need: mostly they are removed without it."""
    return Private(files(__package__).joinpath("private_dictionary.tsv").read_text(encoding="utf-8"))


def _mask(tag: str) -> tuple[int, int]:
    return int(tag.replace("x", "0"), 16), int("".join("0" if digit == "x" else "F" for digit in tag), 16)
