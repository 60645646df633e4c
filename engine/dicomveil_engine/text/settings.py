"""The settings of a policy for cleaning texts."""

from __future__ import annotations

from dataclasses import dataclass

from dicomveil_engine.text.added import Added
from dicomveil_engine.text.changes import REMOVE_ALL, Changes
from dicomveil_engine.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class TextSettings:
    """How texts are cleaned."""

    regions: tuple[str, ...] = ("US",)
    """Countries (ISO 3166-1, two letters) whose telephone numbers are found without a country code or a cue."""
    all_ages: bool = False
    """Whether every age is identifying, instead of those over 89 only."""
    vocabulary: Vocabulary | None = None
    """The archive's vocabulary, whose names are found."""
    strict_patients: int = 0
    """In labels, words that fewer patients have in their texts are removed, unless they are in PS3.16; 0 for none."""
    added: tuple[Added, ...] = ()
    """Detectors that the policy adds: words, patterns and plug-ins."""
    changes: Changes = REMOVE_ALL
    """How findings are changed."""


DEFAULT = TextSettings()
