"""The unit of `dicomveil anonymize`: one file of a folder, and its place in another."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.allocator import keep_large_blocks
from dicomveil_proxy.jobs.instance import InstanceFiles
from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.outcome import Outcome, Status
from dicomveil_proxy.jobs.tree import Found
from dicomveil_proxy.wire import unfinished

if TYPE_CHECKING:
    from dicomveil_proxy.jobs.crews.processes import Processes

LOST = Outcome(Status.FAILED, "its process ended unexpectedly; there may not be enough memory for it")


class Task(NamedTuple):
    """One file to be de-identified."""

    found: Found
    source: Path
    target: Path
    envelope: bytes = b""
    """The seed of its study's envelope, if originals are encrypted into the output."""


class FileStation:
    """De-identifies one file after another."""

    slots = 0

    def __init__(self, job: Job, *, rehearses: bool = False) -> None:
        keep_large_blocks()
        self._files = InstanceFiles(job, job.policy(), rehearses=rehearses)

    def perform(self, message: tuple[str, str, bytes]) -> Outcome:
        """De-identify one file; `message` holds the paths of the original and of its output, and a seed."""
        source, target, envelope = message
        return self._files.deidentify(Path(source), Path(target), envelope)

    async def aclose(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class FileRecipe:
    """Creates a station in a worker, unless the configuration has changed since the run started."""

    job: Job
    fingerprint: bytes
    rehearses: bool = False
    """Whether nothing is written."""

    def __call__(self) -> FileStation:
        """As `Recipe`."""
        station = FileStation(self.job, rehearses=self.rehearses)
        if self.job.fingerprint() != self.fingerprint:
            raise ConfigurationError(
                "the configuration, or dicomveil itself, was changed while the run started; start it again"
            )
        return station


def crew_of(job: Job, count: int, *, rehearses: bool = False) -> Processes[Task, Outcome]:
    """The processes for a job's files."""
    from dicomveil_proxy.jobs.crews.processes import Processes  # noqa: PLC0415 - needed for several processes only

    return Processes(FileRecipe(job, job.fingerprint(), rehearses), count, LOST, message=_message, clean=_clean)


def work(job: Job, tasks: Iterable[Task], count: int, *, rehearses: bool = False) -> Iterator[tuple[Task, Outcome]]:
    """The outcome of each task, in the order of completion; with one worker, in this process and in order.

    Tasks are read from the iterable when they are needed. Raises ConfigurationError if no worker can be started.
    """
    if count == 1:
        keep_large_blocks()
        files = InstanceFiles(job, job.policy(), rehearses=rehearses)
        return ((task, files.deidentify(task.source, task.target, task.envelope)) for task in tasks)
    remaining = iter(tasks)
    return crew_of(job, count, rehearses=rehearses).work(lambda: next(remaining, None))


def _message(task: Task) -> tuple[str, str, bytes]:
    return str(task.source), str(task.target), task.envelope


def _clean(task: Task, process: int) -> None:
    with contextlib.suppress(OSError):
        unfinished.place_of(task.target, process).unlink(missing_ok=True)
