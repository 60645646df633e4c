"""CPU time per instance of several de-identifiers in one run.

Each call gets an instance of its own, as of one series: all UIDs of instances in it are new, so that no tool can
remember more than a series has in common. The clock counts this process's CPU time, all threads, and stands still
while others have the processor. The tools take turns in rounds, so that a machine that slows down slows all of
them; the median round counts. Small instances get more rounds: a quick tool's is so short that chance has much to say.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Mapping
from io import BytesIO
from itertools import count

import pydicom

from bench.peers import Deidentify
from bench.series import sibling

_ROUND_SECONDS = 0.1
"""A quick tool works in each round for about so long, if there are as many instances; a slow one takes one."""
_SECONDS = 10.0
"""So long new rounds begin; and until there are as many as were asked for."""
_SIBLINGS_BYTES = 128 << 20


def measure(data: bytes, tools: Mapping[str, Deidentify], rounds: int) -> dict[str, float]:
    """Median CPU seconds for one instance, by tool, of at least so many rounds.

    Raises AssertionError when a tool gives back other pixels or none.
    """
    original = pydicom.dcmread(BytesIO(data))
    numbers = count(1)
    most = max(1, _SIBLINGS_BYTES // len(data))
    repeats = {tool: _calibrate(tool, deidentify, data, original) for tool, deidentify in tools.items()}
    seconds: dict[str, list[float]] = {tool: [] for tool in tools}
    begin = time.monotonic()
    for number in count():
        if number >= rounds and time.monotonic() - begin > _SECONDS:
            break
        for tool, deidentify in tools.items():
            siblings = [sibling(data, next(numbers)) for _ in range(min(repeats[tool], most))]
            gc.collect()
            gc.freeze()  # what the other tools have loaded is nobody's cost
            start = time.process_time()
            for instance in siblings:
                deidentify(instance)
            seconds[tool].append((time.process_time() - start) / len(siblings))
    return {tool: statistics.median(values) for tool, values in seconds.items()}


def check(tool: str, output: bytes, original: pydicom.Dataset) -> None:
    """Raise AssertionError unless the output can be read, has the original's pixels, and has lost its name."""
    result = pydicom.dcmread(BytesIO(output))
    assert result.get("PixelData") == original.get("PixelData"), f"{tool} changed the pixel data"
    assert result.get("PatientName") != original.PatientName, f"{tool} did not de-identify"


def _calibrate(tool: str, deidentify: Deidentify, data: bytes, original: pydicom.Dataset) -> int:
    """Run the tool to warm it up, look at what it gives, and say how often to repeat it in a round."""
    start = time.process_time()
    output = deidentify(data)
    if time.process_time() - start < _ROUND_SECONDS:
        start = time.process_time()
        deidentify(data)
    elapsed = time.process_time() - start
    check(tool, output if isinstance(output, bytes) else b"".join(output), original)
    return max(1, min(1_000, int(_ROUND_SECONDS / max(elapsed, 1e-6))))
