"""Data sets of any number of elements at any depth, to see that an element costs the same in all of them.

No two items are equal, so that none is known again; each has a UID, so that all lengths around it change.
"""

from __future__ import annotations

from engine.datasets import CT_IMAGE, element, instance

KEPT = 0x0040A730
"""Content Sequence: stays under rules that keep what they do not name."""
_IN_ITEM = 8
"""Elements of an item beside the sequence in it."""


def nested(elements: int, depth: int, *, tag: int = KEPT, first: int = 0) -> bytes:
    """An instance of about so many elements in chains of sequences, each `depth` deep and numbered from `first`."""
    chains = _chains(elements, depth)
    return instance(
        element(0x00080016, "UI", CT_IMAGE),
        element(0x00080018, "UI", "1.2.3"),
        element(tag, "SQ", [_item(number, depth, tag) for number in range(first, first + chains)]),
    )


def heads(elements: int, depth: int) -> int:
    """How many elements and items stand in it, all levels together."""
    chains = _chains(elements, depth)
    return 3 + chains * (depth * (_IN_ITEM + 1) + depth - 1)


def _chains(elements: int, depth: int) -> int:
    return max(1, round(elements / (depth * (_IN_ITEM + 1))))


def _item(number: int, depth: int, tag: int) -> bytes:
    own = f"{number}.{depth}"
    uid = element(0x00081155, "UI", f"1.2.3.{own}")
    texts = b"".join(element(0x00189074 + n, "LO", f"{own}.{n}") for n in range(_IN_ITEM - 1))
    inner = element(tag, "SQ", [_item(number, depth - 1, tag)]) if depth > 1 else b""
    return uid + texts + inner
