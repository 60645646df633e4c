"""glibc's allocator, set to keep freed large blocks instead of returning each to the kernel.

Measured: reading 158 MB with the client took 421 ms of CPU time without it and 310 ms with it; copying 50 MB twenty
times took 1.2 s and 0.12 s. Each process calls mallopt(3), since glibc reads the corresponding environment variables
before Python runs.

Memory that a long header or document has used is returned a few seconds later. This takes some milliseconds, during
which other threads cannot allocate, so it is done rarely.
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
_OPTIONS = {
    "MALLOC_TRIM_THRESHOLD_": (-1, KEPT_BYTES),
    "MALLOC_MMAP_THRESHOLD_": (-3, KEPT_BYTES),
    "MALLOC_ARENA_MAX": (-8, 1),
}
"""Environment variable → its number in malloc.h and its value here. A variable that is set takes precedence.

With one arena for all threads, malloc_trim(3) returns all free memory: it does not return the end of other arenas.
Threads hardly wait for each other, since they allocate under Python's lock.
"""


def keep_large_blocks() -> None:
    """Let this process keep the large blocks that it frees. Without glibc this does nothing."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    for variable, (option, value) in _OPTIONS.items():
        if mallopt is not None and variable not in os.environ:
            mallopt(option, value)


TRIM_AFTER = 2.0
"""Seconds between the end of long work and a trim."""
TRIM_EVERY = 10.0
"""Minimum seconds between two trims."""


class Trimming:
    """Schedules malloc_trim(3) after long work."""

    def __init__(self) -> None:
        self._due_in: asyncio.AbstractEventLoop | None = None
        """The event loop in which a trim is scheduled."""
        self._not_before = 0.0

    def after_long_work(self) -> None:
        """Schedule a trim in a thread, unless one is scheduled already."""
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
    """Return freed memory to the kernel. Without glibc this does nothing."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
