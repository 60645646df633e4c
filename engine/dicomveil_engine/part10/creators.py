"""The private creators of one data set or item, each held until an element of its block needs it.

A creator comes out only with content (PS3.15 E.3.10); which elements come out, the table knows.
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
        """Held for it in the section's output, or _NOT_HELD when that is written; None once it stands there."""


class Creators:
    """Creators by the number of their block: the group and the block's byte of its elements' tags."""

    __slots__ = ("_creators",)

    def __init__(self) -> None:
        self._creators: dict[int, _Creator] = {}

    def hold(self, tag: int, name: str, section: Section, buffer: bytes, position: int, after: int) -> None:
        """Hold the creator that the buffer has at [position, after)."""
        place = section.hold(buffer, position, after)
        self._creators[tag >> 16 << 8 | tag & 0xFF] = _Creator(name, buffer[position:after], place)

    def name_of(self, tag: int) -> str | None:
        """The creator of a private element; None if it has none."""
        creator = self._creators.get(tag >> 8)
        return creator.name if creator else None

    def release(self, tag: int, section: Section, buffer: bytes, position: int) -> None:
        """Let the creator of an element come out, unless it has already; the element stands at `position`."""
        creator = self._creators.get(tag >> 8)
        if creator is None or creator.place is None:
            return
        if creator.place == _NOT_HELD:
            section.replace(buffer, position, position, creator.raw)
        else:
            section.fill(creator.place, creator.raw)
        creator.place = None

    def keep_only(self, group: int | None) -> None:
        """Forget all but a group's, now that the section is written; those that were held are not in it."""
        if not self._creators:
            return
        self._creators = {number: creator for number, creator in self._creators.items() if number >> 8 == group}
        for creator in self._creators.values():
            if creator.place is not None:
                creator.place = _NOT_HELD
