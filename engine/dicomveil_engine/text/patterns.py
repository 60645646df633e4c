"""Regular expressions that are compiled when they are first used: a start does without most of them.

To compile all of them takes longer than to de-identify an instance, and few texts have what most of them look for.
"""

from __future__ import annotations

import re
from typing import Any, cast

_MADE: list[LatePattern] = []
_METHODS = ("finditer", "match", "search", "fullmatch", "sub", "split", "findall", "pattern")


class LatePattern:
    """Stands in the place of a `re.Pattern`, and has its methods once one of them is asked for."""

    def __init__(self, source: str, flags: int) -> None:
        self._source = source
        self._flags = flags
        _MADE.append(self)

    def __getattr__(self, name: str) -> Any:
        """Compile; what is asked for next is found at once."""
        return getattr(self.compile(), name)

    def compile(self) -> re.Pattern[str]:
        """The pattern itself."""
        compiled = re.compile(self._source, self._flags)
        for method in _METHODS:
            self.__dict__[method] = getattr(compiled, method)
        return compiled


def late_pattern(source: str, flags: int = 0) -> re.Pattern[str]:
    """A pattern that is compiled when it is first used; for those of a module, which stay."""
    return cast("re.Pattern[str]", LatePattern(source, flags))


def compile_all() -> None:
    """Compile what has not been: for a program that must not stop for it later."""
    for each in _MADE:
        if _METHODS[0] not in vars(each):
            each.compile()
