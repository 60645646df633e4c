"""Which original a pseudonym stands for, remembered on disk.

The map is a cache of the inverse of a keyed function. It can be deleted, and nothing is lost but time. It
holds originals, so its file is its owner's alone. Nothing here knows how a pseudonym is made.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import TypeVar

from dicomveil_proxy.errors import StateUnavailable

if sys.platform != "win32":
    import fcntl

SCHEMA_VERSION = 1
"""In the file's `user_version`; a file of another version is made anew."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS identity (
    kind TEXT NOT NULL, pseudonym TEXT NOT NULL, original TEXT NOT NULL, PRIMARY KEY (kind, pseudonym)
) WITHOUT ROWID
"""
# A row that is already right costs no write.
_REMEMBER = """
INSERT INTO identity (kind, pseudonym, original) VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET original = excluded.original WHERE original <> excluded.original
"""
_ORIGINAL = "SELECT original FROM identity WHERE kind = ? AND pseudonym = ?"

_BROKEN = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB))
_OTHER_SCHEMA = "the identity map's file has another schema"


class Kind(Enum):
    """What a pseudonym is of."""

    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"
    PATIENT = "patient"


Identity = tuple[Kind, str, str]
"""Kind, pseudonym, original."""


_T = TypeVar("_T")


def ignore_warning(message: str) -> None:
    """Take a warning that nobody asked for."""


class IdentityMap:
    """pseudonym → original in an SQLite file, which other processes may use at the same time; for any thread.

    `warn` hears, without any value, when a broken file was made anew.
    """

    def __init__(
        self,
        path: Path,
        *,
        recent_entries: int = 65_536,
        busy_seconds: float = 5.0,
        warn: Callable[[str], None] = ignore_warning,
    ) -> None:
        self._path = path
        self._busy_seconds = busy_seconds
        self._warn = warn
        self._lock = threading.Lock()
        self._recent: OrderedDict[tuple[Kind, str], str] = OrderedDict()
        self._recent_entries = recent_entries
        self._inode = 0
        with self._state():
            self._connection = self._open()

    def remember(self, identities: Iterable[Identity]) -> None:
        """Keep what pseudonyms stand for, in one write.

        Raises StateUnavailable when the file cannot be written; this process then remembers all the same.
        """
        with self._lock:
            new = [each for each in dict.fromkeys(identities) if self._recent.get(each[:2]) != each[2]]
            if not new:
                return
            for kind, pseudonym, original in new:
                self._keep(kind, pseudonym, original)
            rows = [(kind.value, pseudonym, original) for kind, pseudonym, original in new]
            self._with_file(lambda: self._write(rows))

    def recent(self, kind: Kind, pseudonym: str) -> str | None:
        """The original, if it is in memory; never waits for the disk."""
        with self._lock:
            original = self._recent.get((kind, pseudonym))
            if original is not None:
                self._recent.move_to_end((kind, pseudonym))
            return original

    def original(self, kind: Kind, pseudonym: str) -> str | None:
        """The original, or None where it is not remembered; raise StateUnavailable when that is unknown."""
        if (original := self.recent(kind, pseudonym)) is not None:
            return original
        with self._lock:
            row = self._with_file(lambda: self._connection.execute(_ORIGINAL, (kind.value, pseudonym)).fetchone())
            if row is None:
                return None
            self._keep(kind, pseudonym, row[0])
            return str(row[0])

    def close(self) -> None:
        """Let go of the file; what is asked afterwards raises StateUnavailable."""
        with self._lock:
            self._connection.close()

    def _keep(self, kind: Kind, pseudonym: str, original: str) -> None:
        self._recent[kind, pseudonym] = original
        self._recent.move_to_end((kind, pseudonym))
        if len(self._recent) > self._recent_entries:
            self._recent.popitem(last=False)

    def _write(self, rows: list[tuple[str, str, str]]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._connection.executemany(_REMEMBER, rows)
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            with suppress(sqlite3.Error):  # a full disk has rolled back already
                self._connection.execute("ROLLBACK")
            raise

    def _with_file(self, act: Callable[[], _T]) -> _T:
        """Do it; where the file turns out to be broken, do it again with a new one."""
        with self._state():
            try:
                return act()
            except sqlite3.DatabaseError as error:
                if not _is_broken(error):
                    raise
                self._connection.close()
                self._connection = self._open(is_broken=True)
                return act()

    @contextmanager
    def _state(self) -> Iterator[None]:
        """Whatever the disk says becomes StateUnavailable, without SQL or values."""
        try:
            yield
        except sqlite3.Error as error:
            reason = getattr(error, "sqlite_errorname", "closed")
            raise StateUnavailable(f"the identity map cannot be used ({reason})") from None
        except OSError as error:
            raise StateUnavailable(f"the identity map cannot be used ({type(error).__name__})") from None

    def _open(self, *, is_broken: bool = False) -> sqlite3.Connection:
        """Open the file, making it anew where it is broken; other processes that open it wait meanwhile."""
        with self._alone():
            # Another process may have replaced the broken file already.
            if is_broken and self._path.exists() and self._path.stat().st_ino == self._inode:
                self._delete()
            try:
                return self._connect()
            except sqlite3.DatabaseError as error:
                if not _is_broken(error):
                    raise
            self._delete()
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        # SQLite gives its other files the mode of this one. One that exists is not opened here: to close
        # it again would drop the locks that this process has on it.
        with suppress(FileExistsError):
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        self._path.chmod(0o600)
        self._inode = self._path.stat().st_ino
        connection = sqlite3.connect(
            self._path, timeout=self._busy_seconds, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            # A crash of the machine may lose the last writes, which costs a cache nothing.
            connection.execute("PRAGMA synchronous = NORMAL")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version not in (0, SCHEMA_VERSION):
                raise sqlite3.DatabaseError(_OTHER_SCHEMA)
            connection.execute(_SCHEMA)
            connection.execute(_ORIGINAL, ("", "")).fetchone()
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION:d}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _delete(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._warn("the identity map could not be read and was made anew")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock file, which keeps processes that start together out of each other's way."""
        if sys.platform == "win32":
            yield
            return
        descriptor = os.open(self._path.with_name(self._path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _is_broken(error: sqlite3.DatabaseError) -> bool:
    """Whether the file is at fault, and not the disk or the moment."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _BROKEN or str(error) == _OTHER_SCHEMA
