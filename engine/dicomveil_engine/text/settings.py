"""What a policy says about the cleaning of texts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TextSettings:
    """How texts are looked at."""

    regions: tuple[str, ...] = ("US",)
    """Countries (ISO 3166-1, two letters) whose telephone numbers are found without a country code or a cue."""
    all_ages: bool = False
    """Whether every age identifies, and not only those over 89."""


DEFAULT = TextSettings()
