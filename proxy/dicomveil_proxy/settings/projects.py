"""What each project is to be, as its own table and the settings above all tables say together.

The project without a name is the one that the settings above the tables describe. Nothing is opened here but keys, to
see that no two projects have one: a pseudonym of one project means nothing in another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hmac import compare_digest
from itertools import combinations
from pathlib import Path
from typing import Literal

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.settings.filters import FilterSettings
from dicomveil_proxy.settings.key_files import read_key
from dicomveil_proxy.settings.project_table import ProjectTable
from dicomveil_proxy.settings.server import Limits, Settings

_URL = re.compile("https?://", re.IGNORECASE)


@dataclass(frozen=True)
class ProjectSettings:
    """The settings of one project, none left out."""

    name: str
    """Empty for the default project."""
    origin: str = field(repr=False)
    key_file: Path
    profile: str
    subjects: Path | None
    state: Path | str = field(repr=False)
    store: Literal["deidentify", "reidentify", "refuse"]
    on_error: Literal["abort", "omit"]
    filter: FilterSettings
    limits: Limits

    @property
    def origin_folder(self) -> Path | None:
        """The folder, where the origin is one and no URL."""
        return None if _URL.match(self.origin) else Path(self.origin)

    @property
    def label(self) -> str:
        """What stands before the name of a setting of this project's."""
        return f"projects.{self.name}: " if self.name else ""

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Say in a ConfigurationError whose setting is wrong."""
        try:
            yield
        except ConfigurationError as error:
            raise ConfigurationError(f"{self.label}{error}") from None


def projects_of(settings: Settings) -> tuple[ProjectSettings, ...]:
    """All projects, the default one first, if there is one: a server whose tables hold all keys has none.

    Raises ConfigurationError for what is missing, and for settings that exclude each other.
    """
    tables: list[tuple[str, ProjectTable]] = sorted(settings.projects.items())
    if settings.key_file is not None:
        tables.insert(0, ("", ProjectTable(key_file=settings.key_file)))
    projects = tuple(_joined(settings, name, table) for name, table in tables)
    if not projects:
        raise ConfigurationError("key_file: it is not set")
    for project in projects:
        if project.store == "deidentify" and not project.filter.selects_all:
            raise ConfigurationError(
                f'{project.label}a filter needs store = "refuse" or "reidentify": instances that are stored '
                "de-identified make a study of their own, which the filter does not select"
            )
    return projects


def check_keys(projects: Sequence[ProjectSettings]) -> None:
    """Refuse two projects with one key: anyone who knows a patient in one would know the same patient in the other.

    Raises ConfigurationError, for a key that cannot be read too.
    """
    keys: list[bytes] = []
    for project in projects:
        with project.blamed():
            keys.append(read_key(project.key_file))
    for (first, one), (second, other) in combinations(zip(projects, keys, strict=True), 2):
        if compare_digest(one, other):
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
        key_file=table.key_file,
        profile=table.profile or settings.profile,
        subjects=table.subjects or settings.subjects,
        state=settings.state,
        store=table.store or settings.store,
        on_error=table.on_error or settings.on_error,
        filter=settings.filter if table.filter is None else table.filter,
        limits=settings.limits,
    )
