"""What a policy says about the cleaning of texts."""

from __future__ import annotations

from dataclasses import dataclass

from dicomveil_engine.text.added import Added
from dicomveil_engine.text.changes import REMOVE_ALL, Changes
from dicomveil_engine.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class TextSettings:
    """How texts are looked at."""

    regions: tuple[str, ...] = ("US",)
    """Countries (ISO 3166-1, two letters) whose telephone numbers are found without a country code or a cue."""
    all_ages: bool = False
    """Whether every age identifies, and not only those over 89."""
    vocabulary: Vocabulary | None = None
    """The archive's words; names in it are found."""
    strict_patients: int = 0
    """In labels, words that fewer patients have in their texts are removed, unless PS3.16 has them; 0: none are."""
    added: tuple[Added, ...] = ()
    """Detectors of the policy's own: words, patterns and plug-ins."""
    changes: Changes = REMOVE_ALL
    """What becomes of findings."""


DEFAULT = TextSettings()
