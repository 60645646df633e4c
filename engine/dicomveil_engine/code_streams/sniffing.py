"""Recognising the kind of a code stream by its first bytes, whatever the transfer syntax."""

from __future__ import annotations

from dicomveil_engine.code_streams import jpeg2000, jpeg_xl
from dicomveil_engine.code_streams.deflated import DeflatedStream
from dicomveil_engine.code_streams.jpeg import SOI, JPEGStream
from dicomveil_engine.code_streams.rle import RLEStream
from dicomveil_engine.code_streams.stream import Bytes, CodeStream, unclean
from dicomveil_engine.code_streams.video import VIDEO, VideoStream

LONGEST_SIGNATURE = 12
_RLE_HEADER = b"\0\0\0\x40\0\0\0"
"""The bytes after the number of segments: the first offset is 64, the length of the header."""
_MOST_SEGMENTS = 15
_ITEMS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
_SIGNATURES = (SOI + b"\xff", jpeg2000.CODE_STREAM, jpeg2000.JP2_SIGNATURE, jpeg_xl.CONTAINER)
"""The beginnings of code streams that can hold metadata."""
_FIRST_MARKER = b"\xc0"
RLE = "1.2.840.10008.1.2.5"
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"


def stream_of(head: bytes, syntax: str, length: int) -> CodeStream:
    """The code stream of a frame of this length that begins with these bytes.

    Raises DeidentificationError for an unknown kind of frame.
    """
    if syntax in VIDEO:
        return VideoStream(syntax)
    if syntax == RLE:
        return RLEStream(length)
    if syntax == DEFLATED_FRAMES:
        return DeflatedStream()
    found = image_of(head, length)
    if found is not None:
        return found
    if not any(head):
        return _Zeros()
    raise unclean("has a frame that is not a known kind of code stream")


def image_of(head: bytes, length: int) -> CodeStream | None:
    """The code stream of a picture that begins with these bytes; None if none does."""
    if head[:2] == SOI and head[2:3] in {b"", b"\xff"}:
        return JPEGStream()
    if head[:4] == jpeg2000.CODE_STREAM:
        return jpeg2000.JPEG2000Stream()
    if head[:12] == jpeg2000.JP2_SIGNATURE:
        return jpeg2000.boxed()
    if head[:2] == jpeg_xl.CODE_STREAM:
        return jpeg_xl.bare()
    if head[:12] == jpeg_xl.CONTAINER:
        return jpeg_xl.boxed()
    if head[1:8] == _RLE_HEADER and 0 < head[0] <= _MOST_SEGMENTS:
        return RLEStream(length)
    return None


def refuse_code_stream(head: bytes) -> None:
    """Raise DeidentificationError if native pixels begin as a code stream or as a fragment does.

    Some writers put a code stream into a value of defined length. Its metadata would pass with the pixels.
    """
    if carries_metadata(head) or head.startswith(_ITEMS):
        raise unclean("holds a code stream in the place of native pixels")


def carries_metadata(head: bytes) -> bool:
    """Whether these bytes begin a code stream that can hold metadata."""
    return head.startswith(_SIGNATURES) and (not head.startswith(SOI) or head[3:4] >= _FIRST_MARKER)


class _Zeros:
    """Padding instead of a code stream."""

    is_complete = False
    may_end = True

    def feed(self, data: bytes) -> list[Bytes]:
        if data.count(0) < len(data):
            raise unclean("has a frame that is not a known kind of code stream")
        return [data]

    def close(self) -> list[Bytes]:
        return []
