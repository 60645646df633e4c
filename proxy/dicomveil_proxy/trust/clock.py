"""The time by which credentials and daily limits end: the machine's, but it never goes back while a process runs.

A clock that is set back would make expired tokens valid again. So the latest time that was seen counts, and moves on
at the pace of the monotonic clock, until the machine's clock has caught up. The audit does not use this: it writes the
time that the machine has.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

_UNNOTICED_SECONDS = 5.0
"""By so much time servers move clocks now and then."""

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
        """The time now; some 0.3 µs."""
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
"""The one of this process."""
