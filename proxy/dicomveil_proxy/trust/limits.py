"""Limits for each user in each project: requests per second, concurrent responses, bytes per day.

A user who reaches a limit in one project affects no other user or project. Each worker counts separately, with the
limit divided by the number of workers. Counts are lost at a restart.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dicomveil_proxy.errors import TooManyRequests
from dicomveil_proxy.settings.server import Limits
from dicomveil_proxy.trust.clock import forward_time
from dicomveil_proxy.trust.subject import Kind, Subject

MAXIMUM_USAGES = 10_000
"""Pairs of user and project that are counted at a time; the least recently used is dropped."""
_DAY_SECONDS = 86_400


@dataclass
class Usage:
    """One user's usage in one project."""

    requests: float
    """Requests that are allowed now: a token bucket."""
    refilled: float
    """Time of the last refill."""
    day: int
    bytes: int = 0
    """Bytes sent on that day (UTC)."""
    streams: int = 0
    """Responses in progress."""


class Allowances:
    """The usage of all users, and whether more is allowed."""

    def __init__(
        self,
        limits: Limits,
        workers: int,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = forward_time,
    ) -> None:
        rate = limits.requests_per_second
        self._rate = None if rate is None else rate / workers
        self._bytes = None if limits.bytes_per_day is None else max(1, limits.bytes_per_day // workers)
        self._streams = limits.subject_streams
        self._clock = clock
        self._wall = wall
        self._usages: OrderedDict[tuple[str, str], Usage] = OrderedDict()

    @contextmanager
    def request(self, subject: Subject, project: str) -> Iterator[Usage]:
        """Count one request until its response has ended; the caller adds the bytes sent to the usage.

        Raises TooManyRequests.
        """
        usage = self._usage(subject.label, project)
        self._check_streams(usage, subject)
        self._check_bytes(usage)
        self._check_rate(usage)
        usage.streams += 1
        try:
            yield usage
        finally:
            usage.streams -= 1

    def _usage(self, subject: str, project: str) -> Usage:
        key = (subject, project)
        usage = self._usages.get(key)
        if usage is None:
            usage = self._usages[key] = Usage(self._burst, self._clock(), self._today())
            if len(self._usages) > MAXIMUM_USAGES:
                self._usages.popitem(last=False)
        else:
            self._usages.move_to_end(key)
        return usage

    @property
    def _burst(self) -> float:
        """Requests allowed at once after a pause: those of one second, and at least one."""
        return max(1.0, self._rate or 1.0)

    def _check_rate(self, usage: Usage) -> None:
        if self._rate is None:
            return
        now = self._clock()
        usage.requests = min(self._burst, usage.requests + (now - usage.refilled) * self._rate)
        usage.refilled = now
        if usage.requests < 1:
            raise TooManyRequests(
                "too many requests a second (limits.requests_per_second)",
                (1 - usage.requests) / self._rate,
                "requests_per_second",
            )
        usage.requests -= 1

    def _check_streams(self, usage: Usage, subject: Subject) -> None:
        # All anonymous users share one subject: for them only the project's own limit applies.
        if subject.kind is not Kind.ANONYMOUS and usage.streams >= self._streams:
            raise TooManyRequests("too many answers at a time (limits.subject_streams)", 1, "subject_streams")

    def _check_bytes(self, usage: Usage) -> None:
        today = self._today()
        if today > usage.day:  # not for a day before, if the clock was set back
            usage.day, usage.bytes = today, 0
        if self._bytes is not None and usage.bytes >= self._bytes:
            tomorrow = (usage.day + 1) * _DAY_SECONDS - self._wall()
            raise TooManyRequests("too many bytes for one day (limits.bytes_per_day)", tomorrow, "bytes_per_day")

    def _today(self) -> int:
        return int(self._wall()) // _DAY_SECONDS


def divided(limits: Limits, workers: int) -> list[str]:
    """Messages at the start about limits that are divided among workers."""
    names = [name for name in ("requests_per_second", "bytes_per_day") if getattr(limits, name) is not None]
    if workers == 1:
        return []
    return [f"limits.{name}: each of {workers} workers counts alone, and allows 1/{workers} of it" for name in names]
