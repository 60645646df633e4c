"""Deflated frames (PS3.5 Section A.4.13): one deflate stream each; bytes after it are removed."""

from __future__ import annotations

import zlib

from dicomveil_engine.code_streams.stream import Bytes, unclean

_STEP = 1 << 20
"""Bytes inflated at a time, so that a small frame cannot become a large buffer."""


class DeflatedStream:
    """A frame, which is inflated to find its end, and passed unchanged."""

    may_end = False

    def __init__(self) -> None:
        self.is_complete = False
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)

    def feed(self, data: bytes) -> list[Bytes]:
        """The part of these bytes that passes."""
        rest = data
        try:
            while rest and not self._inflater.eof:
                self._inflater.decompress(rest, _STEP)
                rest = self._inflater.unconsumed_tail
        except zlib.error:
            raise unclean("has a frame that is not deflated, although its transfer syntax is") from None
        self.is_complete = self._inflater.eof
        end = len(data) - len(self._inflater.unused_data)
        return [memoryview(data)[:end]]

    def close(self) -> list[Bytes]:
        """Nothing is held back."""
        return []
