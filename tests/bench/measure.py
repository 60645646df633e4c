"""CPU time per instance of several de-identifiers in one run, and its table.

Each call gets an instance of its own, as of one series: all UIDs of instances in it are new, so that no tool can
remember more than a series has in common. The clock counts this process's CPU time, all threads, and stands still
while others have the processor. The tools take turns in rounds, so that a machine that slows down slows all of
them; the median round counts.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from itertools import count

import pydicom

from bench.instances import sibling
from bench.peers import Deidentify

_ROUND_SECONDS = 0.1
"""A quick tool works in each round for about so long, if there are as many instances; a slow one takes one."""
_SIBLINGS_BYTES = 128 << 20


@dataclass(frozen=True)
class Row:
    """One kind of instance."""

    instance: str
    size: int
    """Bytes of the instance."""
    elements: int
    """Elements of its data set at all levels."""
    milliseconds: dict[str, float]
    """Median CPU time for one instance, by tool; the first is ours."""

    def times_slower(self, tool: str) -> float:
        """How many times our CPU time the tool takes."""
        return self.milliseconds[tool] / next(iter(self.milliseconds.values()))

    def as_json(self) -> dict[str, object]:
        """The row with its ratios, for a file."""
        return asdict(self) | {"times_slower": {tool: self.times_slower(tool) for tool in self.milliseconds}}


def measure(name: str, data: bytes, tools: Mapping[str, Deidentify], rounds: int) -> Row:
    """Measure each tool on the instance; raise AssertionError when one gives back other pixels or none."""
    original = pydicom.dcmread(BytesIO(data))
    numbers = count(1)
    most = max(1, _SIBLINGS_BYTES // len(data))
    repeats = {tool: _calibrate(tool, deidentify, data, original) for tool, deidentify in tools.items()}
    seconds: dict[str, list[float]] = {tool: [] for tool in tools}
    for _ in range(rounds):
        for tool, deidentify in tools.items():
            siblings = [sibling(data, next(numbers)) for _ in range(min(repeats[tool], most))]
            gc.collect()
            start = time.process_time()
            for instance in siblings:
                deidentify(instance)
            seconds[tool].append((time.process_time() - start) / len(siblings))
    medians = {tool: statistics.median(values) * 1_000 for tool, values in seconds.items()}
    return Row(name, len(data), sum(1 for _ in original.iterall()), medians)


def check(tool: str, output: bytes, original: pydicom.Dataset) -> None:
    """Raise AssertionError unless the output can be read, has the original's pixels, and has lost its name."""
    result = pydicom.dcmread(BytesIO(output))
    assert result.get("PixelData") == original.get("PixelData"), f"{tool} changed the pixel data"
    assert result.get("PatientName") != original.PatientName, f"{tool} did not de-identify"


def table(rows: list[Row]) -> str:
    """The rows as Markdown: milliseconds, and how many times ours each of the others takes."""
    tools = list(rows[0].milliseconds)
    lines = [f"| instance | {' | '.join(tools)} |", "|---|" + "---:|" * len(tools)]
    for row in rows:
        ours, *others = tools
        cells = [f"{row.milliseconds[ours]:.2f} ms"]
        cells += [f"{row.milliseconds[tool]:.2f} ms ({_ratio(row.times_slower(tool))})" for tool in others]
        lines.append(f"| {row.instance} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _ratio(times: float) -> str:
    return f"{times:.0f}x" if times >= 10 else f"{times:.2g}x"


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
