"""Which original a pseudonym stands for: from the identity map, or found again at the origin server.

However cold the map is, the answers are the same. Nothing here knows how a pseudonym is made.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Hashable, Iterable
from contextlib import aclosing

from dicomveil_proxy.errors import Busy, StateUnavailable
from dicomveil_proxy.translation.identity import Identity, IdentityMap, Kind, ignore_warning

Heal = Callable[[], AsyncGenerator[Iterable[Identity], None]]
"""Asks the origin server for identities, page by page, among them the one that was missed, if it is there."""

_Asked = tuple[Kind, str]


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
        self.count: Callable[[str, bool], None] = lambda _cache, _is_hit: None
        """Called with the name of a cache and whether it knew what was asked for."""
        self._absent: OrderedDict[_Asked, float] = OrderedDict()
        self._flights: dict[Hashable, _Flight] = {}

    async def resolve(self, kind: Kind, pseudonym: str, heal: Heal, heal_key: Hashable | None = None) -> str | None:
        """The original, or None where there is none.

        Misses with the same `heal_key` share one heal; without one, those of the same pseudonym do. Raises
        what the heal raises, and Busy when too many heals wait for their turn.
        """
        asked = (kind, pseudonym)
        if (original := await self.known(kind, pseudonym)) is not None:
            self.count("identities", True)
            return original
        self.count("identities", False)
        if self._is_absent(asked):
            self.count("absent", True)
            return None
        self.count("absent", False)
        key = asked if heal_key is None else heal_key
        flight = self._flights.get(key)
        if flight is not None and flight.is_begun:
            # What arrives at the origin server meanwhile may escape it: its find counts, but not that it finds nothing.
            if (original := await self._answer(flight, asked)) is not None:
                return original
            flight = self._flights.get(key)
        if flight is None and ((original := self._identities.recent(*asked)) is not None or self._is_absent(asked)):
            return original  # one landed while the map was asked
        original = await self._answer(flight or self._take_off(key, heal), asked)
        if original is None:
            self._absent[asked] = self._clock() + self._negative_seconds
            self._absent.move_to_end(asked)
            if len(self._absent) > self._negative_entries:
                self._absent.popitem(last=False)
        return original

    async def known(self, kind: Kind, pseudonym: str) -> str | None:
        """The original, or None where the map does not know it; the origin server is not asked."""
        if (original := self._identities.recent(kind, pseudonym)) is not None:
            return original
        try:
            return await asyncio.to_thread(self._identities.original, kind, pseudonym)
        except StateUnavailable as error:
            self._warn(str(error))
            return None

    async def forget(self, identities: Iterable[Identity]) -> None:
        """Have the origin server asked again for what the map had wrong."""
        try:
            await asyncio.to_thread(self._identities.forget, identities)
        except StateUnavailable as error:
            self._warn(str(error))

    def _is_absent(self, asked: _Asked) -> bool:
        return self._absent.get(asked, -math.inf) > self._clock()

    async def _answer(self, flight: _Flight, asked: _Asked) -> str | None:
        is_late = flight.is_begun
        # The first caller may disconnect; the others still wait.
        original = await asyncio.shield(flight.answer_to(asked))
        if original is None and is_late:
            return await self.known(*asked)  # it was on a page that had passed
        return original

    def _take_off(self, key: Hashable, heal: Heal) -> _Flight:
        if len(self._flights) >= self._waiting_heals:
            raise Busy("too many resources are being looked for at the origin server")
        flight = self._flights[key] = _Flight()
        flight.task = asyncio.create_task(self._fly(key, flight, heal))
        return flight

    async def _fly(self, key: Hashable, flight: _Flight, heal: Heal) -> None:
        failure: BaseException | None = None
        try:
            async with self._turn, aclosing(heal()) as pages:
                flight.is_begun = True
                async for page in pages:
                    identities = list(page)
                    try:
                        await asyncio.to_thread(self._identities.record, identities)
                    except StateUnavailable as error:
                        self._warn(str(error))
                    flight.publish(identities)
        except BaseException as error:  # noqa: BLE001 - it is raised in all waiting callers
            failure = error
        del self._flights[key]
        flight.land(failure)


class _Flight:
    """One question to the origin server under way, and the callers that wait for it."""

    def __init__(self) -> None:
        self.is_begun = False
        self.task: asyncio.Task[None] | None = None
        self._answers: dict[_Asked, asyncio.Future[str | None]] = {}

    def answer_to(self, asked: _Asked) -> asyncio.Future[str | None]:
        """What will be known of it, as soon as its page has come."""
        return self._answers.setdefault(asked, asyncio.get_running_loop().create_future())

    def publish(self, page: Iterable[Identity]) -> None:
        """Answer those whose original this page holds."""
        for kind, pseudonym, original in page:
            if (answer := self._answers.pop((kind, pseudonym), None)) is not None:
                answer.set_result(original)

    def land(self, failure: BaseException | None) -> None:
        """Answer all others: there is no such thing, or nobody knows."""
        for answer in self._answers.values():
            if failure is None:
                answer.set_result(None)
            elif isinstance(failure, Exception):
                answer.set_exception(failure)
                answer.exception()  # it counts as seen, even when all requests for it have ended
            else:
                answer.cancel()
