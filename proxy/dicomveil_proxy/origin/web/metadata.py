"""The metadata of a resource as the origin server gives it, data set by data set."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import NamedTuple

from dicomveil_engine import JSONDataSet, ObjectStream
from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy.origin import Origin
from dicomveil_proxy.turns import LONG, Turns, beside


class Batch(NamedTuple):
    """Data sets that came together; never none."""

    datasets: list[JSONDataSet]
    size: int
    """Bytes of the text that they stood in."""

    @property
    def are_long(self) -> bool:
        """Whether to rewrite one of them takes long."""
        return self.size > LONG * len(self.datasets)

    @property
    def each(self) -> int:
        """What one of them costs."""
        return self.size // len(self.datasets)


async def data_sets(
    origin: Origin, study: OriginalUID, series: OriginalUID | None, instance: OriginalUID | None, *, limit: int
) -> AsyncGenerator[Batch, None]:
    """Those that one piece of the answer completes, together. `limit` bounds the bytes of each.

    Raises InvalidDataSetError for what is not metadata, and what `Origin.metadata` raises.
    """
    stream = ObjectStream(limit)
    turns = Turns()
    async with aclosing(origin.metadata(study, series, instance)) as chunks:
        async for chunk in chunks:
            held = stream.held
            if found := await parsed(stream, chunk, turns):
                yield Batch(found, held + len(chunk))
    held = stream.held
    if found := await beside(stream.close) if held > LONG else stream.close():
        yield Batch(found, held)


async def parsed(stream: ObjectStream, chunk: bytes, turns: Turns) -> list[JSONDataSet]:
    """The objects that a chunk completes, read in turns."""
    found: list[JSONDataSet] = []
    for start in range(0, len(chunk), LONG // 2):
        some = chunk[start : start + LONG // 2]
        found += await beside(stream.feed, some) if stream.held > LONG else stream.feed(some)
        await turns.spend(len(some))
    return found
