"""The origin server's metadata of a resource, data set by data set."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import NamedTuple, TypeVar

from dicomveil_engine import JSONDataSet, ObjectStream
from dicomveil_engine.json_model.stream import ArrayStream
from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy.origin import Origin
from dicomveil_proxy.turns import LONG, Turns, beside

_DataSet = TypeVar("_DataSet")


class Batch(NamedTuple):
    """One or more data sets that were received together."""

    datasets: list[JSONDataSet]
    size: int
    """Bytes of their JSON text."""

    @property
    def are_long(self) -> bool:
        """Whether rewriting one of them takes so long that it belongs in a thread."""
        return self.size > LONG * len(self.datasets)

    @property
    def each(self) -> int:
        """The average size of a data set in bytes: its cost for `Turns`."""
        return self.size // len(self.datasets)


async def data_sets(
    origin: Origin, study: OriginalUID, series: OriginalUID | None, instance: OriginalUID | None, *, limit: int
) -> AsyncGenerator[Batch, None]:
    """The data sets of a resource, in batches as they are received. `limit` bounds the bytes of each data set.

    Raises InvalidDataSetError for invalid metadata, and what `Origin.metadata` raises.
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


async def parsed(stream: ArrayStream[_DataSet], chunk: bytes, turns: Turns) -> list[_DataSet]:
    """The data sets that a chunk completes; long ones are parsed in a thread, short ones in turns."""
    found: list[_DataSet] = []
    for start in range(0, len(chunk), LONG // 2):
        some = chunk[start : start + LONG // 2]
        found += await beside(stream.feed, some) if stream.held > LONG else stream.feed(some)
        await turns.spend(len(some))
    return found
