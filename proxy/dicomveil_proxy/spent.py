"""What a request spends at the origin server and on de-identification: for its line in the log, and its spans.

Noted where it happens, and read where the request ends. Nothing but numbers and times can be noted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import NamedTuple

_MOST_CALLS = 256
"""A request's calls that are kept one by one; all are counted."""


class Call(NamedTuple):
    """One request to an origin server."""

    status: int | None
    """None where no answer came."""
    begun: float
    seconds: float
    """To the head of its answer."""


@dataclass
class Spent:
    """That of one request."""

    calls: list[Call] = field(default_factory=list)
    origin_requests: int = 0
    origin_seconds: float = 0.0
    deidentification_begun: float = 0.0
    deidentification_ended: float = 0.0
    deidentification_seconds: float = 0.0

    def origin(self, status: int | None, seconds: float) -> None:
        """Note a call that has just been answered."""
        self.origin_requests += 1
        self.origin_seconds += seconds
        if len(self.calls) < _MOST_CALLS:
            self.calls.append(Call(status, time.time() - seconds, seconds))


_spent: ContextVar[Spent | None] = ContextVar("spent", default=None)


def spent() -> Spent | None:
    """That of the request under way; None where there is none."""
    return _spent.get()


@contextmanager
def spending() -> Iterator[Spent]:
    """Note what is spent meanwhile, in tasks that are started meanwhile, too."""
    noted = Spent()
    before = _spent.set(noted)
    try:
        yield noted
    finally:
        _spent.reset(before)


@contextmanager
def deidentifying() -> Iterator[None]:
    """Note the time of a piece of de-identification."""
    noted = _spent.get()
    if noted is None:
        yield
        return
    begun = time.perf_counter()
    if not noted.deidentification_begun:
        noted.deidentification_begun = time.time()
    try:
        yield
    finally:
        noted.deidentification_seconds += time.perf_counter() - begun
        noted.deidentification_ended = time.time()
