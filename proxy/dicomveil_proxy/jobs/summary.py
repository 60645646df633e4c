"""What came of a run of an export, for the command and for tests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum

from dicomveil_proxy.jobs.study_report import IS_WHOLE, StudyStatus


class Ending(Enum):
    """How a run came to its end."""

    DONE = "done"
    PAUSED = "paused"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Summary:
    """What came of a run."""

    ending: Ending
    studies: Counter[StudyStatus]
    placed: int
    """Instances, by this run."""
    expected: int
    refused: int
    reason: str = ""
    """Why it was paused."""

    @property
    def is_whole(self) -> bool:
        """Whether something was selected and nothing is missing."""
        missing = any(count for status, count in self.studies.items() if status not in IS_WHOLE)
        return self.ending is Ending.DONE and bool(self.studies) and not missing
