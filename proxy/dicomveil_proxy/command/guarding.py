"""The leak guard of jobs: its options, and the quarantine in which its findings are recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dicomveil_proxy.jobs.guarding import GuardMode, JobGuard
from dicomveil_proxy.settings.rights import label_of
from dicomveil_proxy.trust.quarantine import Quarantine

if TYPE_CHECKING:
    from dicomveil_proxy.jobs.coordinator import Watcher
    from dicomveil_proxy.jobs.series import SeriesOutcome
    from dicomveil_proxy.leaks.guard import Leak
    from dicomveil_proxy.settings.server import Settings


def quarantine_of(settings: Settings) -> Quarantine | None:
    """The quarantine of the settings; None if they name neither its file nor a state folder."""
    is_named = settings.guard.quarantine is not None or "state" in settings.model_fields_set
    return Quarantine(settings.quarantine) if is_named and settings.quarantine is not None else None


def terms(mode: GuardMode, quarantine: Quarantine | None, project: str = "") -> JobGuard:
    """The guard's options for workers. Raises ConfigurationError if the quarantine cannot be read."""
    released = frozenset[str]() if quarantine is None else quarantine.released(label_of(project))
    return JobGuard(mode, released, project)


def quarantine_at(path: Path | None) -> Quarantine | None:
    """The quarantine of a command-line option."""
    return None if path is None else Quarantine(path)


class Alarming:
    """A watcher that also records the guard's findings."""

    def __init__(self, shown: Watcher, alarm: Callable[[Leak], None]) -> None:
        self._shown = shown
        self._alarm = alarm

    def planning(self, studies: int, series: int) -> None:
        """As `Watcher`."""
        self._shown.planning(studies, series)

    def begin(self, units: int, done: int, instances: int) -> None:
        """As `Watcher`."""
        self._shown.begin(units, done, instances)

    def advance(self, outcome: SeriesOutcome, *, is_last: bool) -> None:
        """As `Watcher`."""
        for finding in outcome.alarms:
            self._alarm(finding)
        self._shown.advance(outcome, is_last=is_last)

    def note(self, text: str) -> None:
        """As `Watcher`."""
        self._shown.note(text)
