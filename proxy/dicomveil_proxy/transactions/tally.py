"""What is said in the log of many things alike, in few lines: a request may hold thousands that are wrong."""

from __future__ import annotations

import logging
from collections import Counter
from types import TracebackType
from typing import Self

MOST_LINES = 20
"""Different messages of one request that are written down."""


class Tally:
    """The messages of one request; written down at its end, each once, with how often it came.

    with Tally(log, "an instance was left out") as left_out:
        left_out.note("(0010,0010) PatientName ...")
    """

    def __init__(self, log: logging.Logger, what: str) -> None:
        self._log = log
        self._what = what
        self._noted: Counter[tuple[int, str]] = Counter()
        self._others = 0

    def note(self, message: str, level: int = logging.WARNING) -> None:
        """One more of them."""
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
        """Write them down."""
        for (level, message), count in self._noted.items():
            times = f" ({count} times)" if count > 1 else ""
            self._log.log(level, "%s: %s%s", self._what, message, times)
        if self._others:
            self._log.warning("%s: %d times more, for other reasons", self._what, self._others)
