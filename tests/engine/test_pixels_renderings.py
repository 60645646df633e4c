"""Each rendering shows the frame, and knows the way back to its pixels."""

from __future__ import annotations

import numpy as np
import pytest

from dicomveil_engine.pixels.boxes import Box
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_engine.pixels.renderings import inverted, local_contrast, pictures_of, renderings
from engine.pixel_instances import written

CT = PixelHeader(modality="CT", windows=((40.0, 400.0),), rescale_intercept=-1024.0)


@pytest.mark.parametrize("shape", [(100, 140), (300, 200), (600, 900), (1500, 1400)])
def test_boxes_find_back(shape: tuple[int, int]) -> None:
    """A bright square lies where its box in the rendering says."""
    frame = np.zeros(shape, np.uint8)
    x, y = shape[1] // 2, shape[0] // 3
    frame[y : y + 32, x : x + 48] = 255
    base, others = pictures_of(frame, PixelHeader())
    for rendering in renderings(base, others, rotated=True):
        if rendering.name not in {"base", "half", "quarter", "double", "rotated"}:
            continue
        rows, columns = np.nonzero(rendering.picture[..., 0] > 127)
        left, top = int(columns.min()), int(rows.min())
        box = Box(left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1)
        found = rendering.in_frame(box, shape[1], shape[0])

        assert found is not None
        assert Box(x - 4, y - 4, 56, 40).contains(found), rendering.name
        assert found.shared(Box(x, y, 48, 32)) > 0.8 * 48 * 32


def test_windows_of_a_ct() -> None:
    """The whole range, the instance's own window, those for brain and soft tissue, in stored values."""
    frame = np.linspace(0, 4000, 64 * 64).reshape(64, 64).astype(np.uint16)
    _, others = pictures_of(frame, CT)
    names = [name for name, _ in others]
    windows = [picture for name, picture in others if name.startswith("window")]

    assert "equalised" in names
    assert len(windows) == 2
    # 40 HU is 1064 as stored, and in the middle of each window.
    middle = int(np.abs(frame.astype(int) - 1064).argmin())
    assert all(120 < picture.reshape(-1, 3)[middle, 0] < 135 for picture in windows)


def test_faint_text_stands_out() -> None:
    """Local contrast makes of a few levels a picture that can be read."""
    faint = (100 + (written() > 100) * 6).astype(np.uint8)
    shown = local_contrast(np.repeat(faint[:, :, None], 3, axis=2))[..., 0]

    # Six levels become more than twenty; the noise floor keeps an even ground even.
    assert int(shown[faint > 103].mean()) - int(shown[faint <= 103].mean()) > 20


@pytest.mark.parametrize("value", [0, 7, 255])
def test_even_frames(value: int) -> None:
    """Nothing to stretch is no reason to fail."""
    for kind in (np.uint8, np.uint16, np.int16):
        base, others = pictures_of(np.full((64, 64), value, kind), CT)
        assert all(picture.shape == (64, 64, 3) for picture in (base, *(picture for _, picture in others)))


def test_no_picture_twice() -> None:
    """What would show the same as a picture before it is not looked at: a window of the whole range, an even frame."""
    even = np.full((300, 300), 40, np.uint8)
    base, _ = pictures_of(even, PixelHeader())

    shown = list(renderings(base, [("again", base.copy()), ("other", inverted(base))], rotated=True))

    names = [rendering.name for rendering in shown]
    assert "again" not in names
    assert "inverse" in names
    assert "other" not in names
    assert len({rendering.picture.tobytes() for rendering in shown}) == len(shown)
