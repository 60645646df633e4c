"""A crew in this process: if there is only one worker, starting a process for it would cost more than it gains."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, cast

from dicomveil_engine import ConfigurationError, EngineError
from dicomveil_proxy.jobs.crews import Pause, Recipe, Take


class Here:
    """Runs one unit after another."""

    def __init__(self, recipe: Recipe, message: Callable[[Any], object]) -> None:
        """`recipe` creates a station whose `perform` is a coroutine; `message` gives its argument for a unit."""
        self._recipe = recipe
        self._message = message

    def work(self, take: Take[Any]) -> Iterator[tuple[Any, Any]]:
        """As `Crew.work`."""
        try:
            station = self._recipe()
        except EngineError as error:
            raise ConfigurationError(str(error)) from None
        # A runner cancels running tasks when it is closed, so that an interrupted unit leaves nothing behind.
        with asyncio.Runner() as runner, contextlib.ExitStack() as stack:
            stack.callback(lambda: runner.run(station.aclose()))

            async def perform(message: object) -> Any:
                return await cast("Awaitable[Any]", station.perform(message))

            while (unit := take()) is not None:
                if isinstance(unit, Pause):
                    time.sleep(unit.seconds)
                    continue
                yield unit, runner.run(perform(self._message(unit)))
