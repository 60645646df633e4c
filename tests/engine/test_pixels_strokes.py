"""The fast test for slices sees strokes, in both directions and polarities, and none in smooth pictures."""

from __future__ import annotations

import numpy as np
import pytest

from bench.pixel_drawing import head
from dicomveil_engine.pixels.strokes import LIMIT, could_have_strokes, has_strokes, stroke_score
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


def mixed(seed: int) -> np.ndarray:
    """A made head with noise and, for odd seeds, text over it, which is too faint for the first of them."""
    random = np.random.default_rng(seed)
    made = head(random, (192, 256)) * 2000 + random.normal(0, 2 + 3 * (seed % 4), (192, 256))
    if seed % 2:
        rows, columns = TEXT.shape
        made[:rows, :columns] += TEXT[:192, :256] / 255 * 40 * seed
    return np.asarray(np.clip(made, 0, 4000), np.uint16)


@pytest.mark.parametrize("seed", range(12))
def test_short_cuts(seed: int) -> None:
    """What may be given as 0 below the limit changes no decision, for plain and for faint strokes."""
    frame = mixed(seed)

    assert has_strokes(frame) == (stroke_score(frame) >= LIMIT)
    assert could_have_strokes(frame) == (stroke_score(frame, noises=3.0, share=0.02) >= LIMIT)
    assert has_strokes(frame) == (seed % 2 == 1 and seed > 4)


@pytest.mark.parametrize("seed", range(4))
def test_types_of_values(seed: int) -> None:
    """The score depends neither on the type of the values nor on an offset."""
    frame = mixed(seed)
    score = stroke_score(frame.astype(np.float32))

    assert stroke_score(frame) == score
    assert stroke_score(frame.astype(np.int16) - np.int16(3000)) == score
    assert stroke_score(frame + np.uint16(60_000)) == score
    assert stroke_score(frame.astype(np.int32)) == score


def test_the_whole_range_of_16_bits() -> None:
    """Differences that do not fit into 16 bits with a sign."""
    frame = (TEXT > 127).astype(np.uint16) * np.uint16(65_535)

    assert stroke_score(frame) == stroke_score(frame.astype(np.float32)) > 2 * LIMIT
