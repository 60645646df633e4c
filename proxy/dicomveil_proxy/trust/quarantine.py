"""The quarantine: findings of the leak guard, which an operator can review and release, and refused pixels.

An entry has a keyed digest, attributes, rule, times and a count. It contains no value and no UID.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.leaks.guard import Leak

PIXEL_DATA = 0x7FE00010
"""The attribute of entries about instances refused because of their pixels, which cannot be released."""
_BUSY_SECONDS = 2
_MOST = 10_000
"""Entries; beyond, the oldest that are not released are dropped."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    digest TEXT NOT NULL, project TEXT NOT NULL, original INTEGER NOT NULL, place INTEGER NOT NULL, rule TEXT NOT NULL,
    first REAL NOT NULL, last REAL NOT NULL, count INTEGER NOT NULL, released REAL,
    PRIMARY KEY (project, digest)
)"""
_NOTE = """
INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, 1, NULL)
ON CONFLICT (project, digest) DO UPDATE SET last = excluded.last, count = count + 1 RETURNING released"""
_TRIM = """
DELETE FROM entry WHERE released IS NULL AND rowid NOT IN (SELECT rowid FROM entry ORDER BY last DESC LIMIT ?)"""


class Entry(NamedTuple):
    """The findings of one value in one place."""

    digest: str
    project: str
    """The project's label."""
    original: int
    """The attribute with the original value."""
    place: int
    """The attribute of the output; 0 if it is not known."""
    rule: str
    first: float
    """Seconds since 1970, like the other times."""
    last: float
    times: int
    released: float | None


class Quarantine:
    """The quarantine's file, created with the first entry."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, finding: Leak, project: str) -> bool:
        """Record a finding, and return whether it has been released. Raises sqlite3.Error and OSError."""
        now = time.time()
        row = (finding.digest, project, finding.tag, finding.place, finding.rule, now, now)
        with self._opened(makes=True) as connection:
            (released,) = connection.execute(_NOTE, row).fetchone()
            connection.execute(_TRIM, (_MOST,))
        return released is not None

    def entries(self) -> list[Entry]:
        """All entries, the latest first. Raises ConfigurationError if the file cannot be read."""
        with self._read() as connection:
            return [Entry(*row) for row in connection.execute("SELECT * FROM entry ORDER BY last DESC")]

    def released(self, project: str) -> frozenset[str]:
        """The digests of a project's released entries; `project` is its label. Raises ConfigurationError."""
        return frozenset(
            each.digest for each in self.entries() if each.project == project and each.released is not None
        )

    def release(self, digest: str) -> int:
        """Release an entry, so that its value may be sent; returns the number of entries. Raises ConfigurationError."""
        with self._read() as connection:
            about = connection.execute("SELECT original FROM entry WHERE digest = ?", (digest,)).fetchall()
            if (PIXEL_DATA,) in about:
                raise ConfigurationError(
                    "this entry is about pixels, which cannot be released; look at the instance "
                    "(dicomveil review --contact-sheet), then give it a device table, or change the policy's pixels"
                )
            query = "UPDATE entry SET released = ? WHERE digest = ?"
            return connection.execute(query, (time.time(), digest)).rowcount

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        if not self._path.exists():
            with closing(sqlite3.connect(":memory:")) as connection:
                connection.execute(_SCHEMA)
                yield connection
            return
        try:
            with self._opened(makes=False) as connection:
                yield connection
        except (sqlite3.Error, OSError):
            raise ConfigurationError("guard.quarantine: the file cannot be read or written") from None

    @contextmanager
    def _opened(self, *, makes: bool) -> Iterator[sqlite3.Connection]:
        if makes:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(self._path, timeout=_BUSY_SECONDS)) as connection, connection:
            connection.execute(_SCHEMA)
            yield connection
