"""Errors and warnings about a configuration.

A finding has names (keys, methods, tags) and never a setting's value, which may be a secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dicomveil_engine.attributes.suggestions import did_you_mean
from dicomveil_engine.errors import ConfigurationError

NO_SUCH_KEY = "there is no such key, so it has no effect"


@dataclass(frozen=True, slots=True)
class Finding:
    """An error in a configuration, or a warning."""

    location: str
    """A key such as `defaultSettings.perturb`, or a rule such as `rule 3 (0010,0010)`; "" for the whole."""
    what: str
    """What is wrong, or has no effect."""
    suggestion: str = ""
    """How to fix it; may be empty."""
    is_error: bool = False
    """Whether the configuration is refused because of it."""

    def __str__(self) -> str:
        text = f"{self.location}: {self.what}" if self.location else self.what
        return f"{text}; {self.suggestion}" if self.suggestion else text


class Findings:
    """The findings from reading a configuration, in order."""

    def __init__(self, *, collects_errors: bool = False) -> None:
        self._collects_errors = collects_errors
        """Whether reading continues after an error, so that all errors are reported."""
        self.all: list[Finding] = []

    def warn(self, location: str, what: str, suggestion: str = "") -> None:
        """Add a warning."""
        self.all.append(Finding(location, what, suggestion))

    def warn_of_unknown(self, name: str, known: Iterable[str]) -> None:
        """Add a warning about an unknown top-level key."""
        self.warn(f'"{shortened(name)}"', NO_SUCH_KEY, did_you_mean(name, known).removeprefix("; "))

    def refuse(self, location: str, what: str, suggestion: str = "") -> None:
        """Raise ConfigurationError, or if errors are collected, add one and continue."""
        finding = Finding(location, what, suggestion, is_error=True)
        if not self._collects_errors:
            raise ConfigurationError(str(finding))
        self.all.append(finding)


def shortened(name: str) -> str:
    """A key for a message, shortened if long."""
    return name if len(name) <= 60 else name[:60] + "…"
