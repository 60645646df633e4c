"""The time for the expiry of credentials and for daily limits: the system clock, but never set back.

Setting the system clock back would make expired tokens valid again. Therefore the latest time that was seen continues
with the monotonic clock, until the system clock has caught up. The audit uses the system clock itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

_UNNOTICED_SECONDS = 5.0
"""A usual correction by a time server, which is not logged."""

_log = logging.getLogger(__name__)


class ForwardClock:
    """Seconds since 1970. Called, it gives the time now."""

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._seen = wall()
        self._seen_at = monotonic()
        self._has_warned = False

    def __call__(self) -> float:
        """The current time; takes some 0.3 µs."""
        wall, moment = self._wall(), self._monotonic()
        expected = self._seen + (moment - self._seen_at)
        if wall >= expected:
            self._seen, self._seen_at, self._has_warned = wall, moment, False
            return wall
        if expected - wall > _UNNOTICED_SECONDS and not self._has_warned:
            self._has_warned = True
            _log.warning(
                "the machine's clock was set back by %d s; tokens and daily limits end as if it had not been. "
                "If the time before was wrong, restart the server",
                expected - wall,
            )
        return expected


forward_time = ForwardClock()
"""This process's clock."""
