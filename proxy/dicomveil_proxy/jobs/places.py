"""The locations of an export's files, and the lock against a second run."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.jobs.destinations.opening import To
from dicomveil_proxy.jobs.station import ExportJob
from dicomveil_proxy.jobs.terms import Terms


@contextlib.contextmanager
def locked(state: Path | str, job: str, *, is_shared: bool) -> Iterator[None]:
    """Lock the job against a second run. Raises ConfigurationError."""
    if is_shared:
        yield
        return
    descriptor = os.open(Path(state) / f"{job}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigurationError("to: another run is writing there; wait until it has ended") from None
        yield
    finally:
        os.close(descriptor)


def is_running(state: Path, job: str) -> bool:
    """Whether a run of the job uses this state."""
    try:
        with locked(state, job, is_shared=False):
            return False
    except ConfigurationError:
        return True


def checked_places(job: ExportJob, terms: Terms, *private: Path) -> None:
    """Raise ConfigurationError for files with originals below the output."""
    if job.to.is_archive and To(job.source.origin).canonical == job.to.canonical:
        raise ConfigurationError("to: it is the archive of the originals; de-identified copies would be among them")
    output = job.to.folder
    if output is None:
        return
    output = output.resolve()
    source = job.source.folder
    if source is not None and (source.resolve() == output or source.resolve() in output.parents):
        raise ConfigurationError("to: it is inside the folder of the originals; give one outside")
    if source is not None and output in source.resolve().parents:
        raise ConfigurationError("to: the folder of the originals is inside it; give another")
    places = [("state", Path(terms.state))] if isinstance(terms.state, Path) else []
    places += [("linkage", path) for path in private]
    for name, place in places:
        if output in (place.resolve(), *place.resolve().parents):
            raise ConfigurationError(
                f"{name}: it contains originals and would be inside the output; name a place outside"
            )
