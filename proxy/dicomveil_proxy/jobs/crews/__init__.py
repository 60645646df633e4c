"""Crews, which run units: processes on this machine, or Dask workers on many.

A crew only runs units: the caller selects them, and handles their results. It gets a `Recipe`, from which each worker
creates its `Station`, and a function `take` that returns the next unit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

Unit = TypeVar("Unit")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Pause:
    """The next unit is not available yet: call again after so many seconds, or after the next result."""

    seconds: float


Take = Callable[[], Unit | Pause | None]
"""Returns the next unit; None if there is none, or none before further results."""


class Station(Protocol):
    """The environment of a worker: its policy, buffers and connections."""

    slots: int
    """Concurrent units; 0 for a station whose `perform` is not a coroutine."""

    def perform(self, message: Any) -> Any | Awaitable[Any]:
        """Run one unit. A pure function of the job and the unit, which never raises."""
        ...

    async def aclose(self) -> None:
        """Close connections and files; not called for a station with 0 slots."""
        ...


Recipe = Callable[[], Station]
"""Creates a station in a worker; can be pickled. Raises EngineError, whose message contains no value."""


class Crew(Protocol):
    """Runs units."""

    def work(self, take: Take[Any]) -> Iterator[tuple[Any, Any]]:
        """Each unit with its result, in the order of completion, until `take` returns no more.

        Raises ConfigurationError if no worker can be started.
        """
        ...
