"""Many instances of one series, and an instance that is too large to be held.

What an instance consists of is in `instances.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO

from pydicom import dcmread

from bench.attributes import ACQUISITION_TIME, CONTENT_TIME, INSTANCE, POSITION, SERIES
from bench.instances import ct, ultrasound

_HEADER = 1 << 13
"""Bytes within which an instance says when and where it was taken."""
_CHUNK = bytes(range(256)) * 4096
_ROWS, _COLUMNS, _SAMPLES = 600, 800, 3


def sibling(instance: bytes, number: int) -> bytes:
    """The next instance of its series, which nobody has seen.

    All UIDs of instances are new, its own and those that it refers to; its number, its times and its place differ
    from those of its neighbours.
    """
    new = instance.replace(INSTANCE.encode(), _prefix(number).encode())
    header, pixels = new[:_HEADER], new[_HEADER:]
    for there, here in (
        (b" \x00\x13\x00IS\x02\x001 ", b" \x00\x13\x00IS\x02\x00%02d" % (number % 100)),
        (CONTENT_TIME.encode(), b"1011%02d" % (number % 60)),
        (ACQUISITION_TIME.encode(), b"1011%02d.5" % (number % 60)),
        (POSITION.encode(), b"-%03d" % (number % 1_000)),
    ):
        header = header.replace(there, here)
    return header + pixels


def ct_series(count: int, rows: int = 512, columns: int = 512, *, series: str = SERIES) -> list[bytes]:
    """A series of noisy CT slices, whose last pixel is their number; `series` is as long as SERIES."""
    first = ct(rows, columns, noise=1)
    numbered = (sibling(first, number)[:-2] + (number % 4096).to_bytes(2, "little") for number in range(count))
    return [each.replace(SERIES.encode(), series.encode()) for each in numbered]


def ct_uid(number: int) -> str:
    """The SOP Instance UID of a slice of `ct_series`."""
    return f"{_prefix(number)}.1"


@dataclass(frozen=True)
class LongInstance:
    """An ultrasound loop in Part 10 form that is made as it is read."""

    frames: int

    @property
    def size(self) -> int:
        """Bytes of the instance."""
        return len(self._head) + self._pixel_bytes

    def chunks(self) -> Iterator[bytes]:
        """Its bytes, a MiB at a time."""
        yield self._head
        whole, rest = divmod(self._pixel_bytes, len(_CHUNK))
        for _ in range(whole):
            yield _CHUNK
        yield _CHUNK[:rest]

    @property
    def _pixel_bytes(self) -> int:
        return self.frames * _ROWS * _COLUMNS * _SAMPLES

    @cached_property
    def _head(self) -> bytes:
        """All up to the pixels, whose length is the last that is said before them."""
        dataset = dcmread(BytesIO(ultrasound(1, _ROWS, _COLUMNS)))
        dataset.NumberOfFrames = self.frames
        dataset.PixelData = b""
        buffer = BytesIO()
        dataset.save_as(buffer)
        return buffer.getvalue()[:-4] + self._pixel_bytes.to_bytes(4, "little")


def _prefix(number: int) -> str:
    return f"{SERIES}.{1_000_000 + number}"
