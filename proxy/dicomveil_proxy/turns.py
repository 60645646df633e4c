"""How requests share the event loop: work is done in turns, and what is long is done beside the loop.

Nothing that a request holds may keep others waiting for more than some 50 ms. So work is counted in bytes, whoever
does it spends its share and then gives way, and what cannot be divided runs in a thread, where Python lets the loop
have its turn every few milliseconds. One thread does it: two would leave the loop a third of the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from dicomveil_engine import InstanceRewriter
from dicomveil_engine.part10.rewriter import Chunk
from dicomveil_proxy.allocator import Trimming
from dicomveil_proxy.spent import deidentifying

SHARE = 1 << 16
"""Bytes of headers or documents, some milliseconds of work, after which others have their turn."""
EACH = 1 << 12
"""What each thing costs besides its bytes: an instance, a part, a data set, a result."""
LONG = 1 << 16
"""Bytes that are held already of a header or document that is long: the rest is done in the thread."""

_T = TypeVar("_T")
_TRIMMING = Trimming()
_BESIDE = ThreadPoolExecutor(1, thread_name_prefix="beside")


class Turns:
    """Those of one request."""

    def __init__(self) -> None:
        self._spent = 0

    async def spend(self, cost: int = EACH) -> None:
        """Count some work that was done or is about to be; give way when a share is spent."""
        self._spent += cost
        if self._spent >= SHARE:
            self._spent = 0
            await asyncio.sleep(0)

    async def through(self, items: Iterable[_T], cost: int = EACH) -> AsyncIterator[_T]:
        """The items, each of which costs so much."""
        for item in items:
            yield item
            await self.spend(cost)


async def beside(function: Callable[..., _T], *arguments: object) -> _T:
    """The result of a function that may take long; it runs in the thread for such work."""
    try:
        return await asyncio.get_running_loop().run_in_executor(_BESIDE, function, *arguments)
    finally:
        _TRIMMING.after_long_work()


async def fed(rewriter: InstanceRewriter, data: bytes | memoryview) -> list[Chunk]:
    """What `feed` of the rewriter gives; beside the loop where the instance's header is long, or deflated."""
    with deidentifying():
        if rewriter.held > LONG or rewriter.is_deflated:
            return await beside(rewriter.feed, data)
        return rewriter.feed(data)


async def closed(rewriter: InstanceRewriter) -> list[Chunk]:
    """What `close` of the rewriter gives."""
    with deidentifying():
        if rewriter.held > LONG or rewriter.is_deflated:
            return await beside(rewriter.close)
        return rewriter.close()
