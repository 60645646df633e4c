"""Metrics of an export in a file, for the textfile collector of Prometheus' node exporter, since a job has no port.

The only label is the state of a unit. The file is replaced atomically every few seconds.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from dicomveil_proxy.jobs.progress import Quiet
from dicomveil_proxy.jobs.series import SeriesOutcome

SECONDS = 10.0
"""Seconds between two updates of the file."""

NAMES = (
    "dicomveil_job_units",
    "dicomveil_job_instances",
    "dicomveil_job_bytes",
    "dicomveil_job_instances_refused",
    "dicomveil_job_seconds",
    "dicomveil_job_ended",
)

_log = logging.getLogger(__name__)


class Textfile:
    """A `Watcher` that forwards to another, and also writes the file."""

    def __init__(self, shown: Quiet, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._shown = shown
        self._path = path
        self._clock = clock
        self._at = clock()

    def planning(self, studies: int, series: int) -> None:
        """As `Watcher.planning`."""
        self._shown.planning(studies, series)

    def begin(self, units: int, done: int, instances: int) -> None:
        """As `Watcher.begin`."""
        self._shown.begin(units, done, instances)
        self._write(has_ended=False)

    def advance(self, outcome: SeriesOutcome, *, is_last: bool) -> None:
        """As `Watcher.advance`."""
        self._shown.advance(outcome, is_last=is_last)
        if self._clock() - self._at >= SECONDS:
            self._at = self._clock()
            self._write(has_ended=False)

    def note(self, text: str) -> None:
        """As `Watcher.note`."""
        self._shown.note(text)

    def end(self) -> None:
        """The run ended."""
        self._write(has_ended=True)
        self._shown.end()

    def written(self, *, has_ended: bool) -> str:
        """The file's text, in Prometheus' format."""
        count = self._shown.count
        left = max(0, count.units - count.done - count.failed)
        values = {
            'dicomveil_job_units{state="done"}': count.done,
            'dicomveil_job_units{state="failed"}': count.failed,
            'dicomveil_job_units{state="left"}': left,
            "dicomveil_job_instances": count.instances,
            "dicomveil_job_bytes": count.bytes,
            "dicomveil_job_instances_refused": count.refused,
            "dicomveil_job_seconds": round(count.seconds, 3),
            "dicomveil_job_ended": int(has_ended),
        }
        types = "".join(f"# TYPE {name} gauge\n" for name in NAMES)
        return types + "".join(f"{name} {value}\n" for name, value in values.items())

    def _write(self, *, has_ended: bool) -> None:
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        try:
            new.write_text(self.written(has_ended=has_ended))
            new.replace(self._path)
        except OSError as error:
            # An export must not fail because of its metrics.
            _log.warning("metrics-file: it cannot be written (%s)", error.strerror)
