"""Rights: what somebody may do, and in which project.

A right always belongs to a project; `*` stands for every project of the server. Nothing here knows who somebody is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

EVERY_PROJECT = "*"
DEFAULT_PROJECT = "default"
"""How the project without a name is written in tokens, claims, certificates and the audit."""

_PROJECT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}|\*")


class Right(StrEnum):
    """What may be granted."""

    SEARCH = "search"
    """QIDO-RS: find studies, series and instances."""
    RETRIEVE = "retrieve"
    """WADO-RS and WADO-URI: metadata, instances, frames, bulk data, pictures."""
    STORE = "store"
    """STOW-RS. Clients that may store can test guesses about originals: see the threat model."""
    EXPORT = "export"
    """Begin and follow exports."""
    REVIEW = "review"
    """See originals beside what became of them, to judge the de-identification."""
    ADMIN = "admin"
    """Change what the server does."""
    METRICS = "metrics"
    """Read counters and times."""


Grants = Mapping[str, frozenset[Right]]
"""Rights by the project's label."""


def label_of(project: str) -> str:
    """The word for a project in grants and in the audit."""
    return project or DEFAULT_PROJECT


def granted(projects: Iterable[str], rights: Iterable[str | Right]) -> Grants:
    """The same rights in each of these projects.

    Raises ValueError, which names the word, for what is not a project's name or not a right.
    """
    wanted = frozenset(parse_right(right) for right in rights)
    return {parse_project(project): wanted for project in projects}


def parse_right(word: str) -> Right:
    """A right by its name. Raises ValueError."""
    try:
        return Right(word)
    except ValueError:
        raise ValueError(f"{word!r} is not a right; there are {', '.join(Right)}") from None


def parse_project(word: str) -> str:
    """A project's label. Raises ValueError."""
    if not _PROJECT.fullmatch(word):
        raise ValueError(f"{word!r} is not a project's name; write its name, {DEFAULT_PROJECT}, or * for all")
    return word


def joined(several: Iterable[Grants]) -> Grants:
    """All that these grant together."""
    whole: dict[str, frozenset[Right]] = {}
    for grants in several:
        for project, rights in grants.items():
            whole[project] = whole.get(project, frozenset()) | rights
    return whole
