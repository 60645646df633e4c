"""Figures: what a run has measured of ours beside what others took for the same job; as a table and as JSON.

Nothing here measures, and nothing here fails: a figure that is over its bound is printed in bold.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

_MiB = 1 << 20
_HEAD = ("job", "compared with", "dicomveil", "theirs", "ratio", "at most")


class Measure(Enum):
    """What is measured of a job, in which unit."""

    WALL = "wall"
    """Seconds."""
    CPU = "CPU"
    """Seconds of processor time."""
    CPU_PER_BYTE = "CPU per byte"
    """Seconds of processor time, for each byte of a body."""
    THROUGHPUT = "throughput"
    """Bytes per second of wall time: the only one of which more is better."""
    MEMORY = "memory"
    """Bytes at the peak."""
    MEMORY_ABOVE_IDLE = "memory above idle"
    """Bytes at the peak, without those that are resident before the job."""

    def text(self, value: float) -> str:
        """A value with its unit, for people."""
        match self:
            case Measure.WALL | Measure.CPU:
                if value < 1e-5:
                    return f"{_three_digits(value * 1e9)} ns"
                return f"{value:.2f} s" if value >= 1 else f"{_three_digits(value * 1e3)} ms"
            case Measure.CPU_PER_BYTE:
                return f"{_three_digits(value * 1e9)} ns/B"
            case Measure.THROUGHPUT:
                return f"{value / 1e6:.0f} MB/s"
            case Measure.MEMORY | Measure.MEMORY_ABOVE_IDLE:
                return f"{value / _MiB:.1f} MiB"


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    job: str
    """What was done, with its size."""
    measure: Measure
    ours: float
    """In the measure's unit."""
    peer: str | None = None
    """Who did the same job; None where the figure stands by itself."""
    theirs: float | None = None
    """In the measure's unit."""
    at_most: float | None = None
    """What the ratio should not exceed; without a peer, our own value. None where nothing is promised."""

    @property
    def ratio(self) -> float | None:
        """How many times theirs ours is."""
        return self.ours / self.theirs if self.theirs else None

    @property
    def is_over(self) -> bool:
        """Whether it exceeds its bound."""
        value = self.ours if self.peer is None else self.ratio
        return self.at_most is not None and value is not None and value > self.at_most

    def cells(self) -> tuple[str, ...]:
        """Its line of the table."""
        bound = None if self.at_most is None else self._bound(self.at_most)
        theirs = None if self.theirs is None else self.measure.text(self.theirs)
        ratio = None if self.ratio is None else _three_digits(self.ratio)
        ours = self.measure.text(self.ours)
        if self.is_over:
            ours, ratio = (f"**{ours}**", ratio) if ratio is None else (ours, f"**{ratio}**")
        return (f"{self.job}: {self.measure.value}", *(cell or "" for cell in (self.peer, ours, theirs, ratio, bound)))

    def as_json(self) -> dict[str, object]:
        """For a file: values in the measure's unit."""
        return asdict(self) | {"measure": self.measure.value, "ratio": self.ratio}

    def _bound(self, value: float) -> str:
        return self.measure.text(value) if self.peer is None else _three_digits(value)


class Figures:
    """All figures of a run, in the order of their measuring, and what is to be read with them."""

    def __init__(self) -> None:
        self._figures: list[Figure] = []
        self._notes: list[str] = []

    def add(self, *figures: Figure) -> None:
        """Take figures."""
        self._figures += figures

    def compare(
        self,
        job: str,
        measure: Measure,
        ours: float,
        theirs: Mapping[str, float],
        at_most: Mapping[str, float] | None = None,
    ) -> None:
        """Take a figure for each peer of `theirs`; `at_most` has the bounds of some of them."""
        bounds = at_most or {}
        self.add(*(Figure(job, measure, ours, peer, value, bounds.get(peer)) for peer, value in theirs.items()))

    def note(self, text: str) -> None:
        """Take a line to stand below the table."""
        if text not in self._notes:
            self._notes.append(text)

    def __bool__(self) -> bool:
        return bool(self._figures)

    def table(self) -> str:
        """All as Markdown."""
        lines = [_HEAD, ("---", "---", "---:", "---:", "---:", "---:"), *(each.cells() for each in self._figures)]
        return "\n".join([*(f"| {' | '.join(cells)} |" for cells in lines), "", *self._notes])

    def write(self, file: Path) -> None:
        """Write all as JSON, with the machine that they are from."""
        machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
        run = {"machine": machine, "figures": [each.as_json() for each in self._figures], "notes": self._notes}
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(run, indent=1))


def _three_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
