"""What all workers together may ask of an archive: requests, bytes and connections.

The coordinator alone spends requests, before it gives a unit away; a unit uses one connection, so that as many units
are under way as there are connections, and each has its share of the bytes. So the sum holds for any set of workers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Allowance:
    """What one job may take."""

    rate: float = 0.0
    """Requests per second; 0 is without a limit."""
    bandwidth: float = 0.0
    """Bytes per second; 0 is without a limit."""
    connections: int = 4
    """Units under way at one time."""

    @property
    def share(self) -> float:
        """Bytes per second of one unit; 0 is without a limit."""
        return self.bandwidth / self.connections

    @property
    def spacing(self) -> float:
        """Seconds between two requests."""
        return 1 / self.rate if self.rate else 0.0


class Requests:
    """When the next requests may be made."""

    def __init__(self, allowance: Allowance, clock: Callable[[], float] = time.monotonic) -> None:
        self._spacing = allowance.spacing
        self._clock = clock
        self._next = clock()
        self._not_before = 0.0

    def wait(self) -> float:
        """Seconds until one may be made."""
        return max(0.0, self._next - self._clock(), self._not_before - self._clock())

    def spend(self, count: int) -> None:
        """Count so many requests, of which the first is made now and the others each a spacing later."""
        self._next = max(self._next, self._clock()) + count * self._spacing

    def hold(self, seconds: float) -> None:
        """Make none for some time: the archive asked for it (RFC 9110 Section 10.2.3)."""
        self._not_before = max(self._not_before, self._clock() + seconds)


class Throttle:
    """Holds a stream of bytes to a rate."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._due = clock()

    async def spend(self, size: int) -> None:
        """Wait until so many more bytes are within the rate."""
        if self._rate:
            now = self._clock()
            self._due = max(self._due, now) + size / self._rate
            if self._due > now:
                await asyncio.sleep(self._due - now)
