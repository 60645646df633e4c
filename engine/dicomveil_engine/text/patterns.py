"""Regular expressions that are compiled at their first use.

Compiling all of them takes longer than de-identifying an instance, and few texts need most of them.
"""

from __future__ import annotations

import re
from typing import Any, cast

_MADE: list[LatePattern] = []
_METHODS = ("finditer", "match", "search", "fullmatch", "sub", "split", "findall", "pattern")


class LatePattern:
    """A stand-in for a `re.Pattern`, which is compiled at the first access to one of its methods."""

    def __init__(self, source: str, flags: int) -> None:
        self._source = source
        self._flags = flags
        _MADE.append(self)

    def __getattr__(self, name: str) -> Any:
        """Compile the pattern; later accesses find its methods as attributes."""
        return getattr(self.compile(), name)

    def compile(self) -> re.Pattern[str]:
        """The pattern itself."""
        compiled = re.compile(self._source, self._flags)
        for method in _METHODS:
            self.__dict__[method] = getattr(compiled, method)
        return compiled


def late_pattern(source: str, flags: int = 0) -> re.Pattern[str]:
    """A pattern that is compiled at its first use. Call it at module level, because patterns are never freed."""
    return cast("re.Pattern[str]", LatePattern(source, flags))


def compile_all() -> None:
    """Compile all patterns, for a process that must not be delayed later."""
    for each in _MADE:
        if _METHODS[0] not in vars(each):
            each.compile()
