"""What is wrong or odd about a configuration, place by place.

A finding holds names (keys, methods, tags) and never a setting's value, which may be a secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dicomveil_engine.attributes.suggestions import did_you_mean
from dicomveil_engine.errors import ConfigurationError

NO_SUCH_KEY = "there is no such key, so it has no effect"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a configuration that its author should know."""

    location: str
    """Where: a key such as `defaultSettings.perturb`, or a rule such as `rule 3 (0010,0010)`; "" for the whole."""
    what: str
    """What is wrong, or has no effect."""
    suggestion: str = ""
    """What to do about it; empty when `what` says it."""
    is_error: bool = False
    """Whether the configuration is refused because of it."""

    def __str__(self) -> str:
        text = f"{self.location}: {self.what}" if self.location else self.what
        return f"{text}; {self.suggestion}" if self.suggestion else text


class Findings:
    """The findings of one reading, in its order."""

    def __init__(self, *, collects_errors: bool = False) -> None:
        self._collects_errors = collects_errors
        """Whether reading continues after an error, so that an author sees all of them."""
        self.all: list[Finding] = []

    def warn(self, location: str, what: str, suggestion: str = "") -> None:
        """Note what is odd but no error."""
        self.all.append(Finding(location, what, suggestion))

    def warn_of_unknown(self, name: str, known: Iterable[str]) -> None:
        """Note a key at the top that nothing reads."""
        self.warn(f'"{shortened(name)}"', NO_SUCH_KEY, did_you_mean(name, known).removeprefix("; "))

    def refuse(self, location: str, what: str, suggestion: str = "") -> None:
        """Raise ConfigurationError, or note the error and continue without what is wrong."""
        finding = Finding(location, what, suggestion, is_error=True)
        if not self._collects_errors:
            raise ConfigurationError(str(finding))
        self.all.append(finding)


def shortened(name: str) -> str:
    """A key that somebody wrote, in a message: cut where it is long."""
    return name if len(name) <= 60 else name[:60] + "…"
