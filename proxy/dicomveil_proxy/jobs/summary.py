"""The result of a run of an export."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum

from dicomveil_proxy.jobs.study_report import IS_WHOLE, StudyStatus


class Ending(Enum):
    """How a run ended."""

    DONE = "done"
    PAUSED = "paused"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Summary:
    """The result of a run."""

    ending: Ending
    studies: Counter[StudyStatus]
    placed: int
    """Number of instances placed by this run."""
    expected: int
    refused: int
    reason: str = ""
    """Why the run was paused."""

    @property
    def is_whole(self) -> bool:
        """Whether studies were selected and none is incomplete."""
        missing = any(count for status, count in self.studies.items() if status not in IS_WHOLE)
        return self.ending is Ending.DONE and bool(self.studies) and not missing
