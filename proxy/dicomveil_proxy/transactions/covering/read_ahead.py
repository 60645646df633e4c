"""Reads the instances of a response in advance, so that boxes of later ones are found while earlier ones are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress

from dicomveil_proxy.pixels.looking import Looking
from dicomveil_proxy.pixels.released import TemporaryFiles
from dicomveil_proxy.project import Project
from dicomveil_proxy.transactions.covering.arrival import Arrival
from dicomveil_proxy.wire.multipart import Event, PartData, PartStart


async def arrivals(
    project: Project, looking: Looking, events: AsyncGenerator[Event, None]
) -> AsyncGenerator[Arrival, None]:
    """The instances of a response, each as soon as its header has been read.

    Twice as many as there are child processes are read in advance.
    """
    ready: asyncio.Queue[Arrival | BaseException | None] = asyncio.Queue()
    places = asyncio.Semaphore(2 * looking.limits.processes)
    files = TemporaryFiles()
    reader = asyncio.ensure_future(_read(lambda: Arrival(project, looking, files), events, ready, places))
    current: Arrival | BaseException | None = None
    try:
        while (current := await ready.get()) is not None:
            if isinstance(current, BaseException):
                raise current
            yield current
            current.close()
            places.release()
    finally:
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader
        if isinstance(current, Arrival):
            current.close()
        while not ready.empty():
            if isinstance(left := ready.get_nowait(), Arrival):
                left.close()
        files.close()


async def _read(
    new: Callable[[], Arrival],
    events: AsyncGenerator[Event, None],
    ready: asyncio.Queue[Arrival | BaseException | None],
    places: asyncio.Semaphore,
) -> None:
    current: Arrival | None = None
    is_given = False
    try:
        async with aclosing(events):
            async for event in events:
                if isinstance(event, PartStart):
                    current, is_given = new(), False
                    continue
                assert current is not None
                if isinstance(event, PartData):
                    await current.feed(event.data)
                else:
                    await current.end()
                if current.is_decided and not is_given:
                    await places.acquire()
                    is_given = True
                    ready.put_nowait(current)
                    await current.start()
        ready.put_nowait(None)
    except asyncio.CancelledError:
        if current is not None:
            current.close()
        raise
    except Exception as error:  # noqa: BLE001 - raised in the consumer
        if current is not None and is_given:
            await current.fail(error)
        ready.put_nowait(error)
