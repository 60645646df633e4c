"""Positions in the content tree."""

from __future__ import annotations

import pytest

from dicomveil_engine.structured_content.references import ContentTree, Position, Renumbering

CONTENT_SEQUENCE = 0x0040A730


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ((1,), (1,)),
        ((1, 1), (1, 1)),
        ((1, 2), None),
        ((1, 2, 1), None),
        ((1, 3), (1, 2)),
        ((1, 3, 1), None),
        ((1, 3, 4), (1, 2, 2)),
        ((1, 5), (1, 3)),
        ((), ()),
    ],
)
def test_renumbering(old: Position, new: Position | None) -> None:
    """Items move up by those that went before them, at every level."""
    assert Renumbering(frozenset({(1, 2), (1, 4), (1, 3, 1), (1, 3, 2)})).new(old) == new


def test_references_to_what_goes_go() -> None:
    """Then what stands behind them moves up, too."""
    tree = ContentTree()
    tree.removed.append((1, 2))
    tree.references += [((1, 1), (1, 2, 3)), ((1, 4), (1, 3))]

    assert tree.all_removed() == {(1, 2), (1, 1)}
    tree.clear()
    assert tree.all_removed() == frozenset()


def test_parents() -> None:
    """The tree hangs on the data set's own sequence, and on nothing else between."""
    tree = ContentTree()
    assert tree.parent(0x00400555, 0) is None
    assert tree.parent(CONTENT_SEQUENCE, 0) == (1,)
    assert tree.parent(CONTENT_SEQUENCE, 1) is None
    tree.at = (1, 2)
    assert tree.parent(CONTENT_SEQUENCE, 1) == (1, 2)
    assert tree.parent(CONTENT_SEQUENCE, 2) is None
