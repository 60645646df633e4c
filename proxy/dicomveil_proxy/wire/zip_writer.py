"""Streaming writer for ZIP files with uncompressed entries of any size.

The length and checksum of an entry are written after it, and the directory after all entries. A truncated file
therefore has no directory, and readers reject it. Equal entries give equal bytes, since timestamps are constant.
Section numbers are those of PKWARE's APPNOTE 6.3.10.
"""

from __future__ import annotations

import struct
import zlib

from dicomveil_proxy.wire.pieces import Piece

_LOCAL = struct.Struct("<4s5H3L2H")  # Section 4.3.7
_LOCAL_SIZES = struct.Struct("<2H2Q")  # Section 4.5.3
_DESCRIPTOR = struct.Struct("<4sL2Q")  # Section 4.3.9
_CENTRAL = struct.Struct("<4s6H3L5H2L")  # Section 4.3.12
_END_64 = struct.Struct("<4sQ2H2L4Q")  # Section 4.3.14
_LOCATOR_64 = struct.Struct("<4sLQL")  # Section 4.3.15
_END = struct.Struct("<4s4H2LH")  # Section 4.3.16

_VERSION = 45
"""Version 4.5 of the specification, for ZIP64."""
_MADE_BY = 3 << 8 | _VERSION
"""Made on Unix, so that readers apply the permissions."""
_FLAGS = 1 << 3
"""Length and checksum follow the entry."""
_STORED = 0
_TIME, _DATE = 0, 1 << 5 | 1
"""1980-01-01, the earliest date of the format."""
_PERMISSIONS = 0o100644 << 16
_MOST_16, _MOST_32 = 0xFFFF, 0xFFFFFFFF


class ZipWriter:
    """Gives the bytes around the entries. For each: `head`, `count` for each of its pieces, `end`; then `close`."""

    def __init__(self) -> None:
        self._offset = 0
        self._directory: list[bytes] = []
        self._name = b""
        self._begin = self._size = self._checksum = 0

    def head(self, name: str) -> bytes:
        """The local header of an entry, whose name is ASCII."""
        self._name = name.encode("ascii")
        self._begin, self._size, self._checksum = self._offset, 0, 0
        sizes = _LOCAL_SIZES.pack(1, 16, 0, 0)
        head = _LOCAL.pack(
            b"PK\3\4", _VERSION, _FLAGS, _STORED, _TIME, _DATE, 0, _MOST_32, _MOST_32, len(self._name), len(sizes)
        )
        return self._sent(head + self._name + sizes)

    def count(self, piece: Piece) -> None:
        """Count a piece of the entry, which the caller writes."""
        self._checksum = zlib.crc32(piece, self._checksum)
        self._size += len(piece)
        self._offset += len(piece)

    def end(self) -> bytes:
        """The data descriptor after an entry."""
        size = self._size
        # Section 4.5.3: only the fields that do not fit into 32 bits, in this order.
        large = [each for each in (size, size, self._begin) if each >= _MOST_32]
        extra = struct.pack(f"<2H{len(large)}Q", 1, 8 * len(large), *large) if large else b""
        short, begin = min(size, _MOST_32), min(self._begin, _MOST_32)
        self._directory.append(
            _CENTRAL.pack(
                *(b"PK\1\2", _MADE_BY, _VERSION, _FLAGS, _STORED, _TIME, _DATE, self._checksum, short, short),
                *(len(self._name), len(extra), 0, 0, 0, _PERMISSIONS, begin),
            )
            + self._name
            + extra
        )
        return self._sent(_DESCRIPTOR.pack(b"PK\7\x08", self._checksum, size, size))

    def close(self) -> bytes:
        """The central directory. Must not be sent after an error."""
        directory, count, begin = b"".join(self._directory), len(self._directory), self._offset
        size = len(directory)
        end = b""
        if count >= _MOST_16 or size >= _MOST_32 or begin >= _MOST_32:
            end = _END_64.pack(b"PK\6\6", 44, _MADE_BY, _VERSION, 0, 0, count, count, size, begin)
            end += _LOCATOR_64.pack(b"PK\6\7", 0, begin + size, 1)
        few = min(count, _MOST_16)
        end += _END.pack(b"PK\5\6", 0, 0, few, few, min(size, _MOST_32), min(begin, _MOST_32), 0)
        return directory + end

    def _sent(self, data: bytes) -> bytes:
        self._offset += len(data)
        return data
