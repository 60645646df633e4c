"""Log messages of one request, each written once with its count: thousands of instances may fail alike."""

from __future__ import annotations

import logging
from collections import Counter
from types import TracebackType
from typing import Self

MOST_LINES = 20
"""Different messages that are logged for one request."""


class Tally:
    """Counts the messages of one request, and logs them at its end.

    with Tally(log, "an instance was left out") as left_out:
        left_out.note("(0010,0010) PatientName ...")
    """

    def __init__(self, log: logging.Logger, what: str) -> None:
        self._log = log
        self._what = what
        self._noted: Counter[tuple[int, str]] = Counter()
        self._others = 0

    def note(self, message: str, level: int = logging.WARNING) -> None:
        """Count a message."""
        if (level, message) in self._noted or len(self._noted) < MOST_LINES:
            self._noted[level, message] += 1
        else:
            self._others += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del kind, error, trace
        self.write()

    def write(self) -> None:
        """Log the messages with their counts."""
        for (level, message), count in self._noted.items():
            times = f" ({count} times)" if count > 1 else ""
            self._log.log(level, "%s: %s%s", self._what, message, times)
        if self._others:
            self._log.warning("%s: %d more times, for other reasons", self._what, self._others)
