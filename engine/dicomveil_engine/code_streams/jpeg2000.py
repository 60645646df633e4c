"""JPEG 2000 and High-Throughput JPEG 2000 (ISO/IEC 15444-1, -15): markers, and the boxes that may be around them."""

from __future__ import annotations

from dicomveil_engine.code_streams.picture import Picture
from dicomveil_engine.errors import InvalidDataSetError

CODE_STREAM = b"\xff\x4f\xff\x51"
"""SOC and SIZ, with which every code stream begins (A.4.1)."""
JP2_SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"
"""The first box of a JP2 file (I.5.1). DICOM allows the bare code stream only (PS3.5 A.4.4); some writers differ."""
_SIZ_AT = 4


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
    return Picture(bottom - top, right - left, samples, (depth & 0x7F) + 1, is_signed=bool(depth & 0x80))


def code_stream_at(data: bytes) -> int | None:
    """Where the code stream begins: at once, or within the boxes of a JP2 file; None where there is none."""
    if data[:4] == CODE_STREAM:
        return 0
    if data[:12] != JP2_SIGNATURE:
        return None
    position = 0
    while position + 8 <= len(data):
        length, head = int.from_bytes(data[position : position + 4], "big"), 8
        if length == 1:
            length, head = int.from_bytes(data[position + 8 : position + 16], "big"), 16
        if data[position + 4 : position + 8] == b"jp2c":
            start = position + head
            return start if data[start : start + 4] == CODE_STREAM else None
        if length < head:
            return None
        position += length
    return None
