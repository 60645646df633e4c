"""JPEG 2000 and High-Throughput JPEG 2000 (ISO/IEC 15444-1, -15): markers and their segments, and JP2 files.

A code stream is SOC, the segments of the main header, tile-parts with their own segments and a length, and EOC.
Segments that decoders read are kept, and comments are removed; in a tile-part, which keeps its length, they are
overwritten. The packets of tile-parts are not decoded.
"""

from __future__ import annotations

from dicomveil_engine.code_streams.boxes import BoxedStream, box_head
from dicomveil_engine.code_streams.picture import Picture
from dicomveil_engine.code_streams.stream import Bytes, unclean
from dicomveil_engine.errors import InvalidDataSetError

CODE_STREAM = b"\xff\x4f\xff\x51"
"""SOC and SIZ, with which every code stream begins (A.4.1)."""
JP2_SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"
"""The first box of a JP2 file (I.5.1), which DICOM does not allow (PS3.5 Section A.4.4), but some writers use."""
_SIZ_AT = 4
_COD, _COD_BYTES = 0x52, 14
"""The marker of COD, and its bytes from the marker to the transform."""
_SOC, _SOT, _SOD, _EOC, _COM = 0x4F, 0x90, 0x93, 0xD9, 0x64
_EOC_BYTES = b"\xff\xd9"
_LEAST_SEGMENT = 4
"""Bytes of a marker and a length, which counts itself (A.4)."""
_OPEN = 1 << 62
"""Used as the length of a tile-part of unknown length, which extends to EOC."""
_READ = frozenset((*range(0x50, 0x64), *range(0x70, 0x7A)))
"""Markers that decoders read, of Part 1, Part 2 (Annex A) and Part 15."""


def read_picture(data: bytes) -> Picture:
    """The size of the picture, from its SIZ segment (A.5.1).

    Raises InvalidDataSetError if this is not JPEG 2000.
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
    """Whether COD in the main header, before the first tile-part, has the reversible 5-3 transform (A.6.1)."""
    while len(data) - position >= _COD_BYTES and data[position] == 0xFF and data[position + 1] != _SOT:
        if data[position + 1] == _COD:
            return data[position + _COD_BYTES - 1] == 1
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return False


def code_stream_at(data: bytes) -> int | None:
    """The beginning of the code stream, which may be in a JP2 file; None if there is none."""
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
        """Bytes left of the tile-part, or of its packets after its header."""
        self._is_in_header = False
        """Whether the header of a tile-part is being read."""
        self._is_open = False
        """Whether the packets extend to EOC."""

    @property
    def may_end(self) -> bool:
        """Whether this is not within a segment."""
        return len(self._held) < 2

    def feed(self, data: bytes) -> list[Bytes]:
        """The part of these bytes that passes."""
        data = self._held + data if self._held else data
        view = memoryview(data)
        out: list[Bytes] = []
        position, size = 0, len(data)
        while position < size and not self.is_complete:
            start = position
            if self._is_open:
                # A tile-part of unknown length is the last one, and packets have no two bytes above FF8FH (B.10.1).
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
        """The rest of packets that are cut off, which may be half of an EOC."""
        held, self._held = self._held, b""
        return [held] if self._is_open else []

    def _marker(self, data: bytes, position: int) -> tuple[list[Bytes], int]:
        """The part of a delimiter or segment that passes, and its end; the position itself if more is needed."""
        size = len(data)
        if size - position < 2:
            return [], position
        marker = data[position + 1] if data[position] == 0xFF else 0
        if marker in {_SOC, _SOD, _EOC}:
            self._delimiter(marker)
            return [data[position : position + 2]], position + 2
        if marker < _SOC:
            # There is no marker where there must be one: the code stream is cut off, and the rest is padding.
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
        if len(segment) < _LEAST_SEGMENT:
            raise unclean("has a JPEG 2000 code stream with a segment that is shorter than its own length")
        if self._left < 2:
            raise unclean("has a JPEG 2000 code stream with a tile-part that is shorter than its header")
        # The tile-part keeps its length, so the segment becomes a comment of zeros, which is binary (A.9.2).
        return [segment if is_read else bytes((0xFF, _COM)) + segment[2:4] + bytes(len(segment) - 4)]
