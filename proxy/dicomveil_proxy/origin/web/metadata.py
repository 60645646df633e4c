"""The metadata of a resource as the origin server gives it, data set by data set."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from dicomveil_engine import JSONDataSet, ObjectStream
from dicomveil_proxy.origin import Origin


async def data_sets(
    origin: Origin, study: str, series: str | None, instance: str | None, *, limit: int
) -> AsyncGenerator[list[JSONDataSet], None]:
    """Those that one piece of the answer completes, together; never none. `limit` bounds the bytes of each.

    Raises InvalidDataSetError for what is no metadata, and what `Origin.metadata` raises.
    """
    stream = ObjectStream(limit)
    async with aclosing(origin.metadata(study, series, instance)) as chunks:
        async for chunk in chunks:
            if found := stream.feed(chunk):
                yield found
    if found := stream.close():
        yield found
