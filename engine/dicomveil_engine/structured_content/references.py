"""Where content items are in their tree, and where they are after some were removed.

A by-reference relationship names its target by position (PS3.3 Section C.17.3.2.5, Referenced Content Item Identifier:
1 is the root, 1\\2 its second content item). When an item is removed, those behind it move up.
"""

from __future__ import annotations

from bisect import bisect_left

from dicomveil_engine.structured_content.content_items import CONTENT_SEQUENCE

Position = tuple[int, ...]
"""From the root, which is (1,), to the item: each counted from one among its siblings."""

ROOT: Position = (1,)


class ContentTree:
    """What was found of a data set's content tree on the way through it."""

    def __init__(self) -> None:
        self.removed: list[Position] = []
        self.references: list[tuple[Position, Position]] = []
        """Items that are nothing but a reference: where they stand, where their targets do."""
        self.at: Position | None = None
        """Where the item stands whose elements are read; None outside the tree."""

    def clear(self) -> None:
        """Begin again."""
        self.removed.clear()
        self.references.clear()

    def parent(self, sequence: int, depth: int) -> Position | None:
        """Where the items of this sequence, met at this depth, hang in the tree; None if they do not."""
        if sequence != CONTENT_SEQUENCE:
            return None
        if not depth:
            return ROOT
        # One number for the root and one for each sequence around: no other sequence lies between.
        return self.at if self.at is not None and len(self.at) == depth + 1 else None

    def gone(self) -> frozenset[Position]:
        """All that is removed: the items themselves, and those that are nothing but a reference to one."""
        removed = frozenset(self.removed)
        if not removed:
            return removed
        return removed.union(own for own, target in self.references if _is_gone(target, removed))


def _is_gone(position: Position, gone: frozenset[Position]) -> bool:
    return any(position[:length] in gone for length in range(2, len(position) + 1))


class Renumbering:
    """New positions for old ones, once it is known what is removed."""

    def __init__(self, gone: frozenset[Position]) -> None:
        self._gone = gone
        siblings: dict[Position, list[int]] = {}
        for position in sorted(gone):
            siblings.setdefault(position[:-1], []).append(position[-1])
        self._siblings = siblings

    def new(self, position: Position) -> Position | None:
        """The item's new position; None if it, or an item around it, is removed."""
        if _is_gone(position, self._gone):
            return None
        moved = (
            number - bisect_left(self._siblings.get(position[:at], ()), number)
            for at, number in enumerate(position)
            if at
        )
        return (*position[:1], *moved)
