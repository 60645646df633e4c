"""The file of an audit chain, to which one process appends, and which it rotates when it is full.

Each worker uses the first free one of `FILE`, `FILE.1`, `FILE.2`, ..., since two processes would fork a chain. If the
file is moved away, for example by a tool that rotates logs, the chain is continued in a new one.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.trust.chain import BrokenChain, Chain, last

MAXIMUM_WORKERS = 256
_TAIL_BYTES = 1 << 20
"""Longer than any two lines."""

_log = logging.getLogger(__name__)


class AuditFile:
    """The end of one worker's chain."""

    def __init__(self, path: Path, key: bytes, *, rotate_bytes: int) -> None:
        """Lock the first free file. Raises ConfigurationError if it cannot be written, or is not a chain."""
        self._rotate_bytes = rotate_bytes
        try:
            self._path, self._lock = _free(path)
        except OSError as error:
            raise ConfigurationError(f"audit.file: it cannot be written ({error.strerror})") from None
        self._descriptor = -1
        self._size = 0
        self._inode = 0
        try:
            self._chain = Chain(key)
            self._open(key)
        except OSError as error:
            self.close()
            raise ConfigurationError(f"audit.file: it cannot be written ({error.strerror})") from None
        except ConfigurationError:
            self.close()
            raise

    @property
    def path(self) -> Path:
        """The file that this process writes."""
        return self._path

    @property
    def head(self) -> str:
        """The end of the chain."""
        return str(self._chain.head)

    def append(self, fields: Callable[[], Mapping[str, object]]) -> bytes:
        """Write and return one line. Raises OSError; the file has no part of the line then."""
        self._follow()
        if self._size > self._rotate_bytes:
            self._rotate()
        return self._write(fields())

    def close(self) -> None:
        """Close and unlock the file."""
        for descriptor in (self._descriptor, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._descriptor = self._lock = -1

    def _open(self, key: bytes | None = None) -> None:
        """Open the file; a new one starts with a line that continues the chain. With a key, find the chain's end."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = descriptor
        status = os.fstat(descriptor)
        self._inode, self._size = status.st_ino, status.st_size
        if key is not None and self._size:
            self._resume(key)
        if not self._size:
            self._write(self._chain.opening())

    def _resume(self, key: bytes) -> None:
        begin = max(0, self._size - _TAIL_BYTES)
        tail = os.pread(self._descriptor, self._size - begin, begin)
        whole = tail.rfind(b"\n") + 1
        if whole < len(tail):
            # The process was stopped while it wrote a line. The response to that request never started.
            _log.warning("audit.file: %d bytes of a line that was not finished are removed", len(tail) - whole)
            os.ftruncate(self._descriptor, begin + whole)
            self._size = begin + whole
        try:
            head = last(tail[:whole].splitlines(keepends=True)[-2:], key)
        except BrokenChain as error:
            raise ConfigurationError(
                f"audit.file: {error}; move {self._path.name} away and keep it, so that a new chain is started"
            ) from None
        if head is not None:
            self._chain.advance(head)

    def _follow(self) -> None:
        """Start a new file if this one was moved or deleted; costs one stat for each line."""
        try:
            status = os.stat(self._path)  # noqa: PTH116 - three times as fast as Path.stat
            if status.st_ino == self._inode:
                self._size = status.st_size
                return
        except FileNotFoundError:
            pass
        self._open()

    def _rotate(self) -> None:
        when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        self._path.rename(self._path.with_name(f"{self._path.name}.{when}-{self._chain.head.seq}"))
        self._open()

    def _write(self, fields: Mapping[str, object]) -> bytes:
        line, head = self._chain.line(fields)
        written = 0
        try:
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
        except OSError:
            if written:
                with suppress(OSError):
                    os.ftruncate(self._descriptor, self._size)
            raise
        self._size += written
        self._chain.advance(head)
        return line


def _free(path: Path) -> tuple[Path, int]:
    """The first file that no other process has locked, and the lock. Raises OSError."""
    for number in range(MAXIMUM_WORKERS):
        mine = path if number == 0 else path.with_name(f"{path.name}.{number}")
        lock = os.open(mine.with_name(f".{mine.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        return mine, lock
    raise OSError(0, "all of its files are taken by other processes")


def make_key(path: Path) -> None:
    """Write a key of 256 random bits to a file with mode 600; an existing file is kept. Raises OSError."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(partial, path)
    finally:
        partial.unlink(missing_ok=True)
