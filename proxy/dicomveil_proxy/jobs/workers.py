"""The processes that de-identify files, each with its own policy.

A worker is given some tasks ahead, and tells of each as it is done. One that dies (killed for its memory, or by a
fault in a library) takes only the instance with it on which it worked: that one has failed, another worker goes on
with the rest.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NamedTuple

from dicomveil_engine import ConfigurationError, EngineError
from dicomveil_proxy import logs
from dicomveil_proxy.jobs.instance import InstanceFiles
from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.outcome import Outcome, Status
from dicomveil_proxy.jobs.tree import Found
from dicomveil_proxy.wire import unfinished

_AHEAD = 8
"""Tasks that a worker holds, so that it never waits for the next."""
_PROCESSES = multiprocessing.get_context("spawn")
"""The same on every system, and no lock or buffer of ours is copied in the middle of its use."""

DIED = Outcome(Status.FAILED, "the process that worked on it ended; there may not be enough memory for it")


class Task(NamedTuple):
    """One file to be de-identified."""

    found: Found
    source: Path
    target: Path


def work(job: Job, tasks: Iterable[Task], count: int) -> Iterator[tuple[Task, Outcome]]:
    """The outcome of each task, in the order in which they are done; with one worker, here and in their order.

    Tasks are taken from the iterable as they are needed. Raises ConfigurationError when no worker can be started.
    """
    if count == 1:
        files = InstanceFiles(job, job.policy())
        return ((task, files.deidentify(task.source, task.target)) for task in tasks)
    return _Crew(job, count).work(iter(tasks))


@dataclass
class _Worker:
    """One process, and what it has been given and has not told of."""

    process: multiprocessing.process.BaseProcess
    pipe: Connection
    tasks: deque[Task] = field(default_factory=deque)
    is_ready: bool = False


class _Crew:
    """The workers of one run."""

    def __init__(self, job: Job, count: int) -> None:
        self._job = job
        self._fingerprint = job.fingerprint()
        self._left: deque[Task] = deque()
        """Tasks of workers that died."""
        self._workers: list[_Worker] = []
        self._count = count

    def work(self, tasks: Iterator[Task]) -> Iterator[tuple[Task, Outcome]]:
        try:
            self._workers += [self._start() for _ in range(self._count)]
            while self._give(tasks):
                for pipe in wait([worker.pipe for worker in self._workers]):
                    worker = next(each for each in self._workers if each.pipe is pipe)
                    yield from self._hear(worker)
        finally:
            self._end()

    def _give(self, tasks: Iterator[Task]) -> bool:
        """Give each worker as much as it may hold; whether there is anything to wait for."""
        for worker in self._workers:
            while len(worker.tasks) < _AHEAD:
                task = self._left.popleft() if self._left else next(tasks, None)
                if task is None:
                    break
                worker.tasks.append(task)
                with contextlib.suppress(OSError):  # it died: that is heard of next
                    worker.pipe.send((str(task.source), str(task.target)))
        return any(worker.tasks for worker in self._workers)

    def _hear(self, worker: _Worker) -> Iterator[tuple[Task, Outcome]]:
        """What a worker says; or that it never will say anything again."""
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            if not worker.is_ready:
                raise ConfigurationError("no further process can be started; give a smaller --jobs") from None
            yield from self._bury(worker)
            return
        if isinstance(message, str):
            raise ConfigurationError(message)
        if isinstance(message, Outcome):
            yield worker.tasks.popleft(), message
        worker.is_ready = True

    def _bury(self, worker: _Worker) -> Iterator[tuple[Task, Outcome]]:
        self._dismiss(worker)
        self._workers[self._workers.index(worker)] = self._start()
        if worker.tasks:
            yield worker.tasks.popleft(), DIED
        self._left += worker.tasks

    def _start(self) -> _Worker:
        ours, theirs = _PROCESSES.Pipe()
        process = _PROCESSES.Process(target=_run, args=(theirs, self._job, self._fingerprint), daemon=True)
        process.start()
        theirs.close()  # or its end would not be noticed
        return _Worker(process, ours)

    def _dismiss(self, worker: _Worker) -> None:
        """End a process, and remove what it leaves unfinished."""
        worker.pipe.close()
        worker.process.terminate()
        worker.process.join()
        for task in worker.tasks:
            with contextlib.suppress(OSError):
                unfinished.place_of(task.target, worker.process.pid or 0).unlink(missing_ok=True)

    def _end(self) -> None:
        for worker in self._workers:
            self._dismiss(worker)


def _run(pipe: Connection, job: Job, fingerprint: bytes) -> None:
    """A worker's life: until its pipe is closed at the other end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is heard by the process that started us
    logs.configure()
    try:
        files = InstanceFiles(job, job.policy())
        if job.fingerprint() != fingerprint:
            raise ConfigurationError(
                "the configuration, or dicomveil itself, was changed while the run began; begin again"
            )
    except EngineError as error:
        pipe.send(str(error))
        sys.exit(1)
    with contextlib.suppress(EOFError, OSError):
        pipe.send(None)
        while True:
            source, target = pipe.recv()
            pipe.send(files.deidentify(Path(source), Path(target)))
