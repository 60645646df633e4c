"""A key for one job only, which is destroyed with the job, so that its pseudonyms cannot be traced back.

While the job is open, the key is stored beside the ledger, readable by its owner only, so that the job can be resumed.
When everything is exported, or the job is cancelled, the key and the ledger's data on the job are destroyed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.jobs.destinations.opening import To
from dicomveil_proxy.jobs.ledger import Ledger, job_of, jobs_of, open_ledger

_KEY_BYTES = 32
_CLOSED = "closed"


class OwnKey:
    """The key of the job that fills a destination."""

    def __init__(self, state: Path | str, to: To) -> None:
        """Find or create the key. Raises ConfigurationError if the job is closed."""
        if not isinstance(state, Path):
            raise ConfigurationError("unlinkable: the key is kept in a folder; give --state FOLDER")
        self._state = state
        database = open_ledger(state)
        try:
            self._job = job_of(database, to.canonical)
            states = {name: said for name, _, said in jobs_of(database)}
        finally:
            database.close()
        if states.get(self._job) == _CLOSED:
            raise ConfigurationError(
                "unlinkable: the job that filled this output is closed, and its key destroyed; give another --to"
            )
        self.path = key_path(state, self._job)
        self.is_new = self._make()
        """Whether the key was not used before."""

    def _make(self) -> bool:
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return False
        except OSError as error:
            raise ConfigurationError(f"state: the job's key cannot be written ({error.strerror})") from None
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        return True

    def discard(self) -> None:
        """Remove an unused key, after the run was refused."""
        if self.is_new:
            with contextlib.suppress(OSError):
                self.path.unlink()

    def destroy(self) -> None:
        """Close the job: destroy the key and the ledger's data on the job. Raises ProxyError and OSError."""
        close_job(self._state, self._job)


def key_path(state: Path, job: str) -> Path:
    """The path of a job's own key."""
    return state / f"{job}.key"


def close_job(state: Path, job: str) -> None:
    """Destroy the key of a job and the ledger's data on the job. Raises ProxyError and OSError.

    The key's bytes are overwritten in the file; copies made by the file system, the drive or a backup are not.
    """
    path = key_path(state, job)
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    database = open_ledger(state)
    try:
        Ledger(database, job).erase(_CLOSED)
    finally:
        database.close()
