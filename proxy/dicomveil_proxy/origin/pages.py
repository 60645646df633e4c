"""All results of a search at an origin server, page by page.

What the pages mean is not known here; only that they come to an end.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from dicomveil_proxy.errors import OriginMalformed
from dicomveil_proxy.origin import Match, Origin
from dicomveil_proxy.query import Level


async def pages(
    origin: Origin,
    level: Level,
    study: str | None,
    series: str | None,
    params: Sequence[tuple[str, str]],
    *,
    size: int,
) -> AsyncGenerator[list[Match], None]:
    """The pages of at most `size` results, as long as somebody asks for more; arguments as in `Origin.search`.

    A longer page is that of a server which does not know `limit`, and holds everything. One that begins as the
    page before did is that of a server which does not know `offset`: it cannot show the rest, and to go on would
    never end. Raises OriginMalformed then, and the origin's errors.
    """
    before: Match | None = None
    offset = 0
    while True:
        page = await origin.search(level, study, series, params, limit=size, offset=offset)
        if page and page[0] == before:
            raise OriginMalformed("the origin server does not know the parameter offset of a search")
        yield page
        if len(page) != size:
            return
        before = page[0]
        offset += size
