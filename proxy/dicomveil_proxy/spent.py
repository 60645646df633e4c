"""The time that a request spends at the origin server and on de-identification, for its line in the log and its spans.

It is recorded where it is spent, and read at the end of the request. Only numbers and times can be recorded.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import NamedTuple

_MOST_CALLS = 256
"""Calls of a request that are recorded individually; further calls are only counted."""


class Call(NamedTuple):
    """One request to an origin server."""

    status: int | None
    """None if no response arrived."""
    begun: float
    seconds: float
    """Until the response's header fields arrived."""


@dataclass
class Spent:
    """Calls and times of one request."""

    calls: list[Call] = field(default_factory=list)
    origin_requests: int = 0
    origin_seconds: float = 0.0
    deidentification_begun: float = 0.0
    deidentification_ended: float = 0.0
    deidentification_seconds: float = 0.0

    def origin(self, status: int | None, seconds: float) -> None:
        """Record a call that has just been answered."""
        self.origin_requests += 1
        self.origin_seconds += seconds
        if len(self.calls) < _MOST_CALLS:
            self.calls.append(Call(status, time.time() - seconds, seconds))


_spent: ContextVar[Spent | None] = ContextVar("spent", default=None)


def spent() -> Spent | None:
    """The record of the current request; None outside of a request."""
    return _spent.get()


@contextmanager
def spending() -> Iterator[Spent]:
    """Record calls and times within the context, including those of tasks started in it."""
    noted = Spent()
    before = _spent.set(noted)
    try:
        yield noted
    finally:
        _spent.reset(before)


class deidentifying:  # noqa: N801 - a context manager; as a generator it would cost an instance's metadata 2 %
    """Record the time within the context as de-identification."""

    __slots__ = ("_begun", "_noted")

    def __enter__(self) -> None:
        self._noted = noted = _spent.get()
        if noted is not None:
            if not noted.deidentification_begun:
                noted.deidentification_begun = time.time()
            self._begun = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        if (noted := self._noted) is not None:
            noted.deidentification_seconds += time.perf_counter() - self._begun
            noted.deidentification_ended = time.time()
