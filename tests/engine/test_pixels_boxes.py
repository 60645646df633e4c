"""Boxes keep their geometry, and come back from JSON as they were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import InvalidDataSetError
from dicomveil_engine.pixels.boxes import Box, Boxes, without_contained

BOXES = st.builds(Box, *([st.integers(-50, 500)] * 2), *([st.integers(1, 300)] * 2))
MANY = st.lists(BOXES, max_size=5).map(tuple)


@given(st.builds(Boxes, MANY, st.dictionaries(st.integers(1, 99), MANY, max_size=3), st.booleans()))
def test_json_round_trip(boxes: Boxes) -> None:
    """What is stored in the state is what was found."""
    assert Boxes.from_json(boxes.as_json()) == boxes


@pytest.mark.parametrize(
    "value",
    [None, {}, {"every": [[1, 2, 3]]}, {"every": [[1, 2, 0, 4]]}, {"every": [["1", 2, 3, 4]]},
     {"every": [], "single": {"0": []}}, {"every": [], "single": []}],
)  # fmt: skip
def test_anything_else_is_refused(value: object) -> None:
    """A damaged state does not become an uncovered instance."""
    with pytest.raises(InvalidDataSetError, match="stored boxes"):
        Boxes.from_json(value)


@given(MANY)
def test_without_contained_covers_the_same(boxes: tuple[Box, ...]) -> None:
    """Every box is still covered by one that is left."""
    left = without_contained(boxes)

    assert all(any(kept.contains(box) for kept in left) for box in boxes)
    assert not any(a is not b and a.contains(b) for a in left for b in left)


@given(BOXES)
def test_within_is_the_part_inside(box: Box) -> None:
    """No box reaches beyond the frame, and nothing inside is lost."""
    inside = box.within(320, 200)

    assert (inside.area if inside else 0) == box.shared(Box(0, 0, 320, 200))


def test_boxes_of_a_frame() -> None:
    """Those of all frames, and its own."""
    common, own = Box(0, 0, 9, 9), Box(5, 5, 9, 9)
    boxes = Boxes((common,)).joined(Boxes((), {2: (own,)}))

    assert boxes.of(1) == (common,)
    assert boxes.of(2) == (common, own)
    assert boxes
    assert not Boxes()
    assert Boxes(clears_unused_bits=True)
