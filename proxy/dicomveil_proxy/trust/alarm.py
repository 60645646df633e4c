"""The alarm when the leak guard finds an original, or pixels are refused: audit event, quarantine entry, log line."""

from __future__ import annotations

import logging
import sqlite3

from dicomveil_engine.attributes.dictionary import describe
from dicomveil_proxy.leaks.guard import Leak
from dicomveil_proxy.logs import request_id
from dicomveil_proxy.trust.audit import Action, Audit, AuditEvent
from dicomveil_proxy.trust.quarantine import PIXEL_DATA, Quarantine

_log = logging.getLogger(__name__)


class GuardAlarm:
    """The alarm of one project's leak guard; for the event loop's thread only."""

    def __init__(self, audit: Audit, quarantine: Quarantine | None, project: str) -> None:
        """`project` is its label."""
        self._audit = audit
        self._quarantine = quarantine
        self._project = project

    def __call__(self, finding: Leak, mode: str) -> bool:
        """Record a finding, and return whether an operator has released it. Raises AuditUnavailable."""
        released = self._is_released(finding)
        outcome = "released" if released else "refused" if mode == "refuse" else "reported"
        details: dict[str, str | int] = {"entry": finding.digest, "original": describe(finding.tag)}
        if finding.place:
            details |= {"place": describe(finding.place), "rule": finding.rule}
        event = AuditEvent(
            Action.GUARD, outcome=outcome, project=self._project, request_id=request_id() or None, details=details
        )
        self._audit.record(event)
        if not released:
            _log.critical("leak guard: %s (entry %s, %s)", finding, finding.digest, outcome)
        return released

    def _is_released(self, finding: Leak) -> bool:
        if self._quarantine is None:
            return False
        try:
            return self._quarantine.note(finding, self._project)
        except (sqlite3.Error, OSError):
            _log.error("guard.quarantine: the entry %s cannot be written", finding.digest)
            return False


class PixelAlarm:
    """The alarm for one project's instances that are refused because of their pixels."""

    def __init__(self, audit: Audit | None, quarantine: Quarantine | None, project: str) -> None:
        """`project` is its label; a sweep has no audit."""
        self._audit = audit
        self._quarantine = quarantine
        self._project = project

    def __call__(self, entry: str, reason: str) -> None:
        """Record a refusal. Raises AuditUnavailable."""
        if self._audit is not None:
            details: dict[str, str | int] = {"entry": entry, "place": describe(PIXEL_DATA), "rule": reason}
            request = request_id() or None
            self._audit.record(
                AuditEvent(Action.GUARD, outcome="refused", project=self._project, request_id=request, details=details)
            )
        if self._quarantine is not None:
            try:
                self._quarantine.note(Leak(entry, PIXEL_DATA, PIXEL_DATA, reason), self._project)
            except (sqlite3.Error, OSError):
                _log.error("guard.quarantine: the entry %s cannot be written", entry)
