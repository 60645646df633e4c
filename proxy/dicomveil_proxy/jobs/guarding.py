"""The leak guard in jobs: each worker looks at what it writes, and the coordinator writes down what was found.

Workers open no quarantine and no audit: they may be on other machines. What was released is sent to them with the job.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dicomveil_engine import Policy
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_proxy.leaks.guard import Leak, LeakGuard

GuardMode = Literal["off", "report", "refuse"]

_MOST = 100
"""Findings that are reported of one file or series; the same value in the same attribute is one."""


@dataclass(frozen=True)
class JobGuard:
    """How a job's guard acts. It is sent to workers."""

    mode: GuardMode = "refuse"
    released: frozenset[str] = frozenset()
    """Digests of the quarantine's entries that may pass."""
    project: str = ""
    """The project's name: with the same key and project, a digest is that of the server's guard."""

    def opened(self, policy: Policy, key: bytes) -> GuardedJob:
        """The guard of one worker. `key` is the project's."""
        return GuardedJob(self, policy, key)


class GuardedJob:
    """One worker's guard, and what it found since it was asked last."""

    def __init__(self, terms: JobGuard, policy: Policy, key: bytes) -> None:
        self._released = terms.released
        self._found: dict[str, Leak] = {}
        derived = Keys(key).derive("leak guard")
        self.guard = LeakGuard(policy, derived, mode=terms.mode, alarm=self._note, project=terms.project)

    def taken(self) -> tuple[Leak, ...]:
        """What was found, once."""
        found, self._found = self._found, {}
        return tuple(found.values())

    def _note(self, finding: Leak, mode: str) -> bool:
        del mode
        if len(self._found) < _MOST:
            self._found.setdefault(finding.digest, finding)
        return finding.digest in self._released
