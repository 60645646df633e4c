"""glibc's allocator, set to keep large blocks instead of giving each back to the kernel.

Measured: 158 MB through the client cost 421 ms of CPU without, 310 ms with it; copying 50 MB twenty times 1.2 and
0.12 s. Each process does it for itself (mallopt(3)), since the environment variables that do the same are read before
Python runs.

What a long header or document leaves behind is given back some seconds later: kept for ever, it would be there once for
each thread's arena. It takes some milliseconds, and holds what allocates meanwhile, so it is done seldom.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

KEPT_BYTES = 256 << 20
"""Blocks up to this size are kept."""
_OPTIONS = {"MALLOC_TRIM_THRESHOLD_": -1, "MALLOC_MMAP_THRESHOLD_": -3}
"""Environment variable → its number in malloc.h. What somebody set there holds."""


def keep_large_blocks() -> None:
    """Let this process keep what it frees. Elsewhere than on Linux with glibc nothing happens."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    for variable, option in _OPTIONS.items():
        if mallopt is not None and variable not in os.environ:
            mallopt(option, KEPT_BYTES)


TRIM_AFTER = 2.0
"""Seconds from the end of long work on."""
TRIM_EVERY = 10.0
"""Seconds between two trims at least."""


class Trimming:
    """When this process gives back what long work has left."""

    def __init__(self) -> None:
        self._due_in: asyncio.AbstractEventLoop | None = None
        """The loop in which it is to be done."""
        self._not_before = 0.0

    def after_long_work(self) -> None:
        """Give free memory back soon, in a thread; asked again meanwhile, it is done once."""
        import asyncio  # noqa: PLC0415 - jobs have no event loop, and start quickly

        loop = asyncio.get_running_loop()
        if self._due_in is loop:
            return
        self._due_in = loop
        delay = max(TRIM_AFTER, self._not_before - time.monotonic())
        loop.call_later(delay, self._trim, loop)

    def _trim(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due_in = None
        self._not_before = time.monotonic() + TRIM_EVERY
        loop.run_in_executor(None, give_back)


def give_back() -> None:
    """Give the kernel what this process has freed. Elsewhere than on Linux with glibc nothing happens."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
