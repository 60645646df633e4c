"""Subjects: pseudonyms chosen by the user, such as LUNG-001, for the patients in a list.

The list is refused as a whole if two patients share a subject, or if a subject contains an original PatientID.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dicomveil_engine.errors import ConfigurationError

_LEGAL = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,63}")
"""Legal in LO, PN and file names, and not taken for a formula by spreadsheets."""
_SHORTEST_ORIGINAL = 3
"""Characters of an original that is searched for in subjects; shorter ones occur by chance."""


class Subjects:
    """Original PatientID → subject."""

    def __init__(self, table: Mapping[str, str]) -> None:
        """Raises ConfigurationError, which names rows by number and holds no value."""
        self._subjects = {original.strip(" \0"): subject for original, subject in table.items()}
        self._held = frozenset(self._subjects.values())
        _check(self._subjects)

    def __eq__(self, other: object) -> bool:
        """Whether both lists are the same."""
        return isinstance(other, Subjects) and other._subjects == self._subjects

    def __hash__(self) -> int:
        return hash(self._held)

    def __repr__(self) -> str:
        return f"Subjects({len(self._subjects)} patients)"

    def of(self, original: str) -> str | None:
        """The subject of a patient; None for a patient who is not in the list."""
        return self._subjects.get(original)

    def holds(self, text: str) -> bool:
        """Whether the text is a subject in the list."""
        return text in self._held


def _check(subjects: Mapping[str, str]) -> None:
    seen: dict[str, int] = {}
    for number, (original, subject) in enumerate(subjects.items(), 1):
        if not original:
            raise ConfigurationError(f"subjects: row {number} has no PatientID")
        if not _LEGAL.fullmatch(subject):
            raise ConfigurationError(
                f"subjects: row {number} has a subject that is not made of 1 to 64 letters, digits, points, hyphens "
                "and underscores"
            )
        if (first := seen.setdefault(subject.casefold(), number)) != number:
            raise ConfigurationError(f"subjects: rows {first} and {number} have the same subject")
    originals = {original.casefold() for original in subjects if len(original) >= _SHORTEST_ORIGINAL}
    lengths = {len(original) for original in originals}
    for number, subject in enumerate(subjects.values(), 1):
        text = subject.casefold()
        parts = (text[at : at + length] for length in lengths for at in range(len(text) - length + 1))
        if any(part in originals for part in parts):
            raise ConfigurationError(f"subjects: row {number} has a subject that holds an original PatientID")
