"""Boxes: the positions of text in the frames of an instance, small enough to be stored and sent between processes.

A box holds no text, and boxes reveal nothing about the patient. This module does not need numpy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dicomveil_engine.errors import InvalidDataSetError


class Box(NamedTuple):
    """A rectangle of pixels; (0, 0) is the centre of the first pixel of the first row."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column to the right of the box."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row below the box."""
        return self.y + self.height

    @property
    def area(self) -> int:
        """Pixels in the box."""
        return self.width * self.height

    def within(self, columns: int, rows: int) -> Box | None:
        """The part of the box inside a frame of this size; None if there is none."""
        x, y = max(self.x, 0), max(self.y, 0)
        right, bottom = min(self.right, columns), min(self.bottom, rows)
        return Box(x, y, right - x, bottom - y) if right > x and bottom > y else None

    def grown(self, by: int) -> Box:
        """The box, enlarged by this many pixels on each side."""
        return Box(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)

    def shared(self, other: Box) -> int:
        """The number of pixels that both boxes contain."""
        width = min(self.right, other.right) - max(self.x, other.x)
        height = min(self.bottom, other.bottom) - max(self.y, other.y)
        return max(width, 0) * max(height, 0)

    def contains(self, other: Box) -> bool:
        """Whether the other box lies wholly inside this one."""
        return self.shared(other) == other.area


@dataclass(frozen=True)
class Boxes:
    """The boxes to cover in an instance: those in all frames, and those in single frames."""

    every: tuple[Box, ...] = ()
    """Covered in every frame."""
    single: Mapping[int, tuple[Box, ...]] = field(default_factory=dict)
    """Covered in one frame only, by frame number; the first frame is 1."""
    clears_unused_bits: bool = False
    """Whether bits above Bits Stored are set in compressed frames. Retired overlays were stored there."""
    leaves_doubt: bool = False
    """Whether something that could be text is left, so that nothing is claimed."""

    def __bool__(self) -> bool:
        return bool(self.every) or any(self.single.values()) or self.clears_unused_bits

    def of(self, frame: int) -> tuple[Box, ...]:
        """The boxes to cover in a frame; the first frame is 1."""
        return (*self.every, *self.single.get(frame, ()))

    def joined(self, other: Boxes) -> Boxes:
        """The boxes of both."""
        frames = sorted({*self.single, *other.single})
        return Boxes(
            without_contained((*self.every, *other.every)),
            {frame: (*self.single.get(frame, ()), *other.single.get(frame, ())) for frame in frames},
            self.clears_unused_bits or other.clears_unused_bits,
            self.leaves_doubt or other.leaves_doubt,
        )

    def as_json(self) -> dict[str, object]:
        """The boxes as a JSON object; `from_json` is its inverse."""
        value: dict[str, object] = {"every": [list(box) for box in self.every]}
        if self.single:
            value["single"] = {str(frame): [list(box) for box in boxes] for frame, boxes in self.single.items()}
        if self.clears_unused_bits:
            value["clearsUnusedBits"] = True
        if not self.leaves_doubt:
            value["leavesDoubt"] = False
        return value

    @classmethod
    def from_json(cls, value: object) -> Boxes:
        """The boxes that `as_json` wrote. Raises InvalidDataSetError for any other value."""
        try:
            assert isinstance(value, dict)
            single = value.get("single", {})
            assert isinstance(single, dict)
            return cls(
                _read(value["every"]),
                {_frame(frame): _read(boxes) for frame, boxes in single.items()},
                value.get("clearsUnusedBits") is True,
                value.get("leavesDoubt") is not False,
            )
        except (AssertionError, KeyError, TypeError, ValueError):
            raise InvalidDataSetError("the stored boxes of an instance cannot be read; delete them") from None


def without_contained(boxes: Iterable[Box]) -> tuple[Box, ...]:
    """The boxes in reading order, without those that are inside another."""
    kept: list[Box] = []
    for box in sorted(set(boxes), key=lambda box: -box.area):
        if not any(other.contains(box) for other in kept):
            kept.append(box)
    return tuple(sorted(kept, key=lambda box: (box.y, box.x)))


def _read(value: object) -> tuple[Box, ...]:
    assert isinstance(value, list)
    boxes = []
    for numbers in value:
        x, y, width, height = numbers
        assert all(type(number) is int for number in numbers)
        assert width > 0
        assert height > 0
        boxes.append(Box(x, y, width, height))
    return tuple(boxes)


def _frame(text: object) -> int:
    frame = int(str(text))
    assert frame >= 1
    return frame
