"""The report of a run, a line per file, and its progress on a terminal.

A report contains no patient's data. Its column `file` has the name that `run.py` chooses for events.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from pathlib import Path
from shutil import get_terminal_size
from types import TracebackType
from typing import Literal, Self, TextIO

from dicomveil_proxy.jobs.names import printable
from dicomveil_proxy.jobs.outcome import Status
from dicomveil_proxy.jobs.run import Event
from dicomveil_proxy.jobs.tables import CSVWriter

COLUMNS = ("file", "output", "status", "reason", "bytes")

_REFRESH_SECONDS = 0.2
_JSON_SECONDS = 1.0
_LINE_SECONDS = 60.0

Shown = Literal["auto", "json", "none"]


class Report:
    """A file of JSON lines, or CSV if its name ends in `.csv`."""

    def __init__(self, path: Path, *, is_private: bool = False) -> None:
        """Create or truncate the file; a private one can be read by its owner only. Raises OSError."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if is_private else 0o666)
        self._file = os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="")
        if is_private:
            os.fchmod(descriptor, 0o600)  # it may have existed
        self._csv = CSVWriter(self._file) if path.suffix.lower() == ".csv" else None
        if self._csv:
            self._csv.row(COLUMNS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, event: Event, name: str) -> None:
        """Write the outcome of a file."""
        outcome = event.outcome
        has_output = outcome.status not in {Status.FAILED, Status.SKIPPED}
        row = {
            "file": name,
            "output": printable(event.target) if has_output else "",
            "status": outcome.status.value,
            "reason": outcome.reason,
            "bytes": outcome.size,
        }
        if self._csv:
            self._csv.row(row.values())
        else:
            self._file.write(json.dumps(row, ensure_ascii=False) + "\n")


class Progress:
    """The progress of a run: one line on a terminal, else a line per minute, or JSON lines."""

    def __init__(self, stream: TextIO, shown: Shown = "auto") -> None:
        self._stream = stream
        self._shows = shown
        self._is_shown = shown == "auto" and stream.isatty()
        self._begun = self._shown = time.monotonic()
        self._line = ""
        self.counts: Counter[Status] = Counter()

    def add(self, status: Status) -> None:
        """Count one more file."""
        self.counts[status] += 1
        now = time.monotonic()
        if self._is_shown and now - self._shown >= _REFRESH_SECONDS:
            self._shown = now
            rate = self.counts[Status.WRITTEN] / max(now - self._begun, _REFRESH_SECONDS)
            self._show(f"{self.described()}, {rate:.0f} instances/s")
        elif self._shows == "json" and now - self._shown >= _JSON_SECONDS:
            self._shown = now
            self._tell({"event": "progress"} | self._numbers())
        elif self._shows == "auto" and not self._is_shown and now - self._shown >= _LINE_SECONDS:
            self._shown = now
            print(self.described(), file=self._stream, flush=True)

    def note(self, text: str) -> None:
        """Write a line above the progress."""
        self._show("")
        if self._shows == "json":
            self._tell({"event": "note", "text": text})
        else:
            print(text, file=self._stream)

    def end(self) -> None:
        """Erase the line."""
        self._show("")
        if self._shows == "json":
            self._tell({"event": "end"} | self._numbers())

    def _numbers(self) -> dict[str, object]:
        seconds = max(time.monotonic() - self._begun, _REFRESH_SECONDS)
        rate = round(self.counts[Status.WRITTEN] / seconds, 1)
        return {status.value: self.counts[status] for status in Status} | {"instances_per_second": rate}

    def _tell(self, event: dict[str, object]) -> None:
        print(json.dumps(event), file=self._stream, flush=True)

    def described(self) -> str:
        """The counts as text, without zeros except for the first."""
        return ", ".join(
            f"{self.counts[status]:,} {words}"
            for status, words in _WORDS.items()
            if self.counts[status] or status is Status.WRITTEN
        )

    def _show(self, line: str) -> None:
        if self._is_shown:
            line = line[: get_terminal_size().columns - 1]  # a wrapped line cannot be erased
            self._stream.write(f"\r{line:<{len(self._line)}}" + ("" if line else "\r"))
            self._stream.flush()
            self._line = line


_WORDS = {
    Status.WRITTEN: "de-identified",
    Status.UNCHANGED: "done before",
    Status.REBUILT: "DICOMDIR rebuilt",
    Status.FAILED: "failed",
    Status.SKIPPED: "skipped",
}
