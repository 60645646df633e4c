"""Functions that cache their results, within bounds that untrusted input cannot exceed.

`functools.lru_cache` bounds how many results are kept, and not how long the texts are for which: one from such input
may be as long as a header.

Results for values of instances may not outlive the policies under which they were read: functions on modules are
cached for all policies together, and when one policy is dropped, all of these results are.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar
from weakref import WeakSet, finalize

LONGEST = 1_024
"""Characters or bytes of a text whose result is cached. Names, identifiers and UIDs have up to 64."""

_OF_VALUES: WeakSet[Any] = WeakSet()
"""The caches that hold values of instances: names, texts, identifiers, words."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def cached(most: int) -> Callable[[_Function], _Function]:
    """Cache the last `most` results of a function whose first argument is a text, if that is short."""

    def decorate(function: _Function) -> _Function:
        kept = of_values(lru_cache(most)(function))

        @wraps(function)
        def answer(text: str | bytes, *more: Any) -> Any:
            return kept(text, *more) if len(text) <= LONGEST else function(text, *more)

        return answer  # type: ignore[return-value]  # it takes what the function takes

    return decorate


def of_values(function: _Function) -> _Function:
    """Let the results of a `functools.lru_cache` be dropped with the policies: they hold values of instances."""
    _OF_VALUES.add(function)
    return function


def drop_values() -> None:
    """Drop the results of all caches of values; they are worked out again when they are asked for."""
    for function in list(_OF_VALUES):
        function.cache_clear()


def drop_values_with(owner: object) -> None:
    """Drop them when an object is dropped. At the end of the process they end with it."""
    finalize(owner, drop_values).atexit = False
