"""The leak guard in jobs: workers search their output, and the coordinator records the findings.

Workers, which may be on other machines, open neither quarantine nor audit. Released entries are sent with the job.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dicomveil_engine import Policy
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_proxy.leaks.guard import Leak, LeakGuard

GuardMode = Literal["off", "report", "refuse"]

_MOST = 100
"""Findings that are reported for one file or series; the same value in the same attribute counts once."""


@dataclass(frozen=True)
class JobGuard:
    """The settings of a job's guard, which are sent to workers."""

    mode: GuardMode = "refuse"
    released: frozenset[str] = frozenset()
    """Digests of the quarantine's released entries."""
    project: str = ""
    """The project's name: for the same key and project, digests are equal to those of the server's guard."""

    def opened(self, policy: Policy, key: bytes) -> GuardedJob:
        """The guard of one worker. `key` is the project's."""
        return GuardedJob(self, policy, key)


class GuardedJob:
    """One worker's guard, and its findings since the last call of `taken`."""

    def __init__(self, terms: JobGuard, policy: Policy, key: bytes) -> None:
        self._released = terms.released
        self._found: dict[str, Leak] = {}
        derived = Keys(key).derive("leak guard")
        self.guard = LeakGuard(policy, derived, mode=terms.mode, alarm=self._note, project=terms.project)

    def taken(self) -> tuple[Leak, ...]:
        """The findings, which are cleared."""
        found, self._found = self._found, {}
        return tuple(found.values())

    def _note(self, finding: Leak, mode: str) -> bool:
        del mode
        if len(self._found) < _MOST:
            self._found.setdefault(finding.digest, finding)
        return finding.digest in self._released
