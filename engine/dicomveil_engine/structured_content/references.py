"""Positions of content items in their tree, before and after some are removed.

A by-reference relationship identifies its target by position (PS3.3 Section C.17.3.2.5, Referenced Content Item
Identifier: 1 is the root, 1\\2 its second content item). When an item is removed, later siblings move up.
"""

from __future__ import annotations

from bisect import bisect_left

from dicomveil_engine.structured_content.content_items import CONTENT_SEQUENCE

Position = tuple[int, ...]
"""The path from the root, (1,), to an item; siblings are numbered from 1."""

ROOT: Position = (1,)


class ContentTree:
    """A data set's content tree, as far as it has been walked."""

    def __init__(self) -> None:
        self.removed: list[Position] = []
        self.references: list[tuple[Position, Position]] = []
        """By-reference items: their own position, that of their target."""
        self.at: Position | None = None
        """The position of the item being read; None outside the tree."""

    def clear(self) -> None:
        """Forget the removed items and the references."""
        self.removed.clear()
        self.references.clear()

    def parent(self, sequence: int, depth: int) -> Position | None:
        """The position of the parent of a sequence's items; None if the sequence is not part of the tree."""
        if sequence != CONTENT_SEQUENCE:
            return None
        if not depth:
            return ROOT
        # The position has as many numbers as there are enclosing content sequences, plus the root, only if no other
        # sequence lies between.
        return self.at if self.at is not None and len(self.at) == depth + 1 else None

    def all_removed(self) -> frozenset[Position]:
        """The removed items, and the by-reference items whose target is removed."""
        removed = frozenset(self.removed)
        if not removed:
            return removed
        return removed.union(own for own, target in self.references if _is_removed(target, removed))


def _is_removed(position: Position, removed: frozenset[Position]) -> bool:
    return any(position[:length] in removed for length in range(2, len(position) + 1))


class Renumbering:
    """Old position → new position, after items were removed."""

    def __init__(self, removed: frozenset[Position]) -> None:
        self._removed = removed
        siblings: dict[Position, list[int]] = {}
        for position in sorted(removed):
            siblings.setdefault(position[:-1], []).append(position[-1])
        self._siblings = siblings

    def new(self, position: Position) -> Position | None:
        """The item's new position; None if it or an enclosing item is removed."""
        if _is_removed(position, self._removed):
            return None
        moved = (
            number - bisect_left(self._siblings.get(position[:at], ()), number)
            for at, number in enumerate(position)
            if at
        )
        return (*position[:1], *moved)
