"""A spool: bytes kept in memory up to a limit, and beyond it in a temporary file without a name."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import IO

from dicomveil_proxy.wire.pieces import Piece

IN_MEMORY = 1 << 20
"""Bytes; most instances are shorter."""


class Spool(io.BufferedIOBase):
    """A file that is written once, in pieces, and then read any number of times.

    Pieces in memory are not copied, and must not be modified. Writing raises OSError when the disk is full.
    """

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._file: IO[bytes] | None = None
        """Set when it is too long for memory, or read as a file."""
        self._is_read = False
        self.size = 0
        """Length in bytes."""

    @property
    def pieces(self) -> Sequence[Piece] | None:
        """The pieces as they were added; None if they are in a file."""
        return None if self._file else self._pieces

    def add(self, pieces: Iterable[Piece]) -> None:
        """Append pieces. Raises OSError."""
        for piece in pieces:
            self.size += len(piece)
            if self._file:
                self._file.writelines((piece,))
            else:
                self._pieces.append(piece)
        if self._file is None and self.size > IN_MEMORY:
            self._into(tempfile.TemporaryFile())  # noqa: SIM115 - closed by `close`

    def readable(self) -> bool:
        """Always true."""
        return True

    def seekable(self) -> bool:
        """Always true."""
        return True

    def flush(self) -> None:
        """Flush the file. Raises OSError when the disk is full."""
        if self._file:
            self._file.flush()

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes from the current position, which is initially 0."""
        return self._opened().read(-1 if size is None else size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Set the position."""
        return self._opened().seek(offset, whence)

    def tell(self) -> int:
        """The current position."""
        return self._opened().tell()

    def close(self) -> None:
        """Discard all bytes."""
        file, self._file, self._pieces = self._file, None, []
        with suppress(OSError):  # closing flushes, which fails again on a full disk
            if file:
                file.close()
        super().close()

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            self._into(io.BytesIO())
        assert self._file is not None
        if not self._is_read:
            self._is_read = True
            self._file.seek(0)
        return self._file

    def _into(self, file: IO[bytes]) -> None:
        self._file = file
        file.writelines(self._pieces)
        self._pieces = []
