"""Renderings: the pictures of a frame that are searched for text.

Text that is invisible in one picture is clear in another, because of its values, its polarity, its contrast or its
size. A rendering converts boxes back to pixels of the frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from dicomveil_engine.pixels.boxes import Box
from dicomveil_engine.pixels.header import PixelHeader

Picture = npt.NDArray[np.uint8]
"""Rows, columns and three colours."""
Frame = npt.NDArray[Any]
"""Rows and columns of values, or of three colours."""

_NEIGHBOURHOOD = 31
"""Pixels on each side; letters up to this size are visible in the rendering of local contrast."""
_LOCAL_GAIN = 50
_NOISE = 6.0
_SMALL = 320
"""Frames up to this size are also enlarged, to find text of 7 to 9 pixels."""
_LARGE = 1280
"""Size beyond which most renderings are halved; text of the usual size is still found."""
_HOUNSFIELD_WINDOWS = ((40.0, 80.0), (40.0, 400.0))
_MOST_OWN_WINDOWS = 2
_FAINT = 0.25
"""A line is faint if its values span less than this share of the frame's range."""
_HARDLY_VISIBLE = 0.15
"""The same for a line so faint that others could have been missed."""
_MOST_FAINT_WINDOWS = 2


@dataclass(frozen=True)
class Rendering:
    """One picture of a frame."""

    name: str
    picture: Picture = field(repr=False)
    scale: float = 1.0
    """Pixels of the picture for each pixel of the frame."""
    turned: bool = False
    """Whether the picture is turned by 90 degrees to the left."""

    def in_frame(self, box: Box, columns: int, rows: int) -> Box | None:
        """A box of the picture in pixels of the frame; None if it is outside."""
        x, y, width, height = box
        if self.turned:
            x, y, width, height = columns - y - height, x, height, width
        if self.scale != 1.0:
            left, top = int(x / self.scale), int(y / self.scale)
            right, bottom = int(np.ceil((x + width) / self.scale)), int(np.ceil((y + height) / self.scale))
            x, y, width, height = left, top, right - left, bottom - top
        return Box(x, y, width, height).within(columns, rows)


def renderings(base: Picture, others: list[tuple[str, Picture]], *, rotated: bool) -> Iterator[Rendering]:
    """The pictures of a frame: `base` first, then those that show what it hides, without duplicates."""
    seen: set[bytes] = set()
    for rendering in _renderings(base, others, rotated=rotated):
        digest = blake2b(np.ascontiguousarray(rendering.picture).data, digest_size=16).digest()
        if digest not in seen:
            seen.add(digest)
            yield rendering


def _renderings(base: Picture, others: list[tuple[str, Picture]], *, rotated: bool) -> Iterator[Rendering]:
    rows, columns = base.shape[:2]
    yield Rendering("base", base)
    large = max(rows, columns) > _LARGE
    half = _resized(base, 0.5)
    ground, scale = (half, 0.5) if large else (base, 1.0)
    yield Rendering("local", local_contrast(ground), scale)
    yield Rendering("inverse", inverted(ground), scale)
    for name, picture in others:
        yield Rendering(name, _resized(picture, 0.5) if large else picture, scale)
    if min(rows, columns) >= 2 * _MINIMUM:
        yield Rendering("half", half, 0.5)
    if min(rows, columns) >= 4 * _MINIMUM:
        yield Rendering("quarter", _resized(base, 0.25), 0.25)
    if max(rows, columns) <= _SMALL:
        yield Rendering("double", _resized(base, 2.0), 2.0)
    if rotated:
        yield Rendering("rotated", np.ascontiguousarray(np.rot90(base)), turned=True)


_MINIMUM = 64
"""Pixels that each side of a reduced picture must have."""


def pictures_of(frame: Frame, header: PixelHeader) -> tuple[Picture, list[tuple[str, Picture]]]:
    """The frame as a picture, and with other windows where it has more than 8 bits.

    `frame` holds grey values, or RGB.
    """
    if frame.ndim == 3:
        return np.ascontiguousarray(_bytes(frame)), []
    if frame.dtype == np.uint8:
        darkest, brightest = int(frame.min()), int(frame.max())
        # Stretch a dim frame, and one with Bits Stored below 8.
        plain = frame if brightest - darkest > 64 else _windowed(frame, darkest, brightest)
        return _three(plain), [("equalised", _three(_equalised(frame)))]
    low, high = (float(value) for value in (frame.min(), frame.max()))
    base = _three(_windowed(frame, low, high))
    inner = _percentiles(frame)
    others = [("equalised", _three(_equalised(frame)))]
    if inner[1] - inner[0] < 0.8 * (high - low):
        others.append(("inner", _three(_windowed(frame, *inner))))
    for number, (centre, width) in enumerate(_windows(header)):
        # A window over the whole range adds nothing.
        if width < 0.8 * (high - low):
            picture = _windowed(frame, centre - width / 2, centre + width / 2)
            others.append((f"window {number + 1}", _three(picture)))
    return base, others


def faint_renderings(frame: Frame, lines: Sequence[Box]) -> Iterator[Rendering]:
    """The frame in the window of lines that hardly stand out: what else is as faint is plain there."""
    if not lines or max(frame.shape[:2]) > _LARGE:
        return
    values = _grey(frame)
    windows: list[tuple[float, float]] = []
    for darkest, brightest in _faint_windows(values, lines, _FAINT):
        span = brightest - darkest
        if not any(abs(brightest - other[1]) + abs(darkest - other[0]) < span for other in windows):
            windows.append((darkest, brightest))
    for number, window in enumerate(windows[:_MOST_FAINT_WINDOWS], 1):
        yield Rendering(f"faint {number}", _three(_windowed(values, *window)))


def is_faint(frame: Frame, lines: Sequence[Box]) -> bool:
    """Whether a line stands out so little that lines like it could not have been found."""
    return any(_faint_windows(_grey(frame), lines, _HARDLY_VISIBLE))


def _faint_windows(values: Frame, lines: Sequence[Box], share: float) -> Iterator[tuple[float, float]]:
    """The darkest and brightest values of the lines that have less than a share of the frame's range."""
    most = share * (float(values.max()) - float(values.min()))
    for line in lines:
        part = values[line.y : line.bottom, line.x : line.right]
        darkest, brightest = (float(value) for value in np.percentile(part, (1, 99)))
        if 0 < brightest - darkest < most:
            yield darkest, brightest


def _grey(frame: Frame) -> Frame:
    return np.asarray(frame.mean(axis=2)) if frame.ndim == 3 else frame


def _equalised(frame: Frame) -> Picture:
    """The frame with its histogram equalised, which separates text from bone that is almost as bright."""
    step = max(1, int((frame.size / 65536) ** 0.5))
    sample = frame[::step, ::step].astype(np.float32).ravel()
    low, high = float(sample.min()), float(sample.max())
    # In many frames most pixels are background, which would dominate the histogram.
    body = sample[sample > low + 0.02 * (high - low)]
    if len(body) < _MINIMUM:
        return _windowed(frame, low, high)
    levels = np.quantile(body, np.linspace(0, 1, 256))
    return np.asarray(
        np.searchsorted(levels, frame.ravel().astype(np.float32)).reshape(frame.shape).clip(0, 255), np.uint8
    )


def _windows(header: PixelHeader) -> list[tuple[float, float]]:
    """Windows in stored values: those of the instance, and for CT those of brain and soft tissue."""
    wanted = list(header.windows[:_MOST_OWN_WINDOWS])
    if header.modality == "CT":
        wanted += [window for window in _HOUNSFIELD_WINDOWS if window not in wanted]
    slope = abs(header.rescale_slope)
    return [((centre - header.rescale_intercept) / header.rescale_slope, width / slope) for centre, width in wanted]


def _percentiles(frame: Frame) -> tuple[float, float]:
    """The range of values without the darkest and brightest hundredth, from a sample of the pixels."""
    step = max(1, int((frame.size / 65536) ** 0.5))
    low, high = np.percentile(frame[::step, ::step], (1, 99))
    return float(low), float(high)


def _windowed(frame: Frame, low: float, high: float) -> Picture:
    scaled = (frame.astype(np.float32) - low) * (255 / max(high - low, 1e-6))
    return np.asarray(np.clip(scaled, 0, 255), np.uint8)


def _bytes(frame: Frame) -> Picture:
    """The frame in 8 bits. Colours of more bits are rare, and are scaled together."""
    return np.asarray(frame, np.uint8) if frame.dtype == np.uint8 else _windowed(frame, frame.min(), frame.max())


def _three(picture: Picture) -> Picture:
    return np.repeat(picture[:, :, None], 3, axis=2)


def inverted(picture: Picture) -> Picture:
    """The picture with inverted polarity."""
    return np.asarray(255 - picture, np.uint8)


def local_contrast(picture: Picture) -> Picture:
    """The picture with each neighbourhood stretched to the same contrast, which shows faint text on an even ground."""
    values = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    size = (_NEIGHBOURHOOD, _NEIGHBOURHOOD)
    mean = cv2.blur(values, size)
    deviation = np.sqrt(np.maximum(cv2.blur(values * values, size) - mean * mean, 0))
    stretched = 128 + _LOCAL_GAIN * (values - mean) / (deviation + _NOISE)
    return _three(np.clip(stretched, 0, 255).astype(np.uint8))


def _resized(picture: Picture, scale: float) -> Picture:
    rows, columns = picture.shape[:2]
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)


def tile_renderings(tile: Picture, *, all_of_them: bool = True) -> Iterator[Rendering]:
    """The pictures of a tile in which only one large shape was found; two of them unless `all_of_them`."""
    yield Rendering("tile", tile)
    yield Rendering("tile, local", local_contrast(tile))
    if not all_of_them:
        return
    yield Rendering("tile, inverse", inverted(tile))
    yield Rendering("tile, smooth", np.asarray(cv2.GaussianBlur(tile, (0, 0), 1.5), np.uint8))
    if min(tile.shape[:2]) >= 3 * _MINIMUM:
        yield Rendering("tile, half", _resized(tile, 0.5), 0.5)
    else:
        yield Rendering("tile, double", _resized(tile, 2.0), 2.0)
        yield Rendering("tile, fourfold", _resized(tile, 4.0), 4.0)


def tile_of(picture: Picture, box: Box) -> Picture:
    """A part of a picture, stretched to the full range of values."""
    tile = picture[box.y : box.bottom, box.x : box.right]
    low, high = float(tile.min()), float(tile.max())
    return _windowed(tile, low, high) if high > low else np.ascontiguousarray(tile)
