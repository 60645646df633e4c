"""Limits on the load of an archive by all workers together: requests, bytes and connections.

Requests are counted by the coordinator when it assigns a unit. A unit uses one connection, so that at most as many
units run as there are connections, each with an equal share of the bytes. The limits thus hold for any set of workers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Allowance:
    """The limits of one job."""

    rate: float = 0.0
    """Requests per second; 0 means no limit."""
    bandwidth: float = 0.0
    """Bytes per second; 0 means no limit."""
    connections: int = 4
    """Units that run at a time."""

    @property
    def share(self) -> float:
        """Bytes per second of one unit; 0 means no limit."""
        return self.bandwidth / self.connections

    @property
    def spacing(self) -> float:
        """Seconds between two requests."""
        return 1 / self.rate if self.rate else 0.0


class Requests:
    """The times of the next requests."""

    def __init__(self, allowance: Allowance, clock: Callable[[], float] = time.monotonic) -> None:
        self._spacing = allowance.spacing
        self._clock = clock
        self._next = clock()
        self._not_before = 0.0

    def wait(self) -> float:
        """Seconds until the next request is allowed."""
        return max(0.0, self._next - self._clock(), self._not_before - self._clock())

    def spend(self, count: int) -> None:
        """Count requests, of which the first is made now and each other a spacing later."""
        self._next = max(self._next, self._clock()) + count * self._spacing

    def hold(self, seconds: float) -> None:
        """Allow no requests for some time, as the archive's Retry-After demands (RFC 9110 Section 10.2.3)."""
        self._not_before = max(self._not_before, self._clock() + seconds)


class Throttle:
    """Limits the rate of a stream of bytes."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._due = clock()

    async def spend(self, size: int) -> None:
        """Wait until `size` more bytes are within the rate."""
        if self._rate:
            now = self._clock()
            self._due = max(self._due, now) + size / self._rate
            if self._due > now:
                await asyncio.sleep(self._due - now)
