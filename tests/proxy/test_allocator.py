"""Large blocks are kept, and what somebody has set is left alone."""

from __future__ import annotations

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
