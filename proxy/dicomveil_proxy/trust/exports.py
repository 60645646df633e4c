"""Audit events of exports: subject, project, kind of destination, and outcome.

An export is a separate process with a separate chain: the first free one of the audit's files.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dicomveil_proxy.errors import AuditUnavailable
from dicomveil_proxy.leaks.guard import Leak
from dicomveil_proxy.settings.access import AuditSettings
from dicomveil_proxy.settings.rights import label_of
from dicomveil_proxy.trust.alarm import GuardAlarm
from dicomveil_proxy.trust.audit import Action, Audit, AuditEvent, open_audit
from dicomveil_proxy.trust.operator import operator
from dicomveil_proxy.trust.quarantine import Quarantine
from dicomveil_proxy.trust.syslog import syslog_of


class ExportRecord:
    """The audit events of one export."""

    def __init__(self, audit: Audit, project: str, destination: str) -> None:
        self._audit = audit
        self._project = label_of(project)
        self._destination = destination
        self._is_ended = False

    def begun(self) -> None:
        """Record the start. Raises AuditUnavailable; then nothing may be exported."""
        self._record("begun", None, 0)

    def ended(self, outcome: str, placed: int, refused: int) -> None:
        """Record the outcome, if possible: the instances have been placed already."""
        self._is_ended = True
        with suppress(AuditUnavailable):
            self._record(outcome, placed, refused)

    def alarm(self, finding: Leak, mode: str, quarantine: Quarantine | None) -> None:
        """Record a finding of the leak guard in the audit and the quarantine."""
        with suppress(AuditUnavailable):
            GuardAlarm(self._audit, quarantine, self._project)(finding, mode)

    def broken_off(self) -> None:
        """Record an export that ended without an outcome."""
        if not self._is_ended:
            self.ended("broken off", 0, 0)

    def _record(self, outcome: str, placed: int | None, refused: int) -> None:
        if self._audit.is_kept:
            details: dict[str, str | int] = {"destination": self._destination}
            self._audit.record(
                AuditEvent(
                    Action.EXPORT,
                    outcome,
                    operator(),
                    project=self._project,
                    count=placed,
                    details=details | ({"refused": refused} if refused else {}),
                )
            )


@contextmanager
def recorded_export(settings: AuditSettings, project: str, destination: str) -> Iterator[ExportRecord]:
    """Record an export that runs in this context. Raises ConfigurationError and AuditUnavailable before it starts."""
    audit = open_audit(settings, syslog_of(settings))
    record = ExportRecord(audit, project, destination)
    try:
        record.begun()
        try:
            yield record
        finally:
            record.broken_off()
    finally:
        audit.close()
