"""Deflated data sets (PS3.5 Section A.5): inflated in steps of bounded size, and deflated again.

ISA-L is used if it is installed (the extra `fast`), else zlib. Their outputs differ, but each is the same however the
input was split.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from dicomveil_engine.errors import InvalidDataSetError

try:
    from isal import igzip_lib, isal_zlib
except ImportError:
    CODEC: ModuleType = zlib
    _ERRORS: tuple[type[Exception], ...] = (zlib.error,)
else:
    CODEC = isal_zlib
    _ERRORS = (zlib.error, igzip_lib.IsalError)  # type: ignore[assignment]  # its stub says an instance

_STEP = 1 << 20
"""Bytes inflated at a time, so that a small stream cannot become a large buffer."""

_BLOCK = 1 << 16
"""Bytes deflated at a time."""


class Inflater:
    """Inflates a data set that arrives in pieces."""

    def __init__(self, codec: ModuleType = CODEC) -> None:
        self._stream: Any = codec.decompressobj(-zlib.MAX_WBITS)

    def feed(self, data: bytes | memoryview, *, closing: bool) -> Iterator[bytes]:
        """Inflate the next bytes, in pieces. Raises InvalidDataSetError if that fails, or the data is cut off."""
        stream = self._stream
        try:
            while not stream.eof:
                inflated = stream.decompress(data, _STEP)
                data = stream.unconsumed_tail
                yield inflated
                # Output may be pending after all input was read.
                if not data and len(inflated) < _STEP:
                    break
        except _ERRORS:
            raise InvalidDataSetError("the deflated data set cannot be inflated") from None
        if closing and not stream.eof:
            raise InvalidDataSetError("the deflated data set is cut off")


class Deflater:
    """Deflates a data set that is being written."""

    def __init__(self, codec: ModuleType = CODEC) -> None:
        self._stream: Any = codec.compressobj(wbits=-zlib.MAX_WBITS)
        self._held = bytearray()
        self._written = 0

    def feed(self, data: bytes | bytearray | memoryview) -> bytes:
        """Add data, and return the output that is ready."""
        # ISA-L's output depends on how its input is split, so it is always split in the same way.
        self._held += data
        ready = b""
        if len(self._held) >= _BLOCK:
            blocks = len(self._held) // _BLOCK * _BLOCK
            ready = b"".join(self._stream.compress(self._held[at : at + _BLOCK]) for at in range(0, blocks, _BLOCK))
            del self._held[:blocks]
        self._written += len(ready)
        return ready

    def close(self) -> bytes:
        """The rest of the output, padded to an even length (PS3.5 Section A.5)."""
        rest: bytes = self._stream.compress(self._held) + self._stream.flush()
        return rest + bytes((self._written + len(rest)) % 2)
