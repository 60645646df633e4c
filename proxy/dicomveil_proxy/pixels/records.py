"""The boxes of instances, kept: found once, though many ask, today and after a restart.

A row has a keyed digest in the place of the original's UIDs, and boxes in the place of pictures. It is a cache: a
broken or missing file costs the time of looking again. Rows are bounded; the least recently used are dropped.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any

BOXES_FILE = "pixels.sqlite"
"""In the state folder."""
_TABLE = """CREATE TABLE IF NOT EXISTS boxes (
    digest BLOB PRIMARY KEY, record TEXT NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID"""
_RECENT = 16_384
_SWEEP_EACH = 256
"""Rows written between two looks at how many there are."""


class BoxRecords:
    """Records by digest, for any thread; in memory alone without a path, or where the file cannot be used."""

    def __init__(self, path: Path | None = None, *, most: int = 1_000_000) -> None:
        self._lock = threading.Lock()
        self._recent: OrderedDict[bytes, dict[str, Any]] = OrderedDict()
        self._most = most
        self._written = 0
        self._connection: sqlite3.Connection | None = None
        if path is not None:
            with suppress(sqlite3.Error, OSError):
                self._connection = _opened(path)

    def recent(self, digest: bytes) -> dict[str, Any] | None:
        """The record, if it is in memory; never waits for a disk."""
        with self._lock:
            return self._recent.get(digest)

    def get(self, digest: bytes) -> dict[str, Any] | None:
        """The record; None where there is none."""
        with self._lock:
            if (found := self._recent.get(digest)) is not None or self._connection is None:
                return found
            try:
                row = self._connection.execute("SELECT record FROM boxes WHERE digest = ?", (digest,)).fetchone()
                record = json.loads(row[0]) if row else None
                if row:
                    now = int(time.time())
                    self._connection.execute("UPDATE boxes SET used = ? WHERE digest = ?", (now, digest))
            except (sqlite3.Error, ValueError):
                return None
            if not isinstance(record, dict):
                return None
            self._keep(digest, record)
            return record

    def put(self, digest: bytes, record: dict[str, Any]) -> None:
        """Keep a record."""
        with self._lock:
            self._keep(digest, record)
            if self._connection is None:
                return
            with suppress(sqlite3.Error):
                row = (digest, json.dumps(record), int(time.time()))
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

    def _keep(self, digest: bytes, record: dict[str, Any]) -> None:
        self._recent[digest] = record
        self._recent.move_to_end(digest)
        if len(self._recent) > _RECENT:
            self._recent.popitem(last=False)

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
