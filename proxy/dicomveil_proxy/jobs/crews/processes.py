"""Worker processes on this machine, each with its own station.

A worker is given some units ahead, and says of each what became of it. One that ends before its time (stopped for its
memory, or by a fault in a library) loses what it was working on: that has failed, another worker takes over the rest.

Processes are forked from one that has imported everything, so that a further worker costs no start of Python. That
one has no threads, no connections and no open files, of which a fork would copy the state.
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
"""Units that a worker holds, so that it never waits for the next."""
_GRACE_SECONDS = 5.0
"""For a worker that is to end, to remove what it has not finished."""
if sys.platform == "win32":
    _PROCESSES = multiprocessing.get_context("spawn")
else:
    _PROCESSES = multiprocessing.get_context("forkserver")


@dataclass
class _Worker(Generic[Unit]):
    """One process, and the units that it has been given and has not reported yet, by their numbers."""

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
        """`lost` is the result of a unit whose process ended.

        `ahead` is how many units a worker holds. `together` says that it works on all of them at once, so that all
        are lost with it. `warm` are the modules that are imported before the first fork. `message` is what of a unit is
        sent; `clean` removes what a process that ended left of one.
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
                    yield from self._hear(worker)
        finally:
            self._end()

    def _give(self, take: Take[Unit]) -> float | None:
        """Give each worker as much as it may hold, in turn; for how long to wait until there may be more."""
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

    def _hear(self, worker: _Worker[Unit]) -> Iterator[tuple[Unit, Result]]:
        """What a worker says; or that it never will say anything again."""
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
        """Start another in the place of one that ended."""
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
    """A worker's life: until its pipe is closed at the other end."""
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
    """Units side by side, until the process that started us has ended: what it cannot record must not be done."""
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
