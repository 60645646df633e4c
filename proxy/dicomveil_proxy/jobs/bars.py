"""A progress bar for exports on a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from dicomveil_proxy.jobs.progress import Quiet
from dicomveil_proxy.jobs.series import SeriesOutcome


class Bars(Quiet):
    """A bar of series, with the rate and the remaining time."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream, clock)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[said]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(file=stream),
            transient=True,
        )
        self._task = self._bars.add_task("planning", total=None, said="")
        self._bars.start()

    def planning(self, studies: int, series: int) -> None:
        """As `Watcher.planning`."""
        self._bars.update(self._task, said=f"{studies:,} studies, {series:,} series")

    def begin(self, units: int, done: int, instances: int) -> None:
        """As `Watcher.begin`."""
        super().begin(units, done, instances)
        self._bars.update(self._task, description="series", total=units, completed=done, said="")

    def advance(self, outcome: SeriesOutcome, *, is_last: bool) -> None:
        """As `Watcher.advance`."""
        super().advance(outcome, is_last=is_last)
        count = self.count
        failed = f", {count.failed:,} failed" if count.failed else ""
        self._bars.update(
            self._task,
            completed=count.done + count.failed,
            said=f"{count.instances:,} instances, {count.bytes / count.seconds / 1e6:,.1f} MB/s{failed}",
        )

    def note(self, text: str) -> None:
        """As `Watcher.note`."""
        self._bars.console.print(text, markup=False, highlight=False)

    def end(self) -> None:
        """Remove the bar at the end of the run."""
        self._bars.stop()
