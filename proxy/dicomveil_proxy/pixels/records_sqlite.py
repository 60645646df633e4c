"""The rows of `records` in an SQLite file of the state folder."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path

_TABLE = """CREATE TABLE IF NOT EXISTS boxes (
    digest BLOB PRIMARY KEY, record TEXT NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID"""
_SWEEP_EACH = 256
"""Rows written between two checks of their number."""


class SQLiteBoxes:
    """A `BoxTable` in a file, with at most `most` rows; without rows if the file cannot be used."""

    def __init__(self, path: Path, most: int) -> None:
        self._lock = threading.Lock()
        self._most = most
        self._written = 0
        self._connection: sqlite3.Connection | None = None
        with suppress(sqlite3.Error, OSError):
            self._connection = _opened(path)

    def read(self, digest: bytes) -> str | None:
        """The record; None where there is none."""
        with self._lock:
            if self._connection is None:
                return None
            try:
                row = self._connection.execute("SELECT record FROM boxes WHERE digest = ?", (digest,)).fetchone()
                if row:
                    now = int(time.time())
                    self._connection.execute("UPDATE boxes SET used = ? WHERE digest = ?", (now, digest))
            except sqlite3.Error:
                return None
            return str(row[0]) if row else None

    def write(self, digest: bytes, record: str) -> None:
        """Keep a record."""
        with self._lock:
            if self._connection is None:
                return
            with suppress(sqlite3.Error):
                row = (digest, record, int(time.time()))
                self._connection.execute("INSERT OR REPLACE INTO boxes VALUES (?, ?, ?)", row)
                self._written += 1
                if self._written % _SWEEP_EACH == 1:
                    self._bound()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _bound(self) -> None:
        assert self._connection is not None
        (count,) = self._connection.execute("SELECT COUNT(*) FROM boxes").fetchone()
        if count > self._most:
            oldest = "SELECT digest FROM boxes ORDER BY used LIMIT ?"
            self._connection.execute(f"DELETE FROM boxes WHERE digest IN ({oldest})", (count - self._most,))  # noqa: S608


def _opened(path: Path) -> sqlite3.Connection:
    for attempt in (1, 2):
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        connection = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(_TABLE)
        except sqlite3.DatabaseError:
            connection.close()
            if attempt == 2:
                raise
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        else:
            return connection
    raise AssertionError
