"""Which original a pseudonym stands for: from the identity map, or found again at the origin server.

However cold the map is, the answers are the same. Nothing here knows how a pseudonym is made.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterable

from dicomveil_proxy.errors import Busy, StateUnavailable
from dicomveil_proxy.identity import Identity, IdentityMap, Kind, ignore_warning

Heal = Callable[[], Awaitable[Iterable[Identity]]]
"""Asks the origin server for identities, among them the one that was missed, if it is there."""


class Resolver:
    """pseudonym → original, asking the origin server where the map does not know.

    However many requests miss at once, each question is asked once; few questions at a time; and not again
    within `negative_seconds` where the answer was that there is no such thing.
    """

    def __init__(
        self,
        identities: IdentityMap,
        *,
        clock: Callable[[], float] = time.monotonic,
        negative_seconds: float = 30.0,
        negative_entries: int = 10_000,
        concurrent_heals: int = 2,
        waiting_heals: int = 64,
        warn: Callable[[str], None] = ignore_warning,
    ) -> None:
        self._identities = identities
        self._clock = clock
        self._negative_seconds = negative_seconds
        self._negative_entries = negative_entries
        self._waiting_heals = waiting_heals
        self._warn = warn
        self._turn = asyncio.Semaphore(concurrent_heals)
        self._absent: OrderedDict[tuple[Kind, str], float] = OrderedDict()
        self._flights: dict[Hashable, asyncio.Task[dict[tuple[Kind, str], str]]] = {}

    async def resolve(self, kind: Kind, pseudonym: str, heal: Heal, heal_key: Hashable | None = None) -> str | None:
        """The original, or None where there is none.

        Misses with the same `heal_key` share one heal; without one, those of the same pseudonym do. Raises
        what the heal raises, and Busy when too many heals wait for their turn.
        """
        asked = (kind, pseudonym)
        if (original := await self._look_up(kind, pseudonym)) is not None:
            return original
        if self._absent.get(asked, self._clock()) > self._clock():
            return None
        key = asked if heal_key is None else heal_key
        flight = self._flights.get(key)
        if flight is None:
            if len(self._flights) >= self._waiting_heals:
                raise Busy("too many resources are being looked for at the origin server")
            flight = asyncio.create_task(self._heal(heal))
            self._flights[key] = flight
            flight.add_done_callback(lambda done: self._land(key, done))
        # The first who asked may go away; the others still wait.
        found = (await asyncio.shield(flight)).get(asked)
        if found is None:
            self._absent[asked] = self._clock() + self._negative_seconds
            self._absent.move_to_end(asked)
            if len(self._absent) > self._negative_entries:
                self._absent.popitem(last=False)
        return found

    async def _look_up(self, kind: Kind, pseudonym: str) -> str | None:
        if (original := self._identities.recent(kind, pseudonym)) is not None:
            return original
        try:
            return await asyncio.to_thread(self._identities.original, kind, pseudonym)
        except StateUnavailable as error:
            self._warn(str(error))
            return None

    async def _heal(self, heal: Heal) -> dict[tuple[Kind, str], str]:
        async with self._turn:
            identities = list(await heal())
        try:
            await asyncio.to_thread(self._identities.remember, identities)
        except StateUnavailable as error:
            self._warn(str(error))
        return {(kind, pseudonym): original for kind, pseudonym, original in identities}

    def _land(self, key: Hashable, flight: asyncio.Task[dict[tuple[Kind, str], str]]) -> None:
        del self._flights[key]
        if not flight.cancelled():
            flight.exception()  # it counts as seen, even when all who asked have gone
