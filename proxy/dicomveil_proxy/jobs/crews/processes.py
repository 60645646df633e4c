"""Worker processes on this machine, each with its own station.

A worker gets some units in advance, and reports the result of each. If it ends early (out of memory, or a fault in a
library), the unit that it was running has failed, and another worker takes over the others.

Processes are forked from one that has imported all modules, so that another worker starts fast. That process has no
threads, connections or open files, whose state a fork would copy.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, Generic, cast

from dicomveil_engine import ConfigurationError, EngineError
from dicomveil_proxy import logs
from dicomveil_proxy.environment import secrets_withheld
from dicomveil_proxy.jobs.crews import Pause, Recipe, Result, Station, Take, Unit

if TYPE_CHECKING:
    import asyncio

AHEAD = 8
"""Units that a worker has in advance, so that it never waits for the next."""
_GRACE_SECONDS = 5.0
"""Time for a worker to remove unfinished files before it is stopped by force."""
if sys.platform == "win32":
    _PROCESSES = multiprocessing.get_context("spawn")
else:
    _PROCESSES = multiprocessing.get_context("forkserver")


@dataclass
class _Worker(Generic[Unit]):
    """One process, and the units without a result that it has, by number."""

    process: multiprocessing.process.BaseProcess
    pipe: Connection
    units: dict[int, Unit] = field(default_factory=dict)
    is_ready: bool = False


class Processes(Generic[Unit, Result]):
    """The workers of one run."""

    def __init__(
        self,
        recipe: Recipe,
        workers: int,
        lost: Result,
        *,
        ahead: int = AHEAD,
        together: bool = False,
        warm: Sequence[str] = ("dicomveil_proxy.jobs.files",),
        message: Callable[[Unit], object] = lambda unit: unit,
        clean: Callable[[Unit, int], None] = lambda _unit, _process: None,
    ) -> None:
        """`lost` gives the result of a unit whose process ended.

        `ahead` is the number of units that a worker has in advance. With `together` it runs all of them concurrently,
        so that all are lost with it. `warm` are modules that are imported before the first fork. `message` gives the
        part of a unit that is sent; `clean` removes the unfinished files of a unit whose process ended.
        """
        self._recipe = recipe
        self._count = workers
        self._lost = lost
        self._ahead = ahead
        self._together = together
        self._warm = warm
        self._message = message
        self._clean = clean
        self._workers: list[_Worker[Unit]] = []
        self._left: list[Unit] = []
        """Units of workers that ended."""
        self._numbers = count()

    def work(self, take: Take[Unit]) -> Iterator[tuple[Unit, Result]]:
        """As `Crew.work`."""
        try:
            self._workers += [self._start() for _ in range(self._count)]
            while True:
                pause = self._give(take)
                if not any(worker.units for worker in self._workers):
                    if pause is None:
                        return
                    time.sleep(pause)
                    continue
                for pipe in wait([worker.pipe for worker in self._workers], pause):
                    worker = next(each for each in self._workers if each.pipe is pipe)
                    yield from self._received(worker)
        finally:
            self._end()

    def _give(self, take: Take[Unit]) -> float | None:
        """Give units to workers in turn, and return the time to wait until there may be more."""
        waiting = [worker for worker in self._workers if len(worker.units) < self._ahead]
        while waiting:
            for worker in sorted(waiting, key=lambda each: len(each.units)):
                unit = self._left.pop() if self._left else take()
                if unit is None:
                    return None
                if isinstance(unit, Pause):
                    return unit.seconds
                number = next(self._numbers)
                worker.units[number] = unit
                with contextlib.suppress(OSError):  # it ended: that is noticed next
                    worker.pipe.send((number, self._message(unit)))
            waiting = [worker for worker in waiting if len(worker.units) < self._ahead]
        return None

    def _received(self, worker: _Worker[Unit]) -> Iterator[tuple[Unit, Result]]:
        """The results of a worker, or the lost units of one that has ended."""
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            if not worker.is_ready:
                raise ConfigurationError("no further process can be started; give a smaller --jobs") from None
            yield from self._replace(worker)
            return
        if isinstance(message, str):
            raise ConfigurationError(message)
        worker.is_ready = True
        if message is not None:
            number, result = message
            yield worker.units.pop(number), result

    def _replace(self, worker: _Worker[Unit]) -> Iterator[tuple[Unit, Result]]:
        """Replace a worker that has ended."""
        self._dismiss(worker)
        units = list(worker.units.values())
        lost = len(units) if self._together else 1
        self._left += reversed(units[lost:])
        self._workers[self._workers.index(worker)] = self._start()
        for unit in units[:lost]:
            yield unit, self._lost

    def _start(self) -> _Worker[Unit]:
        _PROCESSES.set_forkserver_preload(list(self._warm))  # no meaning for spawn
        ours, theirs = _PROCESSES.Pipe()
        process = _PROCESSES.Process(target=_run, args=(theirs, self._recipe), daemon=True)
        with secrets_withheld():
            process.start()
        theirs.close()  # or its end would not be noticed
        return _Worker(process, ours)

    def _dismiss(self, worker: _Worker[Unit]) -> None:
        """End a process, and remove what it leaves unfinished."""
        worker.pipe.close()
        if self._together:
            worker.process.join(_GRACE_SECONDS)
        worker.process.terminate()
        worker.process.join()
        for unit in worker.units.values():
            with contextlib.suppress(OSError):
                self._clean(unit, worker.process.pid or 0)

    def _end(self) -> None:
        for worker in self._workers:
            self._dismiss(worker)


def _run(pipe: Connection, recipe: Recipe) -> None:
    """The main function of a worker, which ends when the pipe is closed at the other end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started us
    logs.configure()
    try:
        station = recipe()
    except EngineError as error:
        pipe.send(str(error))
        sys.exit(1)
    with contextlib.suppress(EOFError, OSError):
        if station.slots:
            import asyncio  # noqa: PLC0415 - a tenth of the start of `anonymize`, whose stations work in turn

            asyncio.run(_together(pipe, station))
        else:
            _in_turn(pipe, station)


def _in_turn(pipe: Connection, station: Station) -> None:
    pipe.send(None)
    while True:
        number, message = pipe.recv()
        pipe.send((number, station.perform(message)))


async def _together(pipe: Connection, station: Station) -> None:
    """Run units concurrently until the parent has ended, which could not record further results."""
    import asyncio  # noqa: PLC0415 - as above

    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    running: set[asyncio.Task[None]] = set()

    async def one(number: int, message: object) -> None:
        result = await cast("Awaitable[Any]", station.perform(message))
        try:
            pipe.send((number, result))
        except OSError:
            gone.set()

    def take() -> None:
        try:
            while pipe.poll():
                task = loop.create_task(one(*pipe.recv()))
                running.add(task)
                task.add_done_callback(running.discard)
        except (EOFError, OSError):
            loop.remove_reader(pipe.fileno())
            gone.set()

    pipe.send(None)
    loop.add_reader(pipe.fileno(), take)
    await gone.wait()
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await station.aclose()
