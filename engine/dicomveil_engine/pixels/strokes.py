"""The fast test for slices: does a frame have thin strokes side by side, like text?

It takes a few milliseconds for 512 x 512 and finds nearly all text, but not all. So it is used only for
ORIGINAL\\PRIMARY single-frame CT, MR and PT, and only if the policy enables it.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

_Values = npt.NDArray[np.float32] | npt.NDArray[np.int16]

LIMIT = 8.0
"""A frame with this score or more is searched. Measured: docs/pixels.md."""
_REACH = 3
"""Pixels from the middle of a stroke to the background on both sides."""
_NOISES = 6.0
_RANGE_SHARE = 0.05
_FAINT_NOISES = 3.0
_FAINT_SHARE = 0.02
_WINDOW = (4, 72)
"""Rows and columns in which strokes are counted."""
_FREE = 3
"""Starts of strokes in each row of a window that anatomy has as well."""
_SCALES = (1, 2, 4)
_LONGEST_DIFFERENCE = 0x7FFF


def stroke_score(
    frame: npt.NDArray[Any], *, noises: float = _NOISES, share: float = _RANGE_SHARE, least: float = 0
) -> float:
    """How much the frame looks like text; a frame with `LIMIT` or more is searched.

    A stroke stands out by `noises` times the frame's noise, and by this share of its range. A score below `least`
    may be given as 0, which takes less time.
    """
    values = _grey(frame)
    best = 0.0
    for scale in _SCALES:
        small = _narrow(frame, values) if scale == 1 else _smaller(values, scale)
        if min(small.shape) < 4 * _REACH:
            break
        lowest, highest, _, _ = cv2.minMaxLoc(small)
        if highest <= lowest:
            return 0.0
        limit = max(noises * _noise(small), share * (highest - lowest))
        if small.dtype == np.int16:
            limit = min(int(limit), _LONGEST_DIFFERENCE)  # comparing whole numbers with others is slow
        # Strokes across rows, then across columns, because text may be vertical.
        for turned in (small, cv2.transpose(small)):
            best = max(best, _score(turned, limit, max(best, least)))
    return best


def has_strokes(frame: npt.NDArray[Any]) -> bool:
    """Whether the frame must be searched for text."""
    return stroke_score(frame, least=LIMIT) >= LIMIT


def could_have_strokes(frame: npt.NDArray[Any]) -> bool:
    """Whether faint strokes cannot be excluded: tissue mostly has some, an even ground none."""
    return stroke_score(frame, noises=_FAINT_NOISES, share=_FAINT_SHARE, least=LIMIT) >= LIMIT


def _grey(frame: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    values = frame.astype(np.float32)
    return np.ascontiguousarray(values.mean(axis=2) if values.ndim == 3 else values)


def _narrow(frame: npt.NDArray[Any], values: npt.NDArray[np.float32]) -> _Values:
    """Whole grey values in 16 bits, which take half the time, if no difference between two of them is longer."""
    if frame.ndim == 2 and frame.dtype.itemsize <= 2:
        lowest, highest, _, _ = cv2.minMaxLoc(values)
        if highest - lowest <= _LONGEST_DIFFERENCE:
            # Differences in 16 bits wrap around to the right result, whether the values are signed or not.
            wide = frame.astype(np.int16, copy=False) if frame.dtype.itemsize == 1 else frame.view(np.int16)
            return np.subtract(wide, np.array(int(lowest)).astype(np.int16))
    return values


def _smaller(values: npt.NDArray[np.float32], scale: int) -> npt.NDArray[np.float32]:
    rows, columns = values.shape
    size = (max(columns // scale, 1), max(rows // scale, 1))
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)


def _noise(values: _Values) -> float:
    """The noise, from the median difference between neighbours, which edges hardly affect."""
    rows = values[::4]
    differences = cv2.absdiff(rows[:, 1:], rows[:, :-1]).reshape(-1)
    middle = differences.size // 2
    # `np.median` is slow where many values are equal.
    if cv2.countNonZero(differences) < differences.size - middle:
        return 0.0
    if differences.dtype == np.int16:
        return int(np.searchsorted(np.cumsum(np.bincount(differences)), middle, side="right")) / 0.954
    return float(np.partition(differences, middle)[middle]) / 0.954


def _score(values: _Values, limit: float, least: float) -> float:
    middle, left, right = values[:, _REACH:-_REACH], values[:, : -2 * _REACH], values[:, 2 * _REACH :]
    # Reusing memory is cheaper than allocating it.
    ground = cv2.max(left, right)
    bright = _most_starts(cv2.subtract(middle, ground, dst=ground) > limit, least)
    ground = cv2.min(left, right, dst=ground)
    return max(bright, _most_starts(cv2.subtract(ground, middle, dst=ground) > limit, max(bright, least)))


def _most_starts(stands_out: npt.NDArray[np.bool_], least: float) -> float:
    """The most starts of strokes in any window, less `_FREE` in each row; all counts fit into a byte.

    0 if that is clear to be less than `least`.
    """
    starts: npt.NDArray[np.uint8] = np.zeros(stands_out.shape, np.uint8)
    np.greater(stands_out[:, 1:], stands_out[:, :-1], out=starts[:, 1:].view(np.bool_))
    rows, columns = _WINDOW
    # No window of a row has more starts than the row, so that most rows of a smooth picture need no windows.
    in_rows = cv2.subtract(cv2.reduce(starts, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32F), float(_FREE))
    wanted = np.flatnonzero(_summed(cv2.max(in_rows, 0.0), rows) >= max(least, 1))
    if not len(wanted):
        return 0.0
    starts = starts[wanted[0] : wanted[-1] + rows]
    columns = min(columns, starts.shape[1])
    in_row = cv2.boxFilter(starts, -1, (columns, 1), normalize=False, borderType=cv2.BORDER_CONSTANT)
    excess = cv2.subtract(in_row, _FREE)
    return float(_summed(excess, rows).max())


def _summed(values: npt.NDArray[Any], rows: int) -> npt.NDArray[Any]:
    """The sums of so many rows below each other."""
    summed = values[: len(values) - rows + 1]
    for row in range(1, rows):
        summed = cv2.add(summed, values[row : len(values) - rows + 1 + row])
    return summed
