"""`dicomveil quarantine`: findings of the leak guard, and the release of false alarms."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from dicomveil_engine.attributes.dictionary import describe
from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.command.refusal import refuse
from dicomveil_proxy.command.table import Format, write_rows
from dicomveil_proxy.settings.server import load_settings
from dicomveil_proxy.trust.audit import Action, AuditEvent, open_audit
from dicomveil_proxy.trust.quarantine import Quarantine
from dicomveil_proxy.trust.syslog import syslog_of

COLUMNS = ("entry", "project", "original", "found in", "rule", "first", "last", "times", "released")


def show(config: Path | None, form: Format, file: Path | None = None) -> None:
    """List all entries, or refuse."""
    try:
        entries = _quarantine(config, file).entries()
    except ConfigurationError as error:
        refuse(str(error))
    rows = [
        {
            "entry": each.digest,
            "project": each.project,
            "original": describe(each.original),
            "found in": describe(each.place) if each.place else "",
            "rule": each.rule,
            "first": _time(each.first),
            "last": _time(each.last),
            "times": each.times,
            "released": _time(each.released) if each.released is not None else None,
        }
        for each in entries
    ]
    write_rows(rows, COLUMNS, form, sys.stdout)


def release(config: Path | None, entry: str, file: Path | None = None) -> None:
    """Mark an entry as a false alarm and record that in the audit trail, or refuse."""
    try:
        _release(config, entry, file)
    except ConfigurationError as error:
        refuse(str(error))
    print(f"Entry {entry} is released: its value may leave in that attribute.")


def _release(config: Path | None, entry: str, file: Path | None) -> None:
    if not _quarantine(config, file).release(entry):
        raise ConfigurationError("there is no such entry; `dicomveil quarantine list` shows them")
    if file is not None:
        return  # there are no settings for an audit trail
    settings = load_settings(config).audit
    # A separate chain, since the server writes to its own file.
    settings = settings.model_copy(update={"file": _beside(settings.file)})
    audit = open_audit(settings, syslog_of(settings))
    audit.record(AuditEvent(Action.ADMIN, outcome="released", details={"entry": entry}))
    audit.close()


def _quarantine(config: Path | None, file: Path | None) -> Quarantine:
    if file is not None:
        if not file.exists():
            raise ConfigurationError("--quarantine: there is no such file; nothing was found yet, or it is elsewhere")
        return Quarantine(file)
    path = load_settings(config).quarantine
    if path is None:
        raise ConfigurationError("guard.quarantine: it is not set, and `state` is a database; name a file")
    return Quarantine(path)


def _beside(file: Path | None) -> Path | None:
    return None if file is None else file.with_name(f"{file.name}.quarantine")


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
