"""Rights, and grants of rights in projects.

A right is always granted for a project, or with `*` for every project of the server. Users are authenticated in
`trust/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

EVERY_PROJECT = "*"
DEFAULT_PROJECT = "default"
"""The label of the project without a name in tokens, claims, certificates and the audit."""

_PROJECT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}|\*")


class Right(StrEnum):
    """A right."""

    SEARCH = "search"
    """QIDO-RS: find studies, series and instances."""
    RETRIEVE = "retrieve"
    """WADO-RS and WADO-URI: metadata, instances, frames, bulk data, pictures."""
    STORE = "store"
    """STOW-RS. Clients that may store can test guesses about originals: see the threat model."""
    EXPORT = "export"
    """Start and monitor exports."""
    REVIEW = "review"
    """Compare originals with their de-identified forms."""
    ADMIN = "admin"
    """Administer the server."""
    METRICS = "metrics"
    """Read metrics."""


Grants = Mapping[str, frozenset[Right]]
"""Rights by the project's label."""


def label_of(project: str) -> str:
    """The label of a project in grants and in the audit."""
    return project or DEFAULT_PROJECT


def granted(projects: Iterable[str], rights: Iterable[str | Right]) -> Grants:
    """The same rights in each of these projects.

    Raises ValueError, which quotes the word, for an invalid project's name or right.
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
    """The union of several grants."""
    whole: dict[str, frozenset[Right]] = {}
    for grants in several:
        for project, rights in grants.items():
            whole[project] = whole.get(project, frozenset()) | rights
    return whole
