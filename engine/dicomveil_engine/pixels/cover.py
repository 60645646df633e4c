"""Cover boxes with the value that is displayed black, in an array or in a stream of native bytes.

The value follows from the header alone, so that a box gives the same bytes through either. Native bytes are
overwritten by offset, without buffering the frame and without numpy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dicomveil_engine.code_streams.native import PixelLayout as StoredLayout
from dicomveil_engine.code_streams.native import UnusedBits
from dicomveil_engine.errors import DeidentificationError, InvalidDataSetError
from dicomveil_engine.pixels.boxes import Box, Boxes
from dicomveil_engine.pixels.elements import InstanceElements
from dicomveil_engine.pixels.header import PixelHeader, frame_layout

if TYPE_CHECKING:
    import numpy.typing as npt

_AIR = -1000
"""Hounsfield units; displayed black under every usual window of CT."""
_PALETTE_VALUES = (0x00281201, 0x00281202, 0x00281203)
_PIECE = 1 << 16
"""Bytes of a repeated value that are allocated at a time."""


def black_of(header: PixelHeader, instance: InstanceElements | None = None) -> tuple[int, ...]:
    """The stored value that is displayed black; for colours, one for each sample.

    `instance` is needed for a palette; without it index 0 is used.
    """
    interpretation = header.photometric_interpretation
    full = 1 << (header.bits_stored or header.bits_allocated or 8)
    if header.samples_per_pixel == 3:
        return (0, full >> 1, full >> 1) if interpretation.startswith("YBR_FULL") else (0, 0, 0)
    if interpretation == "PALETTE COLOR":
        return (_darkest(header, instance),)
    if interpretation == "MONOCHROME1":
        return ((full >> 1) - 1 if header.is_signed else full - 1,)
    if not header.is_signed:
        return (0,)
    low, high = -(full >> 1), (full >> 1) - 1
    candidates = [header.smallest, header.padding]
    if header.modality == "CT":
        candidates.append(round((_AIR - header.rescale_intercept) / header.rescale_slope))
    return (next((value for value in candidates if value is not None and low <= value <= high), 0),)


def _darkest(header: PixelHeader, instance: InstanceElements | None) -> int:
    """The index with the darkest colour."""
    if instance is None or len(header.palette) != 3:
        return 0
    first, order = header.palette[0][1], ">" if instance.encoding.big else "<"
    sums: list[int] = []
    for (entries, _, _), tag in zip(header.palette, _PALETTE_VALUES, strict=True):
        value, count = instance.value(tag), entries or 65536
        if len(value) >= 2 * count:
            table = memoryview(value[: 2 * count]).cast("B")
            values = [
                int.from_bytes(table[at : at + 2], "big" if order == ">" else "little") for at in range(0, 2 * count, 2)
            ]
        else:
            values = list(value[:count])
        if not sums:
            sums = [0] * len(values)
        if not values or len(values) != len(sums):
            return 0
        sums = [total + value for total, value in zip(sums, values, strict=True)]
    highest = (1 << (header.bits_stored or header.bits_allocated or 8)) - 1
    return min(max(first, 0) + sums.index(min(sums)), highest)


def cover_frame(array: npt.NDArray[Any], boxes: Iterable[Box], black: tuple[int, ...]) -> None:
    """Cover boxes in the array of a frame, in place."""
    rows, columns = array.shape[:2]
    for box in boxes:
        inside = box.within(columns, rows)
        if inside is not None:
            array[inside.y : inside.bottom, inside.x : inside.right] = black if array.ndim == 3 else black[0]


@dataclass(frozen=True)
class NativeLayout:
    """The layout of native frames in the value of Pixel Data."""

    rows: int
    columns: int
    frames: int
    samples: int
    sample_bytes: int
    planar: bool
    subsampled: bool
    """YBR_FULL_422: Y Y B R for two pixels."""
    is_big: bool
    swaps_bytes: bool
    """Whether 8-bit samples are swapped within big endian words of 16 bits (OW)."""
    bits_stored: int
    is_signed: bool
    black: tuple[int, ...]

    @classmethod
    def of(cls, header: PixelHeader, instance: InstanceElements) -> NativeLayout:
        """The layout of a native instance.

        Raises DeidentificationError for a kind of pixels that is not supported, InvalidDataSetError for a header
        that does not describe pixels.
        """
        if header.bits_allocated not in {8, 16, 32} or header.samples_per_pixel not in {1, 3}:
            raise DeidentificationError("native pixels of this kind are not covered while they pass")
        frame_layout(header).check()
        if header.frames < 1:
            raise InvalidDataSetError("(0028,0008) NumberOfFrames is not a positive number")
        big, pixel = instance.encoding.big, instance.pixel_data
        return cls(
            header.rows,
            header.columns,
            header.frames,
            header.samples_per_pixel,
            header.bits_allocated // 8,
            planar=header.samples_per_pixel == 3 and header.planar_configuration == 1,
            subsampled=header.photometric_interpretation == "YBR_FULL_422",
            is_big=big,
            swaps_bytes=big and header.bits_allocated == 8 and pixel is not None and pixel.vr == "OW",
            bits_stored=header.bits_stored or header.bits_allocated,
            is_signed=header.is_signed,
            black=black_of(header, instance),
        )

    def unused_bits(self) -> UnusedBits | None:
        """Clears the bits outside Bits Stored, where retired overlays were stored; None if there are no such bits."""
        stored = StoredLayout(
            bits_allocated=8 * self.sample_bytes,
            bits_stored=self.bits_stored,
            high_bit=self.bits_stored - 1,
            is_signed=self.is_signed,
        )
        return stored.unused_bits(removes_overlays=True, big=self.is_big)

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        samples = 2 if self.subsampled else self.samples
        return self.rows * self.columns * samples * self.sample_bytes

    def encoded(self, value: int) -> bytes:
        """The bytes of one sample."""
        size = self.sample_bytes
        return (value % (1 << 8 * size)).to_bytes(size, "big" if self.is_big else "little")

    def runs(self, box: Box) -> Iterator[tuple[int, bytes]]:
        """The bytes of a frame that the box overwrites: offset and new bytes, ascending within a plane."""
        inside = box.within(self.columns, self.rows)
        if inside is None:
            return
        x, y, width, height = inside
        size = self.sample_bytes
        if self.subsampled:
            left, right = x - x % 2, x + width + (x + width) % 2
            pair = b"".join(map(self.encoded, (self.black[0], self.black[0], *self.black[1:])))
            for row in range(y, y + height):
                yield (row * self.columns + left) * 2 * size, pair * ((right - left) // 2)
        elif self.planar:
            for plane, value in enumerate(self.black):
                line = self.encoded(value) * width
                for row in range(y, y + height):
                    yield ((plane * self.rows + row) * self.columns + x) * size, line
        else:
            line = b"".join(map(self.encoded, self.black)) * width
            for row in range(y, y + height):
                yield (row * self.columns + x) * self.samples * size, line


class NativeCover:
    """Overwrites boxes in the stream of native Pixel Data.

    It buffers only the runs of one frame, and the bytes of an incomplete sample.
    """

    def __init__(self, layout: NativeLayout, boxes: Boxes) -> None:
        self._layout = layout
        self._boxes = boxes
        self._position = 0
        self._unused = layout.unused_bits()
        self._runs: dict[int, list[tuple[int, bytes]]] = {}
        """Runs per frame; frame number 0 stands for all frames without boxes of their own."""

    def feed(self, chunk: bytes | bytearray | memoryview) -> bytes | bytearray | memoryview:
        """The next bytes of Pixel Data, covered; the bytes of an incomplete sample are kept for the next call."""
        return self._covered(chunk if self._unused is None else self._unused.feed(bytes(chunk)))

    def close(self) -> bytes | bytearray | memoryview:
        """The bytes of an incomplete sample at the end."""
        return b"" if self._unused is None else self._covered(self._unused.close())

    def _covered(self, chunk: bytes | bytearray | memoryview) -> bytes | bytearray | memoryview:
        start, end = self._position, self._position + len(chunk)
        self._position = end
        size = self._layout.frame_bytes
        if not size or not len(chunk) or not self._boxes:
            return chunk
        covered: bytearray | None = None
        # One more byte on each side, because bytes may be swapped within words.
        last = min((end + size) // size, self._layout.frames)
        for frame in range(max(start - 1, 0) // size + 1, last + 1):
            base = (frame - 1) * size
            for offset, data in self._frame_runs(frame):
                if base + offset - 1 >= end or base + offset + len(data) + 1 <= start:
                    continue
                if covered is None:
                    covered = bytearray(chunk)
                self._write(covered, base + offset - start, data, start)
        return chunk if covered is None else covered

    def _write(self, covered: bytearray, at: int, data: bytes, start: int) -> None:
        if self._layout.swaps_bytes:
            for index, value in enumerate(data):
                place = ((at + start + index) ^ 1) - start
                if 0 <= place < len(covered):
                    covered[place] = value
            return
        if at < 0:
            data, at = data[-at:], 0
        data = data[: len(covered) - at]
        covered[at : at + len(data)] = data

    def _frame_runs(self, frame: int) -> list[tuple[int, bytes]]:
        key = frame if self._boxes.single.get(frame) else 0
        runs = self._runs.get(key)
        if runs is None:
            if key:
                self._runs = {number: kept for number, kept in self._runs.items() if number == 0}
            boxes = self._boxes.of(frame) if key else self._boxes.every
            runs = self._runs[key] = [run for box in boxes for run in self._layout.runs(box)]
        return runs
