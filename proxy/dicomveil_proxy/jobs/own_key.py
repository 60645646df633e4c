"""A key for one job alone, destroyed when the job is closed: nobody can trace its pseudonyms back.

Until then it is beside the ledger, so that the job can be resumed. With it goes what the ledger knows of the job.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.jobs.destinations.opening import To
from dicomveil_proxy.jobs.ledger import Ledger, job_of, open_ledger

_KEY_BYTES = 32


def own_key(state: Path | str, to: To) -> Path:
    """The file with the job's key, made where there is none. Raises ConfigurationError."""
    path = _path(state, to)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path
    except OSError as error:
        raise ConfigurationError(f"state: the job's key cannot be written ({error.strerror})") from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(_KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return path


def close(state: Path | str, to: To) -> None:
    """Destroy the key, and what the ledger knows of the job."""
    path = _path(state, to)
    database = open_ledger(state)
    try:
        ledger = Ledger(database, job_of(database, to.canonical))
        ledger.erase("closed")
    finally:
        database.close()
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))  # whatever the file system makes of it
        os.fsync(file.fileno())
    path.unlink()


def _path(state: Path | str, to: To) -> Path:
    if not isinstance(state, Path):
        raise ConfigurationError("unlinkable: the key is kept in a folder; give --state FOLDER")
    database = open_ledger(state)
    try:
        return state / f"{job_of(database, to.canonical)}.key"
    finally:
        database.close()
