"""A project as it stands in the settings: the table `[projects.NAME]`.

What a table leaves out is as it is above all tables; `projects` joins the two. Only the key is always
a project's own.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from dicomveil_proxy.settings.filters import FilterSettings

ProjectName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
"""A label of a host name, so that it may stand in a path, a log and one day a host's name."""

KeySource = Path | tuple[str, ...]
"""A file with a key, or a command that prints one."""


def _divided(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _words(value: object) -> object:
    return shlex.split(value) if isinstance(value, str) else value


KeyList = Annotated[tuple[KeySource, ...] | None, Field(repr=False, min_length=1), BeforeValidator(_divided)]
"""The first key makes pseudonyms, all are understood; comma-separated files in the environment."""

KeyCommand = Annotated[tuple[str, ...] | None, Field(repr=False, min_length=1), BeforeValidator(_words)]
"""Program and arguments; in the environment as a shell would have them."""


class NamesKeys(Protocol):
    """What says where a project's keys are, in one of three ways."""

    @property
    def key_file(self) -> Path | None:
        """A file."""
        ...

    @property
    def keys(self) -> tuple[KeySource, ...] | None:
        """Several versions, the first of which makes pseudonyms."""
        ...

    @property
    def key_command(self) -> tuple[str, ...] | None:
        """A command that prints the key."""
        ...


KEY_SETTINGS = ("key_file", "keys", "key_command")


def key_sources(table: NamesKeys) -> tuple[KeySource, ...]:
    """Where the keys are, the one that makes pseudonyms first; nothing where no setting says so."""
    if table.keys:
        return table.keys
    if table.key_command:
        return (table.key_command,)
    return () if table.key_file is None else (table.key_file,)


class ProjectTable(BaseModel):
    """One project; None stands for what is as it is above."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    key_file: Path | None = None
    """Written by `dicomveil keygen`; no other project has this key."""
    keys: KeyList = None
    """In its place: several versions of the key."""
    key_command: KeyCommand = None
    """In its place: a command that prints the key."""
    origin: Annotated[str | None, Field(min_length=1, repr=False)] = None
    profile: str | None = None
    subjects: Path | None = None
    store: Literal["deidentify", "reidentify", "refuse"] | None = None
    on_error: Literal["abort", "omit"] | None = None
    filter: FilterSettings | None = None
    """In the place of the filter above; an empty one selects all studies."""
