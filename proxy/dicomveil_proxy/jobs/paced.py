"""An origin whose searches observe the job's rate of requests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy.errors import OriginError, OriginRefused
from dicomveil_proxy.jobs.allowance import Requests
from dicomveil_proxy.origin import Match, Origin
from dicomveil_proxy.request.query import Level

_TRIES = 4
_LONGEST_WAIT = 60.0


class _PacedOrigin:
    """Searches another origin, and retries failed searches, which is harmless."""

    def __init__(self, origin: Origin, requests: Requests) -> None:
        self._origin = origin
        self._requests = requests

    async def search(
        self,
        level: Level,
        study: OriginalUID | None,
        series: OriginalUID | None,
        params: Sequence[tuple[str, str]],
        *,
        limit: int,
        offset: int,
    ) -> list[Match]:
        """As `Origin.search`."""
        for attempt in range(1, _TRIES + 1):
            await asyncio.sleep(self._requests.wait())
            self._requests.spend(1)
            try:
                return await self._origin.search(level, study, series, params, limit=limit, offset=offset)
            except OriginError as error:
                if attempt == _TRIES or not error.is_passing:
                    raise
                asked = error.retry_after if isinstance(error, OriginRefused) else 0.0
                await asyncio.sleep(min(max(asked, 0.2 * 2**attempt), _LONGEST_WAIT))
        raise AssertionError


def paced(origin: Origin, requests: Requests) -> Origin:
    """The origin, for searches only."""
    return cast("Origin", _PacedOrigin(origin, requests))
