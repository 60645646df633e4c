"""The private creators of a data set or item, each held back until an element of its block is kept.

Private creators are kept only together with an element of their block (PS3.15 Section E.3.10).
"""

from __future__ import annotations

from dicomveil_engine.part10.section import Section

_NOT_HELD = -1


class _Creator:
    """A private creator."""

    __slots__ = ("name", "place", "raw")

    def __init__(self, name: str, raw: bytes, place: int) -> None:
        self.name = name
        self.raw = raw
        self.place: int | None = place
        """Its place in the section's output, or _NOT_HELD after that was written; None once the creator is written."""


class Creators:
    """The creators by group and block number."""

    __slots__ = ("_creators",)

    def __init__(self) -> None:
        self._creators: dict[int, _Creator] = {}

    def hold(self, tag: int, name: str, section: Section, buffer: bytes, position: int, after: int) -> None:
        """Hold back the creator element at [position, after) of the buffer."""
        place = section.hold(buffer, position, after)
        self._creators[tag >> 16 << 8 | tag & 0xFF] = _Creator(name, buffer[position:after], place)

    def name_of(self, tag: int) -> str | None:
        """The creator of a private element; None if it has none."""
        creator = self._creators.get(tag >> 8)
        return creator.name if creator else None

    def release(self, tag: int, section: Section, buffer: bytes, position: int) -> None:
        """Write the creator of the element at `position`, unless it is written already."""
        creator = self._creators.get(tag >> 8)
        if creator is None or creator.place is None:
            return
        if creator.place == _NOT_HELD:
            section.replace(buffer, position, position, creator.raw)
        else:
            section.fill(creator.place, creator.raw)
        creator.place = None

    def keep_only(self, group: int | None) -> None:
        """Discard the creators of other groups, after the section was written without those that were held back."""
        if not self._creators:
            return
        self._creators = {number: creator for number, creator in self._creators.items() if number >> 8 == group}
        for creator in self._creators.values():
            if creator.place is not None:
                creator.place = _NOT_HELD
