"""All results of a search at an origin server, page by page.

The content of the results does not matter here, except to recognise a server that does not support `offset`.
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
"""The UIDs and PatientID of a result, which distinguish it from others."""

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
    """The pages of a search, each of at most `size` results; arguments as in `Origin.search`.

    The first page starts at the offset `start`; `before` is then a result before it. `ahead` further pages are
    requested in advance, for callers that read all of them.

    A page longer than `size` comes from a server that ignores `limit`, and has all results. A page that starts like
    the one before comes from a server that ignores `offset`: the rest cannot be read, and paging would never end.
    Raises OriginMalformed for such a page, and OriginError.
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
                raise OriginMalformed("the origin server does not support the parameter offset of a search")
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
    """The UIDs and PatientID of a result."""
    return tuple(str(match.get(tag)) for tag in _UNIQUE)
