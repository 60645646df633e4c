"""How requests share the event loop.

No request may block the loop for more than about 50 ms. So the work of a request is counted in bytes: after a share of
it, the request yields to the loop. Long work that cannot be divided runs in a thread, where the interpreter switches
back to the loop every few milliseconds. There is only one such thread: with two, the loop would get a third of the
time.
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
"""Bytes of headers or documents, a few milliseconds of work, after which a request yields to the loop."""
EACH = 1 << 12
"""Cost in bytes of each instance, part, data set or result, in addition to its length."""
LONG = 1 << 16
"""Buffered bytes from which a header or document counts as long: the rest of it is processed in the thread."""

_T = TypeVar("_T")
_TRIMMING = Trimming()
_BESIDE = ThreadPoolExecutor(1, thread_name_prefix="beside")


class Turns:
    """The work of one request since it last yielded to the event loop."""

    def __init__(self) -> None:
        self._spent = 0

    async def spend(self, cost: int = EACH) -> None:
        """Count some work that was done or is about to be done; yield to the loop when a share is used up."""
        self._spent += cost
        if self._spent >= SHARE:
            self._spent = 0
            await asyncio.sleep(0)

    async def through(self, items: Iterable[_T], cost: int = EACH) -> AsyncIterator[_T]:
        """Iterate over the items, and count `cost` for each."""
        for item in items:
            yield item
            await self.spend(cost)


async def beside(function: Callable[..., _T], *arguments: object) -> _T:
    """Run a function that may take long in the thread for such work, and return its result."""
    try:
        return await asyncio.get_running_loop().run_in_executor(_BESIDE, function, *arguments)
    finally:
        _TRIMMING.after_long_work()


def takes_long(rewriter: InstanceRewriter) -> bool:
    """Whether the next call of the rewriter belongs in the thread: its header is long, its data set deflated, or a
    value searched."""
    return rewriter.held > LONG or rewriter.is_deflated or rewriter.is_checking


async def fed(rewriter: InstanceRewriter, data: bytes | memoryview) -> list[Chunk]:
    """Call `feed` of the rewriter, in the thread if its header is long, its data set deflated, or a value searched."""
    with deidentifying():
        if takes_long(rewriter):
            return await beside(rewriter.feed, data)
        return rewriter.feed(data)


async def closed(rewriter: InstanceRewriter) -> list[Chunk]:
    """Call `close` of the rewriter, in the thread under the same conditions."""
    with deidentifying():
        if takes_long(rewriter):
            return await beside(rewriter.close)
        return rewriter.close()
