"""The progress of an export: bars on a terminal, else a line per minute, or JSON lines for programs.

It consists of numbers and reasons, which contain no values of data sets.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, TextIO

from dicomveil_proxy.jobs.series import SeriesOutcome

_LINE_SECONDS = 60.0
_JSON_SECONDS = 1.0


class Count:
    """Counts of a run's finished units."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self.units = self.done = self.failed = self.instances = self.bytes = self.refused = 0
        self.expected = 0

    def begin(self, units: int, done: int, instances: int) -> None:
        """Set the totals when the plan is complete."""
        self._began = self._clock()
        self.units, self.done, self.expected = units, done, instances

    def add(self, outcome: SeriesOutcome, *, is_last: bool) -> None:
        """Count a finished unit."""
        self.instances += len(outcome.placed)
        self.bytes += sum(each.size for each in outcome.placed)
        if is_last:
            self.refused += sum(count for _, count in outcome.refused)
            if outcome.failure is None:
                self.done += 1
            else:
                self.failed += 1

    @property
    def seconds(self) -> float:
        """Seconds since the plan was complete."""
        return max(self._clock() - self._began, 0.001)

    def as_dict(self) -> dict[str, Any]:
        """The counts for JSON."""
        return {
            "series": self.units,
            "done": self.done,
            "failed": self.failed,
            "instances": self.instances,
            "bytes": self.bytes,
            "refused": self.refused,
            "instances_per_second": round(self.instances / self.seconds, 1),
            "seconds_left": self.seconds_left,
        }

    @property
    def seconds_left(self) -> int | None:
        """Estimated from the rate so far; None before the first unit."""
        ended = self.done + self.failed
        if not ended or not self.instances:
            return None
        return round(self.seconds / ended * (self.units - ended))

    def described(self) -> str:
        """The counts as text."""
        left = self.seconds_left
        eta = "" if left is None else f", about {left // 60}:{left % 60:02} min left"
        failed = f", {self.failed:,} failed" if self.failed else ""
        refused = f", {self.refused:,} instances refused" if self.refused else ""
        return (
            f"{self.done:,} of {self.units:,} series, {self.instances:,} instances "
            f"({self.instances / self.seconds:,.0f}/s, {self.bytes / self.seconds / 1e6:,.1f} MB/s)"
            f"{failed}{refused}{eta}"
        )


class Quiet:
    """Shows notes only."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self.count = Count(clock)
        self._at = clock()

    def planning(self, studies: int, series: int) -> None:
        """As `Watcher.planning`."""

    def begin(self, units: int, done: int, instances: int) -> None:
        """As `Watcher.begin`."""
        self.count.begin(units, done, instances)

    def advance(self, outcome: SeriesOutcome, *, is_last: bool) -> None:
        """As `Watcher.advance`."""
        self.count.add(outcome, is_last=is_last)

    def note(self, text: str) -> None:
        """As `Watcher.note`."""
        print(text, file=self._stream, flush=True)

    def end(self) -> None:
        """The run ended."""

    def _is_due(self, seconds: float) -> bool:
        if self._clock() - self._at < seconds:
            return False
        self._at = self._clock()
        return True


class Lines(Quiet):
    """Writes a line per minute, for logs."""

    def planning(self, studies: int, series: int) -> None:
        """As `Watcher.planning`."""
        if self._is_due(_LINE_SECONDS):
            self.note(f"planning: {studies:,} studies, {series:,} series")

    def advance(self, outcome: SeriesOutcome, *, is_last: bool) -> None:
        """As `Watcher.advance`."""
        super().advance(outcome, is_last=is_last)
        if self._is_due(_LINE_SECONDS):
            self.note(self.count.described())


class JSONLines(Quiet):
    """Writes at most one JSON object per second, and one at the end, for programs."""

    def planning(self, studies: int, series: int) -> None:
        """As `Watcher.planning`."""
        if self._is_due(_JSON_SECONDS):
            self._write({"event": "planning", "studies": studies, "series": series})

    def begin(self, units: int, done: int, instances: int) -> None:
        """As `Watcher.begin`."""
        super().begin(units, done, instances)
        self._write({"event": "begin", "series": units, "done": done, "instances": instances})

    def advance(self, outcome: SeriesOutcome, *, is_last: bool) -> None:
        """As `Watcher.advance`."""
        super().advance(outcome, is_last=is_last)
        if self._is_due(_JSON_SECONDS):
            self._write({"event": "progress", **self.count.as_dict()})

    def note(self, text: str) -> None:
        """As `Watcher.note`."""
        self._write({"event": "note", "text": text})

    def end(self) -> None:
        """The run ended."""
        self._write({"event": "end", **self.count.as_dict()})

    def _write(self, event: dict[str, Any]) -> None:
        print(json.dumps(event), file=self._stream, flush=True)
