"""JPEG (ISO/IEC 10918-1) and JPEG-LS (ISO/IEC 14495-1): markers and their segments.

A stream is SOI, segments with a marker and a length, scans after SOS segments, and EOI. Only tables and headers pass,
cut to the length of their content, and APP0 and APP14 in the form that decoders read. Scans are not decoded:
entropy-coded data ends at the next marker.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from dicomveil_engine.code_streams.picture import Picture
from dicomveil_engine.code_streams.stream import Bytes
from dicomveil_engine.errors import InvalidDataSetError

SOI = b"\xff\xd8"
SOF_JPEG_LS = 0xF7
LSE = 0xF8
DHT, DAC, SOS, DQT, DNL, DRI, DHP, EXP = 0xC4, 0xCC, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF
EOI = 0xD9
APP0, APP8, APP14 = 0xE0, 0xE8, 0xEE
FRAME_HEADERS = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), SOF_JPEG_LS))
"""SOF0 to SOF15 without DHT, JPG and DAC, and SOF55 of JPEG-LS."""
WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xDA)))
"""TEM, RST0 to RST7, SOI, EOI."""
_LOSSLESS = frozenset((0xC3, 0xC7, 0xCB, 0xCF))
_END_OF_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""In JPEG, FF00 is a stuffed byte, RST0 to RST7 are within a scan, and FF is a fill byte (B.1.1.2, F.1.2.3)."""
_END_OF_SCAN_JPEG_LS = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")
"""In JPEG-LS a bit is stuffed, so that the byte after FF is below 80H (ISO/IEC 14495-1 Section 9.1)."""


def read_picture(data: bytes) -> Picture:
    """The size and colours of the picture, from the segments before the first scan.

    Raises InvalidDataSetError if this is not JPEG or JPEG-LS, or has no frame header.
    """
    position, found, colours = 2, None, None
    if data[:2] != SOI:
        raise InvalidDataSetError("a frame is not a JPEG code stream")
    while data[position : position + 1] == b"\xff":
        marker = data[position + 1] if position + 1 < len(data) else EOI
        if marker == 0xFF:
            position += 1
            continue
        if marker == EOI:
            break
        if marker in WITHOUT_LENGTH:
            position += 2
            continue
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        segment = data[position + 4 : position + 2 + length]
        if marker in FRAME_HEADERS and len(segment) >= 6:
            found = marker, segment
        elif marker == APP0 and segment[:5] == b"JFIF\0":
            colours = colours or "YBR"
        elif marker == APP14 and segment[:5] == b"Adobe" and len(segment) >= 12:
            colours = "RGB" if segment[11] == 0 else "YBR"
        elif marker == SOS:
            break
        position += 2 + length
    if found is None:
        raise InvalidDataSetError("a JPEG code stream has no frame header")
    marker, segment = found
    samples = segment[5]
    rows, columns = int.from_bytes(segment[1:3], "big"), int.from_bytes(segment[3:5], "big")
    if bytes(segment[6 : 6 + 3 * samples : 3]) == b"RGB" and colours is None:
        colours = "RGB"
    is_lossless = marker in _LOSSLESS or marker == SOF_JPEG_LS
    return Picture(rows, columns, samples, segment[0], colours=colours, is_lossless=is_lossless)


class JPEGStream:
    """One picture, from SOI to EOI."""

    def __init__(self) -> None:
        self.is_complete = False
        self._held = b""
        self._is_in_scan = False
        self._end_of_scan = _END_OF_SCAN
        self._is_begun = False

    @property
    def may_end(self) -> bool:
        """Within a scan, or before the first segment."""
        return self._is_in_scan and len(self._held) < 2

    def feed(self, data: bytes) -> list[Bytes]:
        """The part of these bytes that passes."""
        data = self._held + data if self._held else data
        view = memoryview(data)
        out: list[Bytes] = []
        position, size = 0, len(data)
        while not self.is_complete:
            if self._is_in_scan:
                found = self._end_of_scan.search(data, position)
                if found is None:
                    # The last byte may begin a marker.
                    end = size - 1 if data.endswith(b"\xff") else size
                    if end > position:
                        out.append(view[position:end])
                    position = max(position, end)
                    break
                if found.start() > position:
                    out.append(view[position : found.start()])
                position, self._is_in_scan = found.start(), False
            if size - position < 2:
                break
            if data[position] != 0xFF:  # bytes between segments, which decoders skip
                found_at = data.find(b"\xff", position)
                position = size if found_at < 0 else found_at
                continue
            if data[position + 1] in {0x00, 0xFF}:
                position += 1  # a fill byte
                continue
            marker = data[position + 1]
            if marker in WITHOUT_LENGTH:
                self.is_complete = marker == EOI
                if self.is_complete or not self._is_begun:
                    out.append(data[position : position + 2])
                self._is_begun = True
                position += 2
                continue
            if size - position < 4:
                break
            after = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
            if after > size:
                break
            passed = _passed(marker, data[position + 4 : after])
            if passed is not None:
                out.append(bytes((0xFF, marker)) + (len(passed) + 2).to_bytes(2, "big") + passed)
            if marker == SOF_JPEG_LS:
                self._end_of_scan = _END_OF_SCAN_JPEG_LS
            self._is_in_scan = marker == SOS
            position = after
        self._held = b"" if self.is_complete else data[position:]
        return out

    def close(self) -> list[Bytes]:
        """The rest of a scan that is cut off; an incomplete segment is dropped."""
        held, self._held = self._held, b""
        return [held] if self._is_in_scan and held else []


def _passed(marker: int, content: bytes) -> bytes | None:
    """The part of a segment's content that passes; None if the segment is dropped."""
    if marker in FRAME_HEADERS or marker == DHP:
        return content[: 6 + 3 * content[5]] if len(content) > 5 else content
    rule = _SEGMENTS.get(marker)
    return None if rule is None else rule(content)


def _jfif(content: bytes) -> bytes | None:
    """Version, units and density, if they can be such; the thumbnail and JFIF extensions are dropped."""
    if content[:5] != b"JFIF\0" or len(content) < 14:
        return None
    is_possible = content[5] == 1 and content[6] <= _LATEST_JFIF and content[7] <= _MOST_UNITS
    return (content[:12] if is_possible else b"JFIF\0\1\1\0\0\1\0\1") + b"\0\0"


_LATEST_JFIF = 2
"""The minor version; the major one is 1."""
_MOST_UNITS = 2
"""Dots per cm; 0 is an aspect ratio, and 1 dots per inch."""


def _adobe(content: bytes) -> bytes | None:
    """The colour transform; decoders ignore version and flags."""
    return b"Adobe\0\x64\0\0\0\0" + content[11:12] if content[:5] == b"Adobe" and len(content) >= 12 else None


def _colour_transform(content: bytes) -> bytes | None:
    """The colour transform of HP's JPEG-LS, without which the colours would be wrong."""
    return content[:5] if content[:4] == b"mrfx" and len(content) >= 5 else None


def _scan_header(content: bytes) -> bytes:
    return content[: 4 + 2 * content[0]] if content else content


def _tables(length: Callable[[bytes, int], int]) -> Callable[[bytes], bytes]:
    """A rule that passes all complete tables; `length` gives the length of the table at an offset."""

    def passed(content: bytes) -> bytes:
        end = 0
        while end < len(content) and end + length(content, end) <= len(content):
            end += length(content, end)
        return content[:end]

    return passed


def _preset(content: bytes) -> bytes | None:
    """LSE of JPEG-LS: coding parameters, mapping tables, or the size of a large picture."""
    kind = content[:1]
    if kind == b"\1":
        return content[:11]
    if kind == b"\4":
        return content[: 2 + 2 * content[1]] if len(content) > 1 else None
    return content if kind in {b"\2", b"\3"} else None


_SEGMENTS: dict[int, Callable[[bytes], bytes | None]] = {
    APP0: _jfif,
    APP8: _colour_transform,
    APP14: _adobe,
    DHT: _tables(lambda content, at: 17 + sum(content[at + 1 : at + 17])),
    DQT: _tables(lambda content, at: 65 + 64 * (content[at] >> 4 & 1)),
    DAC: _tables(lambda _content, _at: 2),
    SOS: _scan_header,
    DRI: lambda content: content[:4],
    DNL: lambda content: content[:2],
    EXP: lambda content: content[:1],
    LSE: _preset,
}
"""Marker → the part of the content that passes. Other segments are dropped: APPn, COM and reserved ones."""
