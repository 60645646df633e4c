"""The ledger of `anonymize`, whose units are files. It is in the output folder, and therefore contains no originals.

There is no plan: each run reads the input folder. A unit's name is a keyed digest of source (path, size, times), output
(path, size, time) and fingerprint (policy, key, code): if any of these changes, the instance is de-identified again.
The ledger also has the data for the manifest, which are pseudonyms. Its file is locked against a second run.
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
from dicomveil_proxy.errors import StateUnavailable
from dicomveil_proxy.jobs.job import Job, joined
from dicomveil_proxy.jobs.ledger.database import SQLite
from dicomveil_proxy.jobs.ledger.ledger import Ledger
from dicomveil_proxy.jobs.ledger.opening import jobs_of, make_tables
from dicomveil_proxy.jobs.names import printable
from dicomveil_proxy.jobs.outcome import Outcome
from dicomveil_proxy.jobs.seeds import new_seed
from dicomveil_proxy.jobs.tree import LEDGER, Found
from dicomveil_proxy.wire import unfinished

_NOTE_SECONDS = 1.0
"""The most work, in seconds, that is repeated after a run was stopped."""
_NOTED_AT_A_TIME = 1_000
_DIGEST_BYTES = 16
_JOB = "anonymize"
"""One output folder has one job."""


class FileLedger:
    """The ledger of one run, which no other process can open until it is closed."""

    def __init__(self, folder: Path, job: Job, naming: str) -> None:
        """Start in an empty folder, or resume in one with outputs of the same policy, key, naming and version.

        Raises ConfigurationError for any other folder.
        """
        self._key = job.key_for("files")
        self._fingerprint = keyed_digest(self._key, joined((job.fingerprint(), naming.encode())))
        self._noted: list[dict[str, object]] = []
        self._note_at = time.monotonic() + _NOTE_SECONDS
        if not (folder / LEDGER).exists() and any(folder.iterdir()):
            raise _foreign()
        try:
            database = SQLite(folder / LEDGER, is_alone=True)
        except sqlite3.OperationalError as error:
            raise ConfigurationError(
                "another run is writing into the output folder; wait until it has ended"
                if "locked" in str(error)
                else f"the output folder cannot be written ({LEDGER})"
            ) from None
        except sqlite3.DatabaseError:
            raise _broken() from None
        try:
            self._begin(database, folder)
        except BaseException:
            database.close()
            raise

    def _begin(self, database: SQLite, folder: Path) -> None:
        try:
            make_tables(database)
            is_new = not jobs_of(database)
            if is_new and any(not path.name.startswith(LEDGER) for path in folder.iterdir()):
                raise _foreign()
            self._ledger = Ledger(database, _JOB)
            try:
                continues = self._ledger.begin(self._fingerprint.hex())
            except ConfigurationError:
                raise _of_other_rules() from None
            (self._number, _) = self._ledger.next_numbers()
        except StateUnavailable:
            raise _broken() from None
        if continues:
            _sweep(folder)

    def has(self, found: Found, output: os.stat_result) -> bool:
        """Whether the source became this output."""
        return self._ledger.is_done(self._digest(found, output.st_size, output.st_mtime_ns))

    def envelope(self, study: str) -> bytes:
        """The seed of the envelope of a study's originals; useless without the project key."""

        name = keyed_digest(self._key, study.encode("utf-8", "surrogateescape"))[:_DIGEST_BYTES].hex()
        return self._ledger.envelope(name, new_seed)

    def add(self, found: Found, outcome: Outcome) -> None:
        """Record an outcome; it is written soon. Raises StateUnavailable."""
        if (made := outcome.described) is None:
            return
        self._noted.append(
            {
                "unit": self._number, "series": self._digest(found, outcome.size, outcome.modified),
                "study_name": made.study, "series_name": made.series, "patient": made.patient,
                "modality": made.modality, "path": printable(found.target), "instance": made.instance,
                "sop_class": made.sop_class, "size": outcome.size, "sha256": made.sha256,
            }
        )  # fmt: skip
        self._number += 1
        if time.monotonic() >= self._note_at or len(self._noted) >= _NOTED_AT_A_TIME:
            self._note()

    def forget(self, found: Found) -> None:
        """Record that the output does not exist. Raises StateUnavailable."""
        self._ledger.remove(printable(found.target))

    def _note(self) -> None:
        noted, self._noted = self._noted, []
        self._note_at = time.monotonic() + _NOTE_SECONDS
        if noted:
            self._ledger.add_done(noted)

    def manifest(self) -> Iterator[tuple[Any, ...]]:
        """All outputs, by path."""
        self._note()
        return self._ledger.manifest()

    def series(self) -> Iterator[tuple[Any, ...]]:
        """All series of which there is an output."""
        self._note()
        return self._ledger.series()

    def close(self, *, ended: bool) -> None:
        """Write the remaining records; `ended` means that no unfinished file was left behind."""
        with contextlib.suppress(StateUnavailable):  # the next run does more, and loses nothing
            self._note()
            self._ledger.note_state("done" if ended else "interrupted", is_open=not ended)
        self._ledger.close()

    def _digest(self, found: Found, size: int, modified: int) -> str:
        parts = (
            self._fingerprint,
            os.fsencode(found.source),
            os.fsencode(found.target),
            *(str(number).encode() for number in (found.size, found.modified, found.changed, size, modified)),
        )
        return keyed_digest(self._key, joined(parts))[:_DIGEST_BYTES].hex()


def _foreign() -> ConfigurationError:
    return ConfigurationError(
        "the output folder holds files that no earlier run recorded; give one that is new or empty"
    )


def _of_other_rules() -> ConfigurationError:
    return ConfigurationError(
        "the output folder was filled under another policy, key, naming or version of dicomveil, and one "
        "folder must not hold both; give a new folder, or empty this one"
    )


def _broken() -> ConfigurationError:
    return ConfigurationError(f"{LEDGER} in the output folder is damaged; give a new folder, or empty this one")


def _sweep(folder: Path) -> None:
    """Remove unfinished files of an earlier run."""
    for directory, _, names in os.walk(folder):
        for name in names:
            if name.endswith(unfinished.SUFFIX):
                with contextlib.suppress(OSError):
                    Path(directory, name).unlink()
