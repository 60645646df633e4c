"""Audit events at start and stop of the server: version, and the rules and keys of each project as digests."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_proxy.errors import AuditUnavailable
from dicomveil_proxy.settings.policies import configuration_of
from dicomveil_proxy.settings.projects import ProjectSettings
from dicomveil_proxy.settings.rights import label_of
from dicomveil_proxy.trust.audit import Action, Audit, AuditEvent

_DIGITS = 16


def record_start(audit: Audit, projects: Sequence[ProjectSettings]) -> None:
    """Record the start of a worker, with its rules and keys. Raises AuditUnavailable."""
    if not audit.is_kept:
        return
    audit.record(AuditEvent(Action.START, details={"version": version("dicomveil-proxy")}))
    for project in projects:
        label = label_of(project.name)
        details = {"profile": profile_digest(project.profile), "store": project.store, "on_error": project.on_error}
        audit.record(AuditEvent(Action.CONFIGURATION, project=label, details=details))
        key, *older = map(key_fingerprint, project.secrets())
        known: dict[str, str | int] = {"key": key}
        if older:
            known["understood"] = ",".join(older)
        audit.record(AuditEvent(Action.KEYS, project=label, details=known))


def record_stop(audit: Audit) -> None:
    """Record the end of a worker, if possible, and close the audit."""
    with suppress(AuditUnavailable):
        if audit.is_kept:
            audit.record(AuditEvent(Action.STOP))
    audit.close()


def profile_digest(profile: str) -> str:
    """The name of a preset, or the SHA-256 of a file of rules."""
    configuration = configuration_of(profile)
    if isinstance(configuration, Path):
        return f"sha256:{hashlib.sha256(configuration.read_bytes()).hexdigest()}"
    return f"preset:{profile}"


def key_fingerprint(key: bytes) -> str:
    """A fingerprint that identifies a key without revealing it."""
    return Keys(key).derive("key fingerprint").hex()[:_DIGITS]
