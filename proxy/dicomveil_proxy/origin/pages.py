"""All results of a search at an origin server, page by page.

What the pages mean is not known here; only that they come to an end.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence

from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy.errors import OriginMalformed
from dicomveil_proxy.origin import Match, Origin
from dicomveil_proxy.request.query import Level

Unique = tuple[str, ...]
"""What distinguishes a result from others: its UIDs and PatientID."""

_UNIQUE = ("0020000D", "0020000E", "00080018", "00100020")


async def pages(
    origin: Origin,
    level: Level,
    study: OriginalUID | None,
    series: OriginalUID | None,
    params: Sequence[tuple[str, str]],
    *,
    size: int,
    start: int = 0,
    before: Unique | None = None,
    ahead: int = 0,
) -> AsyncGenerator[list[Match], None]:
    """The pages of at most `size` results, as long as somebody asks for more; arguments as in `Origin.search`.

    The first one begins at `start`; `before` is then a result that stands before it. `ahead` pages are asked for
    ahead of time, for callers that want them all.

    A longer page is that of a server which does not know `limit`, and holds everything. One that begins as the
    page before did is that of a server which does not know `offset`: it cannot show the rest, and to continue would
    never end. Raises OriginMalformed then, and the origin's errors.
    """
    flights: deque[asyncio.Task[list[Match]]] = deque()
    offset = asked = start
    try:
        while True:
            while len(flights) <= ahead:
                search = origin.search(level, study, series, params, limit=size, offset=asked)
                flights.append(asyncio.ensure_future(search))
                asked += size
            page = await flights.popleft()
            if len(page) > size:
                yield page[offset:]
                return
            if page and before == (first := unique(page[0])):
                raise OriginMalformed("the origin server does not know the parameter offset of a search")
            yield page
            if len(page) != size:
                return
            before = first if page else None
            offset += size
    finally:
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)


def unique(match: Mapping[str, object]) -> Unique:
    """What distinguishes a result from the others of its search."""
    return tuple(str(match.get(tag)) for tag in _UNIQUE)
