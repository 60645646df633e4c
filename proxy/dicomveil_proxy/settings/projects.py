"""The settings of each project: those of its table, completed by those at the top level.

The top level itself describes the project without a name. Only keys are read here, to check that no two projects have
the same one: a pseudonym must mean nothing in another project.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hmac import compare_digest
from itertools import combinations
from pathlib import Path
from typing import Literal

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.settings.filters import FilterSettings
from dicomveil_proxy.settings.key_commands import KeyCommands
from dicomveil_proxy.settings.key_files import read_key
from dicomveil_proxy.settings.project_table import KeySource, ProjectTable, folder_of, key_sources
from dicomveil_proxy.settings.server import Limits, Settings


@dataclass(frozen=True)
class ProjectSettings:
    """The complete settings of one project."""

    name: str
    """Empty for the default project."""
    origin: str = field(repr=False)
    keys: tuple[KeySource, ...] = field(repr=False)
    """The sources of its keys: the first makes pseudonyms, all are recognised."""
    key_commands: KeyCommands = field(repr=False, compare=False)
    profile: str
    subjects: Path | None
    state: Path | str = field(repr=False)
    store: Literal["deidentify", "reidentify", "refuse"]
    on_error: Literal["abort", "omit"]
    filter: FilterSettings
    limits: Limits

    @property
    def key_file(self) -> Path | None:
        """The file of the key that makes pseudonyms; None if a command prints it."""
        return self.keys[0] if isinstance(self.keys[0], Path) else None

    def secrets(self) -> tuple[bytes, ...]:
        """The keys, the one that makes pseudonyms first. Raises ConfigurationError; warns as `read_key` does."""
        secrets: list[bytes] = []
        for number, source in enumerate(self.keys, 1):
            if isinstance(source, Path):
                setting = "key_file" if len(self.keys) == 1 else f"keys: entry {number}"
                secret = read_key(source, setting)
            else:
                setting = "key_command" if len(self.keys) == 1 else f"keys: entry {number}"
                secret = self.key_commands.key(source, setting)
            if any(compare_digest(secret, other) for other in secrets):
                raise ConfigurationError(f"keys: entry {number} is a key that an earlier entry has; take one out")
            secrets.append(secret)
        return tuple(secrets)

    @property
    def origin_folder(self) -> Path | None:
        """The folder if the origin is one; None for a URL."""
        return folder_of(self.origin)

    @property
    def label(self) -> str:
        """The prefix of this project's settings in messages."""
        return f"projects.{self.name}: " if self.name else ""

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Add the project's name to a ConfigurationError."""
        try:
            yield
        except ConfigurationError as error:
            raise ConfigurationError(f"{self.label}{error}") from None


def projects_of(settings: Settings) -> tuple[ProjectSettings, ...]:
    """All projects, the default one first. There is no default project without a key at the top level.

    Raises ConfigurationError for missing settings, and for settings that exclude each other.
    """
    tables: list[tuple[str, ProjectTable]] = sorted(settings.projects.items())
    if settings.has_default_project:
        tables.insert(0, ("", ProjectTable(keys=key_sources(settings))))
    projects = tuple(_joined(settings, name, table) for name, table in tables)
    if not projects:
        raise ConfigurationError("key_file: it is not set")
    for project in projects:
        if project.store == "deidentify" and not project.filter.selects_all:
            raise ConfigurationError(
                f'{project.label}filter: it needs store = "refuse" or "reidentify": instances that are stored '
                "de-identified make a study of their own, which the filter does not select"
            )
    return projects


def check_keys(projects: Sequence[ProjectSettings]) -> None:
    """Raise ConfigurationError for two projects with the same key, by which patients could be linked between them.

    Raises ConfigurationError for an unreadable key, too.
    """
    keys: list[tuple[bytes, ...]] = []
    for project in projects:
        with project.blamed():
            keys.append(project.secrets())
    for (first, some), (second, others) in combinations(zip(projects, keys, strict=True), 2):
        if any(compare_digest(one, other) for one in some for other in others):
            raise ConfigurationError(
                f"{second.label}key_file: it holds the key of {first.name or 'the default project'}; give each project "
                "a key of its own, which `dicomveil keygen FILE` makes"
            )


def _joined(settings: Settings, name: str, table: ProjectTable) -> ProjectSettings:
    origin = table.origin or settings.origin
    if origin is None:
        raise ConfigurationError(
            f"projects.{name}: origin: it is set neither here nor above" if name else "origin: it is not set"
        )
    return ProjectSettings(
        name=name,
        origin=origin,
        keys=key_sources(table),
        key_commands=settings.key_commands,
        profile=table.profile or settings.profile,
        subjects=table.subjects or settings.subjects,
        state=settings.state,
        store=table.store or settings.store,
        on_error=table.on_error or settings.on_error,
        filter=settings.filter if table.filter is None else table.filter,
        limits=settings.limits,
    )
