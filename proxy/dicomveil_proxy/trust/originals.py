"""Audit events for originals that a command shows: who saw them, their kind and their number; never which.

Commands run beside the server, so that each has a chain of its own: the first free one of the audit's files.
"""

from __future__ import annotations

from enum import StrEnum

from dicomveil_proxy.settings.access import AuditSettings
from dicomveil_proxy.trust.audit import Action, AuditEvent, open_audit
from dicomveil_proxy.trust.operator import operator
from dicomveil_proxy.trust.syslog import syslog_of


class Kind(StrEnum):
    """What is shown."""

    LINKAGE = "linkage file"
    """Rows of it: the whole, or those that have a value."""
    ATTRIBUTES = "attributes"
    """Instances of which attributes are restored."""
    TEXT = "text"
    PICTURES = "pictures"
    """Instances whose pixels are drawn."""


def record_originals_shown(settings: AuditSettings, kind: Kind, count: int) -> None:
    """Record that so many originals are about to be shown.

    Raises ConfigurationError, and AuditUnavailable if that is not possible: then nothing may be shown.
    """
    audit = open_audit(settings, syslog_of(settings))
    try:
        if audit.is_kept:
            audit.record(
                AuditEvent(Action.ORIGINAL_SHOWN, "shown", operator(), count=count, details={"kind": kind.value})
            )
    finally:
        audit.close()
