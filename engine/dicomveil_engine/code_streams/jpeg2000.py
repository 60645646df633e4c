"""JPEG 2000 and High-Throughput JPEG 2000 (ISO/IEC 15444-1, -15): markers, and the boxes that may be around them.

A code stream is SOC, the segments of the main header, tile-parts with segments of their own and a length, and EOC.
Segments that a decoder reads are kept; comments are removed; in a tile-part, whose length is kept, their text is
overwritten. What a tile-part's packets hold is not looked at.
"""

from __future__ import annotations

from dicomveil_engine.code_streams.boxes import BoxedStream, box_head
from dicomveil_engine.code_streams.picture import Picture
from dicomveil_engine.code_streams.stream import Bytes, unclean
from dicomveil_engine.errors import InvalidDataSetError

CODE_STREAM = b"\xff\x4f\xff\x51"
"""SOC and SIZ, with which every code stream begins (A.4.1)."""
JP2_SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"
"""The first box of a JP2 file (I.5.1). DICOM allows the bare code stream only (PS3.5 A.4.4); some writers differ."""
_SIZ_AT = 4
_COD, _COD_BYTES = 0x52, 14
"""Marker, length, style, layers, levels and so on, up to the transform."""
_SOC, _SOT, _SOD, _EOC, _COM = 0x4F, 0x90, 0x93, 0xD9, 0x64
_EOC_BYTES = b"\xff\xd9"
_OPEN = 1 << 62
"""The length of a tile-part that gives no length: it continues up to EOC."""
_READ = frozenset((*range(0x50, 0x64), *range(0x70, 0x7A)))
"""Markers that decoders read, of Part 1, Part 2 (Annex A) and Part 15."""


def read_picture(data: bytes) -> Picture:
    """The size of the picture, from its SIZ segment (A.5.1).

    Raises InvalidDataSetError where this is not JPEG 2000.
    """
    start = code_stream_at(data)
    if start is None:
        raise InvalidDataSetError("a frame is not a JPEG 2000 code stream")
    siz = data[start + _SIZ_AT : start + _SIZ_AT + 2 + 36 + 3]
    if len(siz) < 41:
        raise InvalidDataSetError("a JPEG 2000 code stream is cut off")
    right, bottom, left, top = (int.from_bytes(siz[at : at + 4], "big") for at in (4, 8, 12, 16))
    samples = int.from_bytes(siz[36:38], "big")
    depth = siz[38]
    return Picture(
        bottom - top,
        right - left,
        samples,
        (depth & 0x7F) + 1,
        is_signed=bool(depth & 0x80),
        is_lossless=_is_reversible(data, start + 2),
    )


def _is_reversible(data: bytes, position: int) -> bool:
    """Whether COD in the main header names the reversible 5-3 transform (A.6.1); it stands before the first tile."""
    while len(data) - position >= _COD_BYTES and data[position] == 0xFF and data[position + 1] != _SOT:
        if data[position + 1] == _COD:
            return data[position + _COD_BYTES - 1] == 1
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return False


def code_stream_at(data: bytes) -> int | None:
    """Where the code stream begins: at once, or within the boxes of a JP2 file; None where there is none."""
    if data[:4] == CODE_STREAM:
        return 0
    if data[:12] != JP2_SIGNATURE:
        return None
    position = 0
    while (found := box_head(data, position)) is not None:
        kind, head, length = found
        if kind == b"jp2c":
            start = position + head
            return start if data[start : start + 4] == CODE_STREAM else None
        if length < 0:
            return None
        position += head + length
    return None


def boxed() -> BoxedStream:
    """The code stream in a JP2 file."""
    return BoxedStream(JPEG2000Stream(), {b"jp2c": 0})


class JPEG2000Stream:
    """One picture, from SOC to EOC."""

    def __init__(self) -> None:
        self.is_complete = False
        self._held = b""
        self._left = 0
        """Bytes left of a tile-part's packets, or of the one whose header is read if `_is_in_header`."""
        self._is_in_header = False
        self._is_open = False
        """Whether packets continue up to EOC."""

    @property
    def may_end(self) -> bool:
        """Anywhere but within a segment."""
        return len(self._held) < 2

    def feed(self, data: bytes) -> list[Bytes]:
        """What passes of these bytes."""
        data = self._held + data if self._held else data
        view = memoryview(data)
        out: list[Bytes] = []
        position, size = 0, len(data)
        while position < size and not self.is_complete:
            start = position
            if self._is_open:
                # A tile-part of unknown length is the last one, and no two bytes of packets are above FF8FH (B.10.1).
                end = data.find(_EOC_BYTES, position)
                position = end if end >= 0 else size - data.endswith(b"\xff")
                self._is_open = end < 0
            elif self._left and not self._is_in_header:
                position = min(position + self._left, size)
                self._left -= position - start
            else:
                passed, after = self._marker(data, position)
                if after == position:
                    break
                out += passed
                position = after
                continue
            if position == start and self._is_open:
                break
            out.append(view[start:position])
        self._held = b"" if self.is_complete else data[position:]
        return out

    def close(self) -> list[Bytes]:
        """Packets may be cut off in the middle of what could be EOC."""
        held, self._held = self._held, b""
        return [held] if self._is_open else []

    def _marker(self, data: bytes, position: int) -> tuple[list[Bytes], int]:
        """What passes of a delimiter or segment, and where it ends: at the position where more is needed."""
        size = len(data)
        if size - position < 2:
            return [], position
        marker = data[position + 1] if data[position] == 0xFF else 0
        if marker in {_SOC, _SOD, _EOC}:
            self._delimiter(marker)
            return [data[position : position + 2]], position + 2
        if marker < _SOC:
            # No marker where one must be: the code stream is cut off, and this is padding or nothing that is decoded.
            self.is_complete = True
            return [], size
        after = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if size - position < 4 or after > size:
            return [], position
        return self._segment(marker, data[position:after]), after

    def _delimiter(self, marker: int) -> None:
        if marker == _EOC:
            self.is_complete = True
        elif marker == _SOD:
            if not self._is_in_header:
                raise unclean("has a JPEG 2000 code stream with a tile-part that has no header")
            self._is_in_header = False
            self._is_open = self._left >= _OPEN // 2
            self._left = 0 if self._is_open else self._left - 2

    def _segment(self, marker: int, segment: bytes) -> list[Bytes]:
        if marker == _SOT:
            length = int.from_bytes(segment[6:10], "big") or _OPEN
            self._is_in_header, self._left = True, length
        is_read = marker in _READ or marker == _SOT
        if not self._is_in_header:
            return [segment] if is_read else []
        self._left -= len(segment)
        if self._left < 2:
            raise unclean("has a JPEG 2000 code stream with a tile-part that is shorter than its header")
        # The length of a tile-part stays. A comment that says nothing is binary (A.9.2).
        return [segment if is_read else bytes((0xFF, _COM)) + segment[2:4] + bytes(len(segment) - 4)]
