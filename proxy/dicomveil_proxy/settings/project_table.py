"""The table `[projects.NAME]` of the settings.

Settings that are missing in the table are taken from the top level (`projects.py`), except for the key.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from dicomveil_proxy.settings.filters import FilterSettings

ProjectName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
"""A DNS label, which is safe in paths, logs and host names."""

KeySource = Path | tuple[str, ...]
"""A file with a key, or a command that prints a key."""


def _divided(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _words(value: object) -> object:
    return shlex.split(value) if isinstance(value, str) else value


KeyList = Annotated[tuple[KeySource, ...] | None, Field(repr=False, min_length=1), BeforeValidator(_divided)]
"""Versions of a key: the first makes pseudonyms, all are recognised. In the environment, comma-separated files."""

KeyCommand = Annotated[tuple[str, ...] | None, Field(repr=False, min_length=1), BeforeValidator(_words)]
"""Program and arguments; in the environment with the quoting of a shell."""


class NamesKeys(Protocol):
    """Settings that name a project's keys in one of three ways."""

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
    """The sources of the keys, the one that makes pseudonyms first; empty if none is set."""
    if table.keys:
        return table.keys
    if table.key_command:
        return (table.key_command,)
    return () if table.key_file is None else (table.key_file,)


def folder_of(origin: str) -> Path | None:
    """The folder that the setting `origin` names; None if it is the URL of a DICOMweb server."""
    return None if origin.lower().startswith(("http://", "https://")) else Path(origin)


class ProjectTable(BaseModel):
    """One project; None means the value at the top level."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)

    key_file: Path | None = None
    """Written by `dicomveil keygen`; no other project has this key."""
    keys: KeyList = None
    """Instead of `key_file`: several versions of the key."""
    key_command: KeyCommand = None
    """Instead of `key_file`: a command that prints the key."""
    origin: Annotated[str | None, Field(min_length=1, repr=False)] = None
    profile: str | None = None
    subjects: Path | None = None
    store: Literal["deidentify", "reidentify", "refuse"] | None = None
    on_error: Literal["abort", "omit"] | None = None
    filter: FilterSettings | None = None
    """Replaces the filter at the top level; an empty one selects all studies."""
