"""Contestants in turns: each does the same job once in every round, and the median of the rounds counts.

So a machine that slows down slows all of them. A clock here never fails anything; a byte that is missing does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from bench.servers import Server
from bench.traffic import Timed


@dataclass(frozen=True)
class Taken:
    """What a job takes of a server; medians of the rounds."""

    seconds: float
    """Of wall time."""
    cpu_seconds: float
    size: int
    """Bytes of the bodies, the same in each round."""

    @property
    def cpu_per_byte(self) -> float:
        """CPU seconds."""
        return self.cpu_seconds / self.size

    @property
    def throughput(self) -> float:
        """Bytes per second of wall time."""
        return self.size / self.seconds


def in_turns(sizes: Mapping[Server, int], job: Callable[[Server], Timed], rounds: int, slack: int = 0) -> list[Taken]:
    """What the job takes of each server, in their order.

    `sizes` says how many bytes the job must transfer: those of a transfer whose content was looked at. Raises
    AssertionError when one transfers another number. `slack` is how many bytes more or fewer may come, where a server
    compresses what is random in its answers.
    """
    seconds: dict[str, list[float]] = {server.name: [] for server in sizes}
    cpu_seconds: dict[str, list[float]] = {server.name: [] for server in sizes}
    for _ in range(rounds):
        for server, size in sizes.items():
            before = server.cpu_seconds()
            timed = job(server)
            cpu_seconds[server.name].append(server.cpu_seconds() - before)
            seconds[server.name].append(timed.seconds)
            assert abs(timed.size - size) <= slack, f"{server.name} transferred {timed.size} bytes instead of {size}"
    return [Taken(median(seconds[each.name]), median(cpu_seconds[each.name]), size) for each, size in sizes.items()]
