"""A project's filter: which of the origin server's studies the project has, by original values.

The settings are read and checked here, and search results are matched. The origin server is asked in
`origin/selection/verdicts.py`. No message contains a value or a UID.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.errors import BadRequest, UnknownResource
from dicomveil_proxy.request.query import DEFAULT_ATTRIBUTES, Level, Query, matches, name_of
from dicomveil_proxy.request.resource import parse_uid

_BELOW_STUDIES = (DEFAULT_ATTRIBUTES[Level.SERIES] | DEFAULT_ATTRIBUTES[Level.INSTANCES]) - DEFAULT_ATTRIBUTES[
    Level.STUDIES
]


class FilterSettings(BaseModel):
    """A filter in the settings. A study must match all of its parts."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)

    query: dict[str, str] = Field(default={}, repr=False)
    """Matching keys of a search for studies, as in QIDO-RS, with original values."""
    studies: tuple[str, ...] | None = Field(default=None, repr=False)
    """Original StudyInstanceUIDs."""
    studies_file: Path | None = None
    """A file with one StudyInstanceUID on each line; `#` starts a comment."""

    @property
    def selects_all(self) -> bool:
        """Whether the filter is empty, and selects every study."""
        return not self.query and self.studies is None and self.studies_file is None


@dataclass(frozen=True)
class StudyFilter:
    """The parsed filter."""

    query: Query = field(repr=False)
    parameters: tuple[tuple[str, str], ...] = field(repr=False)
    """The parameters of the query."""
    studies: frozenset[str] | None = field(repr=False)
    """Original StudyInstanceUIDs; None without a list."""

    def lists(self, study: str) -> bool:
        """Whether an original StudyInstanceUID is on the list, or there is no list; False for an empty UID."""
        return bool(study) and (self.studies is None or study in self.studies)

    def passes(self, match: Mapping[str, object]) -> bool:
        """Whether the origin server's search result for a study matches the query."""
        return matches(match, self.query)

    def included(self, params: Collection[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """The `includefield`s that a search needs in addition, so that its results have the query's attributes."""
        names = (name_of(key.path[0]) for key in self.query.keys)
        return tuple(("includefield", name) for name in dict.fromkeys(names) if ("includefield", name) not in params)


def read_filter(settings: FilterSettings, named: str = "filter.query") -> StudyFilter:
    """The parsed filter; `named` is the query's name in messages.

    Raises ConfigurationError, which names the setting and a suggested fix.
    """
    if settings.studies is not None and settings.studies_file is not None:
        raise ConfigurationError("filter: give studies or studies_file, not both")
    parameters = tuple(settings.query.items())
    return StudyFilter(_query(parameters, named), parameters, _studies(settings))


def _query(parameters: tuple[tuple[str, str], ...], named: str) -> Query:
    try:
        query = Query.parse(Level.STUDIES, parameters)
    except BadRequest as error:
        raise ConfigurationError(f"{named}: {error}") from None
    if len(query.keys) != len(parameters):
        raise ConfigurationError(f"{named}: write attributes and their values only, no options of a search")
    for key in query.keys:
        name = name_of(key.path[0])
        if key.is_universal:
            raise ConfigurationError(f"{named}: {name} has no value, and would select every study; leave it out")
        if key.path[0] in _BELOW_STUDIES:
            raise ConfigurationError(
                f"{named}: {name} is not an attribute of a study; for Modality write ModalitiesInStudy"
            )
    return query


def _studies(settings: FilterSettings) -> frozenset[str] | None:
    if settings.studies is not None:
        return frozenset(_uid(uid, f"filter.studies: number {n}") for n, uid in enumerate(settings.studies, 1))
    if settings.studies_file is None:
        return None
    try:
        lines = settings.studies_file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigurationError(f"filter.studies_file: it cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError:
        raise ConfigurationError("filter.studies_file: it is not text; write one StudyInstanceUID on a line") from None
    uids = ((n, line.partition("#")[0].strip()) for n, line in enumerate(lines, 1))
    return frozenset(_uid(uid, f"filter.studies_file: line {n}") for n, uid in uids if uid)


def _uid(text: str, where: str) -> str:
    try:
        return parse_uid(text)
    except UnknownResource:
        raise ConfigurationError(f"{where} is not a StudyInstanceUID") from None
