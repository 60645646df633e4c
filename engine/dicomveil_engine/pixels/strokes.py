"""The fast test for slices: does a frame have thin strokes side by side, like text?

It takes a few milliseconds for 512 x 512 and finds nearly all text, but not all. So it is used only for
ORIGINAL\\PRIMARY single-frame CT, MR and PT, and only if the policy enables it.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

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


def stroke_score(frame: npt.NDArray[Any], *, noises: float = _NOISES, share: float = _RANGE_SHARE) -> float:
    """How much the frame looks like text; a frame with `LIMIT` or more is searched.

    A stroke stands out by `noises` times the frame's noise, and by this share of its range.
    """
    values = _grey(frame)
    best = 0.0
    for scale in _SCALES:
        small = values if scale == 1 else _smaller(values, scale)
        if min(small.shape) < 4 * _REACH:
            break
        span = float(small.max() - small.min())
        if span <= 0:
            return 0.0
        limit = max(noises * _noise(small), share * span)
        # Strokes across rows, then across columns, because text may be vertical.
        best = max(best, _score(small, limit), _score(cv2.transpose(small), limit))
    return best


def has_strokes(frame: npt.NDArray[Any]) -> bool:
    """Whether the frame must be searched for text."""
    return stroke_score(frame) >= LIMIT


def could_have_strokes(frame: npt.NDArray[Any]) -> bool:
    """Whether faint strokes cannot be excluded: tissue mostly has some, an even ground none."""
    return stroke_score(frame, noises=_FAINT_NOISES, share=_FAINT_SHARE) >= LIMIT


def _grey(frame: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    values = frame.astype(np.float32)
    return np.ascontiguousarray(values.mean(axis=2) if values.ndim == 3 else values)


def _smaller(values: npt.NDArray[np.float32], scale: int) -> npt.NDArray[np.float32]:
    rows, columns = values.shape
    size = (max(columns // scale, 1), max(rows // scale, 1))
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)


def _noise(values: npt.NDArray[np.float32]) -> float:
    """The noise, from the median difference between neighbours, which edges hardly affect."""
    return float(np.median(np.abs(np.diff(values[::4], axis=1)))) / 0.954


def _score(values: npt.NDArray[np.float32], limit: float) -> float:
    middle, left, right = values[:, _REACH:-_REACH], values[:, : -2 * _REACH], values[:, 2 * _REACH :]
    # Reusing memory is cheaper than allocating it.
    ground = cv2.max(left, right)
    bright = _most_starts(cv2.subtract(middle, ground, dst=ground) > limit)
    ground = cv2.min(left, right, dst=ground)
    return max(bright, _most_starts(cv2.subtract(ground, middle, dst=ground) > limit))


def _most_starts(stands_out: npt.NDArray[np.bool_]) -> float:
    """The most starts of strokes in any window, less `_FREE` in each row; all counts fit into a byte."""
    starts: npt.NDArray[np.uint8] = np.zeros(stands_out.shape, np.uint8)
    np.greater(stands_out[:, 1:], stands_out[:, :-1], out=starts[:, 1:].view(np.bool_))
    rows, columns = _WINDOW
    columns = min(columns, starts.shape[1])
    in_row = cv2.boxFilter(starts, -1, (columns, 1), normalize=False, borderType=cv2.BORDER_CONSTANT)
    excess = cv2.subtract(in_row, _FREE)
    summed = cv2.boxFilter(excess, -1, (1, rows), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return float(summed.max())
