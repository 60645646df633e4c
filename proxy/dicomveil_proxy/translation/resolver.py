"""The original of a pseudonym: from the identity map, or found by listing a level at the origin server.

The result does not depend on the contents of the map. Nothing here makes pseudonyms.
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

Listing = Callable[[], AsyncGenerator[Iterable[Identity], None]]
"""The identities of all resources at a level of the origin server, page by page."""

_Asked = tuple[Kind, str]


class Resolver:
    """Finds originals, at the origin server if they are not in the map.

    Concurrent requests share a listing; few listings run at a time; and a pseudonym that was not found is not looked
    for again within `negative_seconds`.
    """

    def __init__(
        self,
        identities: IdentityMap,
        *,
        clock: Callable[[], float] = time.monotonic,
        negative_seconds: float = 30.0,
        negative_entries: int = 10_000,
        concurrent_listings: int = 2,
        waiting_listings: int = 64,
        warn: Callable[[str], None] = ignore_warning,
    ) -> None:
        self._identities = identities
        self._clock = clock
        self._negative_seconds = negative_seconds
        self._negative_entries = negative_entries
        self._waiting_listings = waiting_listings
        self._warn = warn
        self._turn = asyncio.Semaphore(concurrent_listings)
        self.count: Callable[[str, bool], None] = lambda _cache, _is_hit: None
        """Called with the name of a cache and whether it had the entry."""
        self._absent: OrderedDict[_Asked, float] = OrderedDict()
        self._lookups: dict[Hashable, _Lookup] = {}

    async def resolve(
        self, kind: Kind, pseudonym: str, listing: Listing, listing_key: Hashable | None = None
    ) -> str | None:
        """The original, or None if there is none.

        Calls with the same `listing_key`, by default the pseudonym, share one listing. Raises what the listing raises,
        and Busy if too many listings are waiting.
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
        key = asked if listing_key is None else listing_key
        lookup = self._lookups.get(key)
        if lookup is not None and lookup.is_begun:
            # A running listing may miss what was stored after it started: if it does not find the original, a new
            # listing is needed.
            if (original := await self._answer(lookup, asked)) is not None:
                return original
            lookup = self._lookups.get(key)
        if lookup is None and ((original := self._identities.recent(*asked)) is not None or self._is_absent(asked)):
            return original  # a listing ended while the map was read
        original = await self._answer(lookup or self._start(key, listing), asked)
        if original is None:
            self._absent[asked] = self._clock() + self._negative_seconds
            self._absent.move_to_end(asked)
            if len(self._absent) > self._negative_entries:
                self._absent.popitem(last=False)
        return original

    async def known(self, kind: Kind, pseudonym: str) -> str | None:
        """The original, or None if it is not in the map; does not ask the origin server."""
        if (original := self._identities.recent(kind, pseudonym)) is not None:
            return original
        try:
            return await asyncio.to_thread(self._identities.original, kind, pseudonym)
        except StateUnavailable as error:
            self._warn(str(error))
            return None

    async def forget(self, identities: Iterable[Identity]) -> None:
        """Remove outdated identities from the map."""
        try:
            await asyncio.to_thread(self._identities.forget, identities)
        except StateUnavailable as error:
            self._warn(str(error))

    def _is_absent(self, asked: _Asked) -> bool:
        return self._absent.get(asked, -math.inf) > self._clock()

    async def _answer(self, lookup: _Lookup, asked: _Asked) -> str | None:
        is_late = lookup.is_begun
        # Shielded, since one caller's disconnect must not cancel the others.
        original = await asyncio.shield(lookup.answer_to(asked))
        if original is None and is_late:
            return await self.known(*asked)  # it may have been on an earlier page
        return original

    def _start(self, key: Hashable, listing: Listing) -> _Lookup:
        if len(self._lookups) >= self._waiting_listings:
            raise Busy("too many resources are being looked for at the origin server")
        lookup = self._lookups[key] = _Lookup()
        lookup.task = asyncio.create_task(self._run(key, lookup, listing))
        return lookup

    async def _run(self, key: Hashable, lookup: _Lookup, listing: Listing) -> None:
        failure: BaseException | None = None
        try:
            async with self._turn, aclosing(listing()) as pages:
                lookup.is_begun = True
                async for page in pages:
                    identities = list(page)
                    try:
                        await asyncio.to_thread(self._identities.record, identities)
                    except StateUnavailable as error:
                        self._warn(str(error))
                    lookup.publish(identities)
        except BaseException as error:  # noqa: BLE001 - raised in all waiting callers
            failure = error
        del self._lookups[key]
        lookup.finish(failure)


class _Lookup:
    """A running listing, and the callers that wait for it."""

    def __init__(self) -> None:
        self.is_begun = False
        self.task: asyncio.Task[None] | None = None
        self._answers: dict[_Asked, asyncio.Future[str | None]] = {}

    def answer_to(self, asked: _Asked) -> asyncio.Future[str | None]:
        """The original as a future, which is done as soon as its page has been read."""
        return self._answers.setdefault(asked, asyncio.get_running_loop().create_future())

    def publish(self, page: Iterable[Identity]) -> None:
        """Complete the futures of the originals on this page."""
        for kind, pseudonym, original in page:
            if (answer := self._answers.pop((kind, pseudonym), None)) is not None:
                answer.set_result(original)

    def finish(self, failure: BaseException | None) -> None:
        """Complete all other futures: with None, or with the failure."""
        for answer in self._answers.values():
            if failure is None:
                answer.set_result(None)
            elif isinstance(failure, Exception):
                answer.set_exception(failure)
                answer.exception()  # retrieved, or asyncio would log it if all callers have gone
            else:
                answer.cancel()
