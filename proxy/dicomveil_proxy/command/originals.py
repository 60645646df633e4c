"""Recording in the audit trail that a command shows originals. The audit is that of `--config` or `dicomveil.toml`."""

from __future__ import annotations

import os
from pathlib import Path

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.command.refusal import refuse
from dicomveil_proxy.errors import AuditUnavailable
from dicomveil_proxy.settings.access import AuditSettings
from dicomveil_proxy.settings.server import DEFAULT_FILE, load_settings
from dicomveil_proxy.trust.originals import Kind, record_originals_shown

__all__ = ["Kind", "about_to_show", "audit_of"]


def audit_of(config: Path | None) -> AuditSettings | None:
    """The settings of the audit; None if there is none. Refuses settings that cannot be read."""
    if config is None and not DEFAULT_FILE.exists() and not any(n.startswith("DICOMVEIL_AUDIT") for n in os.environ):
        return None
    try:
        return load_settings(config).audit
    except ConfigurationError as error:
        refuse(str(error))


def about_to_show(settings: AuditSettings | None, kind: Kind, count: int) -> None:
    """Record that so many originals are about to be shown; refuse if that is required and not possible."""
    if settings is None or not count:
        return
    try:
        record_originals_shown(settings, kind, count)
    except ConfigurationError as error:
        refuse(str(error))
    except AuditUnavailable:
        refuse("audit: it cannot be written, so that originals are not shown; make room, or set audit.required = false")
