"""glibc's allocator, set to keep large blocks instead of giving each back to the kernel.

Measured: 158 MB through the client cost 421 ms of CPU without, 310 ms with it; copying 50 MB twenty times 1.2 and
0.12 s. Each process does it for itself (mallopt(3)), since the environment variables that do the same are read before
Python runs.
"""

from __future__ import annotations

import ctypes
import os
import sys

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
