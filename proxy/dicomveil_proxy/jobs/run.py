"""A run of `dicomveil anonymize`: one file, or all files below a folder.

An event names its file. If names are kept, it is the path below the input folder, which the output reveals in any case.
If they are pseudonymous, it is the output's path, unless original names were requested.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from dicomveil_engine import ConfigurationError, Policy
from dicomveil_proxy.jobs.destinations import DestinationError
from dicomveil_proxy.jobs.destinations.folder import FolderDestination
from dicomveil_proxy.jobs.files import Task, work
from dicomveil_proxy.jobs.instance import IS_DICOMDIR, InstanceFiles
from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.ledger.files import FileLedger
from dicomveil_proxy.jobs.manifest import write_manifest
from dicomveil_proxy.jobs.names import Naming, rename_by
from dicomveil_proxy.jobs.outcome import Outcome, Status
from dicomveil_proxy.jobs.seeds import new_seed, study_of
from dicomveil_proxy.jobs.tree import Found, walk

_LINK = Outcome(Status.SKIPPED, "it is a link; links are not followed")
_TAKEN = Outcome(Status.FAILED, "another file's pseudonymous name is the same; rename it")
_LONELY = Outcome(Status.FAILED, "it is a DICOMDIR, which is written from its instances; give its folder with -I")
_SECOND = Outcome(Status.SKIPPED, "its folder has a DICOMDIR already")
_EMPTY = Outcome(Status.SKIPPED, "it is empty")


@dataclass(frozen=True)
class Event:
    """The outcome of a file, for the caller."""

    source: str
    """Relative to the input folder; it may contain patients' names."""
    target: str
    """Relative to the output folder."""
    outcome: Outcome


Notify = Callable[[Event], None]


def deidentify_file(job: Job, source: Path, target: Path) -> Outcome:
    """De-identify one file, and overwrite `target`.

    Raises ConfigurationError if the two paths do not make sense together.
    """
    if not source.is_file():
        raise ConfigurationError("the input is not an existing file; to process a folder, use -I")
    if target.is_dir():
        raise ConfigurationError("the output is a folder; give a file's name, or folders with -I and -O")
    if target.exists() and target.samefile(source):
        raise ConfigurationError("input and output are the same file; the original is never overwritten")
    outcome = InstanceFiles(job, job.policy()).deidentify(source, target, _seed(job), synchronous=True)
    return _LONELY if outcome == IS_DICOMDIR else outcome


def deidentify_folder(
    job: Job, source: Path, target: Path, notify: Notify, *, jobs: int = 1, naming: Naming = "pseudonymous"
) -> None:
    """De-identify all instances below a folder with `jobs` processes, and call `notify` for each file.

    Raises ConfigurationError before anything is written if the two folders do not make sense together.
    """
    policy = job.policy()
    check_folders(source, target)
    try:
        target.mkdir(parents=True, exist_ok=True)
        ledger = FileLedger(target, job, naming)
    except OSError as error:
        raise ConfigurationError(f"the output folder cannot be created or read ({error.strerror})") from None
    ended = False
    try:
        run = _Run(job, policy, source, target, notify, ledger)
        run.instances(walk(source, rename_by(naming, job)), jobs)
        run.directories()
        write_manifest(ledger, partial(_put, target))
        ended = True
    except DestinationError as error:
        raise ConfigurationError(f"the manifest cannot be written: {error}") from None
    finally:
        ledger.close(ended=ended)


def rehearse_folder(
    job: Job, source: Path, target: Path, notify: Notify, *, jobs: int = 1, naming: Naming = "pseudonymous"
) -> None:
    """De-identify all instances below a folder in memory, and write nothing."""
    check_folders(source, target)
    seed = _seed(job)

    def tasks() -> Iterator[Task]:
        for found in walk(source, rename_by(naming, job)):
            known = _known(found)
            if known is None:
                yield Task(found, source / found.source, target / found.target, seed)
            else:
                notify(Event(found.source, found.target, known))

    for task, outcome in work(job, tasks(), jobs, rehearses=True):
        notify(Event(task.found.source, task.found.target, outcome))


def check_folders(source: Path, target: Path) -> None:
    """Refuse folders of which one contains the other: outputs would be read as inputs, or originals be passed on."""
    if not source.is_dir():
        raise ConfigurationError("the input is not an existing folder; to process a file, use -i")
    if target.exists() and not target.is_dir():
        raise ConfigurationError("the output folder is a file")
    inside, outside = source.resolve(), target.resolve()
    if inside == outside or inside in outside.parents:
        raise ConfigurationError("the output folder is the same as, or inside the input folder; give one outside")
    if outside in inside.parents:
        raise ConfigurationError("the input folder is inside the output folder; give another output folder")


def _put(folder: Path, name: str, file: BinaryIO) -> None:
    FolderDestination(folder).put(name, file)


class _Run:
    """State shared by the steps of a run."""

    def __init__(
        self, job: Job, policy: Policy, source: Path, target: Path, notify: Notify, ledger: FileLedger
    ) -> None:
        self._job = job
        self._policy = policy
        self._source = source
        self._target = target
        self._notify = notify
        self._ledger = ledger
        self._directories: dict[Path, Task] = {}
        """By the folder that gets a DICOMDIR."""

    def instances(self, files: Iterator[Found], jobs: int) -> None:
        """The files that are not done yet."""
        for task, outcome in work(self._job, self._tasks(files), jobs):
            if outcome.status is Status.WRITTEN:
                self._ledger.add(task.found, outcome)
            if outcome == IS_DICOMDIR and task.target.parent not in self._directories:
                self._directories[task.target.parent] = task
            elif outcome == IS_DICOMDIR:
                self._notify(Event(task.found.source, task.found.target, _SECOND))
            else:
                self._report(task.found, outcome)

    def directories(self) -> None:
        """Write a DICOMDIR for each in the input, with the instances below its folder in the output."""
        if not self._directories:
            return
        from dicomveil_proxy.jobs.directory import write_dicomdir  # noqa: PLC0415 - it needs pydicom, half a second

        for folder, task in self._directories.items():
            outcome = write_dicomdir(task.source, folder, self._policy)
            self._notify(Event(task.found.source, str(Path(task.found.target).with_name("DICOMDIR")), outcome))

    def _tasks(self, files: Iterator[Found]) -> Iterator[Task]:
        for found in files:
            target = self._target / found.target
            outcome = _known(found) or self._earlier(found, target)
            if outcome is None:
                yield Task(found, self._source / found.source, target, self._envelope(found))
            else:
                self._report(found, outcome)

    def _envelope(self, found: Found) -> bytes:
        """The seed of the envelope of the file's study."""
        if not self._job.recipients:
            return b""
        try:
            study = study_of(self._source / found.source)
        except OSError:
            study = ""  # the worker reports the error
        return self._ledger.envelope(study)

    def _earlier(self, found: Found, target: Path) -> Outcome | None:
        """The outcome of an earlier run, if it is still valid."""
        try:
            output = target.lstat()
        except OSError:
            return None
        return Outcome(Status.UNCHANGED, "", output.st_size) if self._ledger.has(found, output) else None

    def _report(self, found: Found, outcome: Outcome) -> None:
        if outcome.status in {Status.FAILED, Status.SKIPPED} and outcome is not _TAKEN:
            # The output belongs to another file, which had this path in an earlier run.
            with contextlib.suppress(OSError):
                (self._target / found.target).unlink(missing_ok=True)
            self._ledger.forget(found)
        self._notify(Event(found.source, found.target, outcome))


def _seed(job: Job) -> bytes:
    """A seed for an output without a ledger."""
    return new_seed() if job.recipients else b""


def _known(found: Found) -> Outcome | None:
    """The outcome of an entry that need not be opened."""
    if found.link:
        return _LINK
    if found.taken:
        return _TAKEN
    if found.unreadable:
        return Outcome(Status.FAILED, f"it cannot be read ({found.unreadable})")
    return None if found.size else _EMPTY
