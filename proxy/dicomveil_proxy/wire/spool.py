"""Bytes that wait to be whole: in memory as they came, and beyond a limit in a temporary file without a name."""

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
    """Written once, piece by piece, and then read, as often as need be.

    Pieces are not copied while they are in memory; nobody may change them. Writing raises OSError when the disk is
    full.
    """

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._file: IO[bytes] | None = None
        """Where it is too long for memory, or read as a file."""
        self._is_read = False
        self.size = 0
        """Bytes."""

    @property
    def pieces(self) -> Sequence[Piece] | None:
        """All bytes in the pieces that came; None where they are in a file."""
        return None if self._file else self._pieces

    def add(self, pieces: Iterable[Piece]) -> None:
        """Append."""
        for piece in pieces:
            self.size += len(piece)
            if self._file:
                self._file.writelines((piece,))
            else:
                self._pieces.append(piece)
        if self._file is None and self.size > IN_MEMORY:
            self._into(tempfile.TemporaryFile())  # noqa: SIM115 - it is closed with this one

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def flush(self) -> None:
        """Write what is held back: a full disk shows now at the latest."""
        if self._file:
            self._file.flush()

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to so many bytes from where it stands: at first at the beginning."""
        return self._opened().read(-1 if size is None else size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place."""
        return self._opened().seek(offset, whence)

    def tell(self) -> int:
        """The place where it stands."""
        return self._opened().tell()

    def close(self) -> None:
        """Discard all bytes."""
        file, self._file, self._pieces = self._file, None, []
        with suppress(OSError):  # a full disk fails once more
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
