"""Contact prints: which frames are printed, with their boxes, and what OCR still reads."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from dicomveil_engine.pixels.boxes import Box, Boxes
from dicomveil_engine.pixels.find import Read
from dicomveil_engine.pixels.gate import PixelAction, PixelVerdict
from dicomveil_engine.pixels.layout import PixelLimits
from dicomveil_engine.pixels.looker import Line
from dicomveil_proxy.pixels.contact import contact_prints, frames_shown
from engine.pixel_instances import instance

VERDICT = PixelVerdict(PixelAction.LOOK, "a test")


class Reader:
    """Stands in the place of the models."""

    def __init__(self, *lines: Line) -> None:
        self.limits = PixelLimits()
        self._lines = lines

    def lines(self, data: bytes, verdict: PixelVerdict, number: int = 1) -> Sequence[Line]:
        del data, verdict, number
        return list(self._lines)


def test_frames() -> None:
    """Those with boxes of their own, at most three; else the first, the middle and the last."""
    own = Boxes((), {5: (Box(0, 0, 1, 1),), 2: (Box(0, 0, 1, 1),), 9: ()})

    assert frames_shown(own, 9) == [2, 5]
    assert frames_shown(Boxes(), 1) == [1]
    assert frames_shown(Boxes((Box(0, 0, 1, 1),)), 30) == [1, 16, 30]
    assert frames_shown(Boxes((), {number: (Box(0, 0, 1, 1),) for number in range(1, 9)}), 9) == [1, 2, 3]


def test_print() -> None:
    """Boxes are drawn where they are, pictures are made smaller, and technique is told from the rest."""
    frame = np.full((600, 1200), 90, np.uint8)
    data = instance([frame])
    lines = [Line(Box(10, 10, 100, 20), 0.9), Line(Box(10, 40, 100, 20), 0.9), Line(Box(10, 80, 100, 20), 0.9)]
    lines[0].read = [Read("kVp 120", 0.9), Read("?", 0.2)]
    lines[1].read = [Read("Quzzax", 0.8)]
    lines[2].read = [Read("faint", 0.3)]
    boxes = Boxes((Box(200, 100, 400, 200),))
    [one] = contact_prints(data, data, boxes, VERDICT, Reader(*lines))  # type: ignore[arg-type]
    before = np.asarray(Image.open(io.BytesIO(one.before))).astype(int)

    assert [(line.text, line.is_technique) for line in one.still_read] == [("kVp 120", True), ("Quzzax", False)]
    assert before.shape == (280, 560, 3)
    red = before[..., 0] - before[..., 1] > 80
    rows, columns = np.nonzero(red)
    scale = 560 / 1200
    assert abs(rows.min() - 100 * scale) < 3
    assert abs(columns.max() - 600 * scale) < 3
    assert not red[60:130, 110:270].any()


def test_monochrome1_is_shown_as_it_is_seen() -> None:
    """The highest value is black."""
    frame = np.full((80, 80), 255, np.uint8)
    frame[:, 40:] = 0
    data = instance([frame], PhotometricInterpretation="MONOCHROME1")
    [one] = contact_prints(data, data, Boxes(), VERDICT, Reader())  # type: ignore[arg-type]
    picture = np.asarray(Image.open(io.BytesIO(one.before)))

    assert picture[40, 10].max() < 20
    assert picture[40, 70].min() > 235
