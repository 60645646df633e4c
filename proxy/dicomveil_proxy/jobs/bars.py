"""A progress bar for exports on a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from dicomveil_proxy.jobs.progress import Quiet
from dicomveil_proxy.jobs.series import SeriesOutcome

_WIDE = 100
"""Columns of a terminal on which there is room for the time that has passed."""
_COUNTS = 11
_TIME = 12
"""Columns for the numbers of series and the time left; where it is narrow, what else is said is cut."""


class _TimeLeft(TimeRemainingColumn):
    """The time left, and nothing while it is not known."""

    def render(self, task: Task) -> Text:
        """As rich wants it."""
        return Text("") if task.time_remaining is None else Text.assemble(super().render(task), " left")


class Bars(Quiet):
    """A bar of series, with the rate and the remaining time."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream, clock)
        console = Console(file=stream)
        one_line = Column(no_wrap=True, overflow="ellipsis")
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None if console.width < _WIDE else 40),
            MofNCompleteColumn(table_column=Column(no_wrap=True, min_width=_COUNTS)),
            TextColumn("{task.fields[said]}", table_column=one_line),
            *([TimeElapsedColumn()] if console.width >= _WIDE else []),
            _TimeLeft(table_column=Column(no_wrap=True, min_width=_TIME)),
            console=console,
            expand=console.width < _WIDE,
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
        digits = 1 if count.bytes < 1e7 * count.seconds else 0
        self._bars.update(
            self._task,
            completed=count.done + count.failed,
            said=f"{count.instances:,} instances, {count.bytes / count.seconds / 1e6:,.{digits}f} MB/s{failed}",
        )

    def note(self, text: str) -> None:
        """As `Watcher.note`."""
        self._bars.console.print(text, markup=False, highlight=False)

    def end(self) -> None:
        """Remove the bar at the end of the run."""
        self._bars.stop()
