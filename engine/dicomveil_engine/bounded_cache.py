"""Functions that cache their results, within bounds that untrusted input cannot exceed.

`functools.lru_cache` bounds how many results are kept, and not how long the texts are for which: one from such input
may be as long as a header.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar

LONGEST = 1_024
"""Characters or bytes of a text whose result is cached. Names, identifiers and UIDs have up to 64."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def cached(most: int) -> Callable[[_Function], _Function]:
    """Cache the last `most` results of a function whose first argument is a text, if that is short."""

    def decorate(function: _Function) -> _Function:
        kept = lru_cache(most)(function)

        @wraps(function)
        def answer(text: str | bytes, *more: Any) -> Any:
            return kept(text, *more) if len(text) <= LONGEST else function(text, *more)

        return answer  # type: ignore[return-value]  # it takes what the function takes

    return decorate
