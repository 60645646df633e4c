"""What an output folder records of its runs, so that the next one does only what is left.

An entry is one keyed digest: this source (place, size, times) became this output (place, size, time) under this
fingerprint (policy, key, code). When anything differs, the digest does, and the instance is made anew. Beside it stands
what the manifest says of the output, which holds pseudonyms alone. The file also keeps a second run out while one is
writing.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dicomveil_engine import ConfigurationError
from dicomveil_engine.pseudonyms.keys import keyed_digest
from dicomveil_proxy.jobs.job import Job, joined
from dicomveil_proxy.jobs.names import printable
from dicomveil_proxy.jobs.outcome import Outcome
from dicomveil_proxy.jobs.tree import JOURNAL, Found
from dicomveil_proxy.wire import unfinished

_COMMIT_SECONDS = 1.0
"""What a run that is ended may have to do again."""
_DIGEST_BYTES = 16


class Journal:
    """Opened for one run. It holds the file's lock until it is closed."""

    def __init__(self, folder: Path, job: Job, naming: str) -> None:
        """Start in an empty folder, or resume in one that the same policy, key, naming and version filled.

        Raises ConfigurationError for any other: what it holds was made by other rules, or is not ours.
        """
        self._key = job.key_for("journal")
        self._fingerprint = keyed_digest(self._key, joined((job.fingerprint(), naming.encode())))
        path = folder / JOURNAL
        is_new = not path.exists()
        if is_new and any(folder.iterdir()):
            raise ConfigurationError(
                "the output folder holds files that no earlier run recorded; give one that is new or empty"
            )
        try:
            self._connection = sqlite3.connect(path, timeout=0, isolation_level=None)
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("BEGIN EXCLUSIVE")
            self._begin(folder)
        except sqlite3.OperationalError as error:
            busy = "locked" in str(error)
            raise ConfigurationError(
                "another run is writing into the output folder; wait for its end"
                if busy
                else f"the output folder cannot be written ({JOURNAL})"
            ) from None
        except sqlite3.DatabaseError:
            raise ConfigurationError(
                f"{JOURNAL} in the output folder is broken; give a new folder, or empty this one"
            ) from None
        self._committed = time.monotonic()

    def _begin(self, folder: Path) -> None:
        execute = self._connection.execute
        execute("CREATE TABLE IF NOT EXISTS run (fingerprint BLOB NOT NULL, ended INTEGER NOT NULL)")
        execute("CREATE TABLE IF NOT EXISTS done (digest BLOB PRIMARY KEY) WITHOUT ROWID")
        execute(
            "CREATE TABLE IF NOT EXISTS made (path TEXT PRIMARY KEY, study TEXT, series TEXT, instance TEXT, "
            "sop_class TEXT, modality TEXT, patient TEXT, size INTEGER, sha256 TEXT) WITHOUT ROWID"
        )
        earlier = execute("SELECT fingerprint, ended FROM run").fetchone()
        if earlier is None:
            execute("INSERT INTO run VALUES (?, 0)", (self._fingerprint,))
        elif earlier[0] != self._fingerprint:
            self._connection.close()
            raise ConfigurationError(
                "the output folder was filled under another policy, key, naming or version of dicomveil, and one "
                "folder must not hold both; give a new folder, or empty this one"
            )
        elif not earlier[1]:
            _sweep(folder)
        execute("UPDATE run SET ended = 0")
        execute("COMMIT")
        execute("BEGIN")

    def has(self, found: Found, output: os.stat_result) -> bool:
        """Whether the source became this output."""
        digest = self._digest(found, output.st_size, output.st_mtime_ns)
        return self._connection.execute("SELECT 1 FROM done WHERE digest = ?", (digest,)).fetchone() is not None

    def add(self, found: Found, outcome: Outcome) -> None:
        """Remember that it did."""
        digest = self._digest(found, outcome.size, outcome.modified)
        self._connection.execute("INSERT OR IGNORE INTO done VALUES (?)", (digest,))
        if (described := outcome.described) is not None:
            *names, sha256 = described
            row = (printable(found.target), *names, outcome.size, sha256)
            self._connection.execute("INSERT OR REPLACE INTO made VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        if time.monotonic() - self._committed > _COMMIT_SECONDS:
            self._connection.execute("COMMIT")
            self._connection.execute("BEGIN")
            self._committed = time.monotonic()

    def forget(self, found: Found) -> None:
        """There is no such output."""
        self._connection.execute("DELETE FROM made WHERE path = ?", (printable(found.target),))

    def manifest(self) -> Iterator[tuple[Any, ...]]:
        """All outputs, by path."""
        return self._connection.execute(
            "SELECT path, study, series, instance, sop_class, modality, patient, size, sha256 FROM made ORDER BY path"
        )

    def series(self) -> Iterator[tuple[Any, ...]]:
        """All series of which there is an output."""
        return self._connection.execute(
            "SELECT study, series, modality, patient, count(*), sum(size), min(path), max(sop_class) FROM made "
            "GROUP BY study, series, modality, patient ORDER BY study, series, modality, patient"
        )

    def close(self, *, ended: bool) -> None:
        """Write what is left; `ended` says that no unfinished file was left behind."""
        with contextlib.suppress(sqlite3.Error):  # it is only a memory: the next run does more
            self._connection.execute("UPDATE run SET ended = ?", (ended,))
            self._connection.execute("COMMIT")
        self._connection.close()

    def _digest(self, found: Found, size: int, modified: int) -> bytes:
        parts = (
            self._fingerprint,
            os.fsencode(found.source),
            os.fsencode(found.target),
            *(str(number).encode() for number in (found.size, found.modified, found.changed, size, modified)),
        )
        return keyed_digest(self._key, joined(parts))[:_DIGEST_BYTES]


def _sweep(folder: Path) -> None:
    """Remove what an ended run left unfinished."""
    for directory, _, names in os.walk(folder):
        for name in names:
            if name.endswith(unfinished.SUFFIX):
                with contextlib.suppress(OSError):
                    Path(directory, name).unlink()
