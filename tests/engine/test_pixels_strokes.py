"""The fast test for slices sees strokes, in both directions and polarities, and none in smooth pictures."""

from __future__ import annotations

import numpy as np
import pytest

from bench.pixel_drawing import head
from dicomveil_engine.pixels.strokes import LIMIT, has_strokes, stroke_score
from engine.pixel_instances import written

TEXT = written()


@pytest.mark.parametrize("frame", [TEXT, 255 - TEXT, TEXT.T, TEXT.astype(np.int16) * 20 - 1000, TEXT[::-1]])
def test_text(frame: np.ndarray) -> None:
    """Upright, turned, bright on dark and dark on bright, with signs."""
    assert stroke_score(np.ascontiguousarray(frame)) > 2 * LIMIT


def test_smooth_pictures() -> None:
    """Even, a ramp, a made head."""
    ramp = np.linspace(0, 4000, 200 * 200).reshape(200, 200)
    made = head(np.random.default_rng(7), (512, 512)) * 4000

    assert not has_strokes(np.full((200, 200), 7, np.uint16))
    assert not has_strokes(ramp.astype(np.uint16))
    assert not has_strokes(made.astype(np.uint16))


def test_small_frames() -> None:
    """Smaller than a stroke's surroundings."""
    assert stroke_score(np.zeros((3, 3), np.uint8)) == 0
