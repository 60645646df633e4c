"""`dicomveil state`: records in the state of keys that are no longer in the settings."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.command.refusal import refuse
from dicomveil_proxy.errors import StateUnavailable
from dicomveil_proxy.service.application import identity_map_of, policy_of
from dicomveil_proxy.settings.projects import ProjectSettings, projects_of
from dicomveil_proxy.settings.rights import label_of
from dicomveil_proxy.settings.server import load_settings
from dicomveil_proxy.translation.identity import IdentityMap, Kind, versions
from dicomveil_proxy.trust.audit import Action, Audit, AuditEvent, open_audit
from dicomveil_proxy.trust.syslog import syslog_of

_PLURALS = {Kind.STUDY: "studies", Kind.SERIES: "series", Kind.INSTANCE: "instances", Kind.PATIENT: "patients"}


def purge(config: Path | None, project: str | None, *, agreed: bool, dry_run: bool) -> None:
    """Delete the rows of keys that are not in the settings, of one project or all, or refuse."""
    forgotten = 0
    try:
        chosen = _chosen(config, project)
        with _named():
            counts = [_counted(each) for each in chosen]
        for each, count in zip(chosen, counts, strict=True):
            print(f"{label_of(each.name)}: {described(count)}")
        if dry_run or not any(count.total() for count in counts):
            return
        if not agreed and not _is_agreed():
            refuse("nothing was forgotten; say yes, or give --yes")
        audit = _audit(config)
        with _named():
            for each in chosen:
                count = _purged(each)
                forgotten += count.total()
                details = {_PLURALS[kind]: count[kind] for kind in Kind}
                audit.record(AuditEvent(Action.ADMIN, "purged", project=label_of(each.name), details=details))
        audit.close()
    except ConfigurationError as error:
        refuse(str(error))
    print(f"{forgotten} rows were deleted.")


def described(count: Counter[Kind]) -> str:
    """The numbers of rows for studies, series, instances and patients."""
    if not count.total():
        return "no rows of other keys"
    return "rows of other keys: " + ", ".join(f"{count[kind]} {_PLURALS[kind]}" for kind in Kind if count[kind])


def _audit(config: Path | None) -> Audit:
    """A separate chain, since the server writes to its own file."""
    settings = load_settings(config).audit
    file = settings.file
    beside = None if file is None else file.with_name(f"{file.name}.state")
    settings = settings.model_copy(update={"file": beside})
    return open_audit(settings, syslog_of(settings))


def _is_agreed() -> bool:
    return sys.stdin.isatty() and typer.confirm("Forget them?")


def _chosen(config: Path | None, project: str | None) -> list[ProjectSettings]:
    found = [each for each in projects_of(load_settings(config)) if project in {None, label_of(each.name)}]
    if not found:
        raise ConfigurationError("project: the settings have no project of this name")
    return found


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except StateUnavailable as error:
        raise ConfigurationError(f"state: {error}") from None


@contextmanager
def _opened(project: ProjectSettings) -> Iterator[IdentityMap]:
    with project.blamed():
        identities = identity_map_of(project)
    try:
        yield identities
    finally:
        identities.close()


def _counted(project: ProjectSettings) -> Counter[Kind]:
    with _opened(project) as identities:
        return versions.count(identities, policy_of(project))


def _purged(project: ProjectSettings) -> Counter[Kind]:
    with _opened(project) as identities:
        return versions.purge(identities, policy_of(project))
