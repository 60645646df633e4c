"""JPEG XL (ISO/IEC 18181): the bare code stream, and the container."""

from __future__ import annotations

from dicomveil_engine.code_streams.boxes import BoxedStream, box_head
from dicomveil_engine.code_streams.picture import Picture
from dicomveil_engine.code_streams.stream import Bytes, CodeStream
from dicomveil_engine.errors import InvalidDataSetError

CODE_STREAM = b"\xff\x0a"
CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
"""The first box of the container (ISO/IEC 18181-2)."""
_SIDE_BITS = (9, 13, 18, 30)
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
"""Width to height, if the header gives the height only (D.2)."""


def read_picture(data: bytes) -> Picture:
    """The size of the picture, from its SizeHeader (ISO/IEC 18181-1 D.2); samples and precision are 0, not read.

    Raises InvalidDataSetError if this is not JPEG XL.
    """
    start = code_stream_at(data)
    if start is None:
        raise InvalidDataSetError("a frame is not a JPEG XL code stream")
    bits = _Bits(data[start + 2 : start + 18])
    if bits.take(1):
        rows = 8 * (bits.take(5) + 1)
        ratio = bits.take(3)
        columns = 0 if ratio else 8 * (bits.take(5) + 1)
    else:
        rows = bits.take(_SIDE_BITS[bits.take(2)]) + 1
        ratio = bits.take(3)
        columns = 0 if ratio else bits.take(_SIDE_BITS[bits.take(2)]) + 1
    if ratio:
        wide, high = _RATIOS[ratio]
        columns = rows * wide // high
    return Picture(rows, columns, 0, 0)


def code_stream_at(data: bytes) -> int | None:
    """The beginning of the code stream, which may be in a container; None if there is none."""
    if data[:2] == CODE_STREAM:
        return 0
    if data[:12] != CONTAINER:
        return None
    position = 0
    while (found := box_head(data, position)) is not None:
        kind, head, length = found
        if kind in {b"jxlc", b"jxlp"}:
            # jxlp has the number of the part before the code stream.
            start = position + head + (4 if kind == b"jxlp" else 0)
            return start if data[start : start + 2] == CODE_STREAM else None
        if length < 0:
            return None
        position += head + length
    return None


class _Bits:
    """A reader of bits, lowest first."""

    def __init__(self, data: bytes) -> None:
        self._bits = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        """The next `count` bits as a number."""
        taken = self._bits & (1 << count) - 1
        self._bits >>= count
        return taken


def bare() -> CodeStream:
    """A code stream without a container, which cannot hold metadata."""
    return _Whole()


def boxed() -> BoxedStream:
    """The code stream in a container."""
    return BoxedStream(_Whole(), {b"jxlc": 0, b"jxlp": 4})


class _Whole:
    """Bytes that pass unchanged up to the end of the frame; the end of the code stream is known to a decoder only."""

    is_complete = False
    may_end = True

    def feed(self, data: bytes) -> list[Bytes]:
        return [data]

    def close(self) -> list[Bytes]:
        return []
