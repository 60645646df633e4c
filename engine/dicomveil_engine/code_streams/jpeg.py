"""JPEG (ISO/IEC 10918-1) and JPEG-LS (ISO/IEC 14495-1): markers and their segments.

Both begin with SOI and hold segments of two bytes of marker and two of length up to the first scan.
"""

from __future__ import annotations

from dicomveil_engine.code_streams.picture import Picture
from dicomveil_engine.errors import InvalidDataSetError

SOI = b"\xff\xd8"
SOF_JPEG_LS = 0xF7
SOF_LOSSLESS = 0xC3
SOS = 0xDA
EOI = 0xD9
APP0 = 0xE0
APP14 = 0xEE
FRAME_HEADERS = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), SOF_JPEG_LS))
"""SOF0 to SOF15 and JPEG-LS's SOF55; DHT, JPG and DAC are between them."""
WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xDA)))
"""TEM, RST0 to RST7, SOI, EOI."""
_LOSSLESS = frozenset((0xC3, 0xC7, 0xCB, 0xCF))


def read_picture(data: bytes) -> Picture:
    """The size of the picture and its colours, from the segments before the first scan.

    Raises InvalidDataSetError where this is not JPEG or JPEG-LS, or has no frame header.
    """
    position, found, colours = 2, None, None
    if data[:2] != SOI:
        raise InvalidDataSetError("a frame is not a JPEG code stream")
    while True:
        if data[position : position + 1] != b"\xff":
            break
        marker = data[position + 1] if position + 1 < len(data) else EOI
        if marker == 0xFF:  # fill bytes may stand before any marker (B.1.1.2)
            position += 1
            continue
        if marker in WITHOUT_LENGTH:
            if marker == EOI:
                break
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
        if marker == SOS:
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
    return Picture(
        rows, columns, samples, segment[0], colours=colours if samples == 3 else None, is_lossless=is_lossless
    )
