"""Large blocks are kept, and what somebody has set is left alone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from dicomveil_proxy.allocator import keep_large_blocks
if sys.argv[1] == "keep":
    keep_large_blocks()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(8):
    bytearray(b"x") * (32 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(choice: str, **environment: str) -> int:
    """How many pages the kernel had to give for eight blocks of 32 MiB, one after the other."""
    command = [sys.executable, "-c", PROGRAM, choice]
    return int(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's")
def test_large_blocks_are_kept() -> None:
    """The pages of the first block serve the others, too."""
    assert page_faults("keep") * 4 < page_faults("leave")


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's")
def test_the_environment_decides() -> None:
    """Variables that somebody set hold."""
    chosen = {"MALLOC_MMAP_THRESHOLD_": "1048576", "MALLOC_TRIM_THRESHOLD_": "1048576"}

    assert page_faults("keep") * 4 < page_faults("keep", **chosen)


FREED = """
import asyncio
from pathlib import Path
from dicomveil_proxy import allocator
allocator.keep_large_blocks()
allocator.TRIM_AFTER = allocator.TRIM_EVERY = 0.05

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4 // 1024

async def main():
    trimming = allocator.Trimming()
    before = resident()
    held = [bytes(3_000) for _ in range(30_000)]
    del held
    left = resident() - before
    trimming.after_long_work()
    trimming.after_long_work()
    await asyncio.sleep(1)
    print(left, resident() - before)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's")
def test_what_long_work_leaves_is_given_back() -> None:
    """Later, and not at once: the next block may need it."""
    command = [sys.executable, "-c", FREED]
    unset = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=unset)
    left, later = map(int, done.stdout.split())
    if left < 60:
        pytest.skip("this machine's allocator gives freed memory back at once")

    assert later < 20
