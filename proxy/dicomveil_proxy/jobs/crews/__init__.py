"""Who runs units: processes on this machine, or Dask workers on many.

A crew runs units and nothing else: what is to be done next, and what became of it, is the caller's. It is given a
`Recipe`, from which each worker makes its own `Station`, and a function `take` that it asks for units.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

Unit = TypeVar("Unit")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Pause:
    """There is a unit, but not yet: ask again after so many seconds, or when a result came."""

    seconds: float


Take = Callable[[], Unit | Pause | None]
"""The next unit; None when there is none unless a result that is still awaited brings one."""


class Station(Protocol):
    """Where a worker works: its policy, its buffers, its connections."""

    slots: int
    """Units at one time; 0 for a station whose `perform` is not a coroutine."""

    def perform(self, message: Any) -> Any | Awaitable[Any]:
        """Run one unit. A pure function of the job and the unit, which never raises."""
        ...

    async def aclose(self) -> None:
        """Close what is open; of a plain station it is never called."""
        ...


Recipe = Callable[[], Station]
"""Makes a station in a worker. It can be pickled. Raises EngineError, with a message that holds no value."""


class Crew(Protocol):
    """Runs units."""

    def work(self, take: Take[Any]) -> Iterator[tuple[Any, Any]]:
        """Each unit with its result, in the order in which they are done, until `take` gives no more.

        Raises ConfigurationError when no worker can be started.
        """
        ...
