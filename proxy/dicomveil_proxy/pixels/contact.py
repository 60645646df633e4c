"""Contact prints: small pictures of an instance before and after its text was covered, with the text OCR still reads.

Made in the child process (`looking_process`) for `dicomveil review` only. A print shows the original: it is for the
holder of the project's key, and never released.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from dicomveil_engine.pixels.boxes import Box, Boxes
from dicomveil_engine.pixels.elements import read_instance
from dicomveil_engine.pixels.frames import InstanceFrames
from dicomveil_engine.pixels.gate import PixelVerdict
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_engine.pixels.judge import is_technique
from dicomveil_engine.pixels.layout import PixelLimits
from dicomveil_engine.pixels.looker import Looker
from dicomveil_engine.text.spelling import fold

MOST_FRAMES = 3
_SIDE = 560
"""The most pixels of a print's longer side."""
_QUALITY = 80
_COVERED, _LEGIBLE = (255, 40, 40), (255, 190, 0)
_READABLE = 0.5
"""Mean certainty of characters from which a line counts as read."""
_MOST_LINES = 40


@dataclass(frozen=True)
class StillRead:
    """A line that OCR reads in the covered frame."""

    text: str
    is_technique: bool


@dataclass(frozen=True)
class ContactPrint:
    """One frame before and after, as JPEG."""

    frame: int
    before: bytes
    after: bytes
    still_read: tuple[StillRead, ...]


def contact_prints(
    original: bytes, released: bytes, boxes: Boxes, verdict: PixelVerdict, looker: Looker
) -> list[ContactPrint]:
    """Prints of some frames. Raises as `Looker.boxes` does."""
    before, after = _Frames(original, looker.limits), _Frames(released, looker.limits)
    prints = []
    for number in frames_shown(boxes, before.count):
        covered = boxes.of(number)
        legible = []
        for line in looker.lines(released, verdict, number):
            best = max(line.read, key=lambda read: read.score, default=None)
            if best is not None and best.score >= _READABLE and best.text.strip():
                legible.append((line.box, StillRead(best.text.strip(), is_technique(fold(best.text)))))
        del legible[_MOST_LINES:]
        original_values = before.values(number)
        window = before.window(original_values)
        prints.append(
            ContactPrint(
                number,
                _drawn(before.picture(original_values, window), covered, _COVERED),
                _drawn(after.picture(after.values(number), window), (box for box, _ in legible), _LEGIBLE),
                tuple(read for _, read in legible),
            )
        )
    return prints


def frames_shown(boxes: Boxes, count: int) -> list[int]:
    """The frames to print: those with their own boxes, else the first, the middle and the last."""
    chosen = [number for number, found in sorted(boxes.single.items()) if found and number <= count]
    return (chosen or sorted({1, count // 2 + 1, count}))[:MOST_FRAMES]


class _Frames:
    """The frames of an instance as pictures."""

    def __init__(self, data: bytes, limits: PixelLimits) -> None:
        instance = read_instance(data)
        assert instance is not None
        self._header = PixelHeader.from_elements(instance)
        self._frames = InstanceFrames(instance, self._header, limits)
        self.count = self._header.frames

    def values(self, number: int) -> Any:
        """Values of one colour, or RGB."""
        return self._frames.shown(number)

    def window(self, values: Any) -> tuple[float, float]:
        """The values shown as black and as white: the instance's window, or the range of values."""
        if values.dtype == np.uint8:
            return 0, 255
        if self._header.windows and values.ndim == 2:
            centre, width = self._header.windows[0]
            slope, intercept = self._header.rescale_slope, self._header.rescale_intercept
            low, high = sorted((edge - intercept) / slope for edge in (centre - width / 2, centre + width / 2))
            if low < values.max() and high > values.min():
                return low, high
        return float(values.min()), float(values.max())

    def picture(self, values: Any, window: tuple[float, float]) -> Any:
        """An array of rows, columns and three colours. Both pictures use the same window, to be comparable."""
        low, high = window
        scaled = np.clip((values.astype(np.float32) - low) * (255 / max(high - low, 1e-6)), 0, 255).astype(np.uint8)
        if self._header.photometric_interpretation == "MONOCHROME1":
            scaled = 255 - scaled
        return scaled if scaled.ndim == 3 else np.repeat(scaled[:, :, None], 3, axis=2)


def _drawn(picture: Any, boxes: Iterable[Box], colour: tuple[int, int, int]) -> bytes:
    image = Image.fromarray(np.ascontiguousarray(picture))
    scale = min(1.0, _SIDE / max(image.size))
    if scale < 1:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, Image.Resampling.BOX)
    drawing = ImageDraw.Draw(image)
    for box in boxes:
        corners = (box.x * scale, box.y * scale, max(box.right * scale - 1, box.x * scale), box.bottom * scale)
        drawing.rectangle(corners, outline=colour, width=2)
    encoded = BytesIO()
    image.save(encoded, "JPEG", quality=_QUALITY)
    return encoded.getvalue()
