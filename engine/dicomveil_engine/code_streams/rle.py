"""RLE (PS3.5 Annex G): a header of sixteen numbers, and segments that hold nothing but pixels."""

from __future__ import annotations

import struct
from itertools import pairwise

from dicomveil_engine.code_streams.stream import Bytes, unclean

_HEADER_BYTES = 64
_HEADER = struct.Struct("<16I")


class RLEStream:
    """One frame, which is one fragment (PS3.5 Section A.4.2). Its header is checked, and unused offsets are cleared."""

    is_complete = False
    may_end = True

    def __init__(self, length: int) -> None:
        """`length` is the length of the frame in bytes."""
        self._length = length
        self._held = b""
        self._is_checked = False

    def feed(self, data: bytes) -> list[Bytes]:
        """The part of these bytes that passes."""
        if self._is_checked:
            return [data]
        self._held += data
        if len(self._held) < _HEADER_BYTES:
            return []
        count, *offsets = _HEADER.unpack_from(self._held)
        used, unused = offsets[:count], offsets[count:]
        rising = all(before < after for before, after in pairwise(used))
        if not (0 < count <= 15 and used[0] == _HEADER_BYTES and rising and used[-1] <= self._length):
            raise unclean("has a frame that is not RLE, although its transfer syntax is")
        if any(unused):
            self._held = _HEADER.pack(count, *used, *bytes(len(unused))) + self._held[_HEADER_BYTES:]
        self._is_checked = True
        return [self._held]

    def close(self) -> list[Bytes]:
        """Nothing, since a frame shorter than a header has no pixels."""
        return []
