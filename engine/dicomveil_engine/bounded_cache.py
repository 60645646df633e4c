"""Functions that cache their results, within bounds that untrusted input cannot exceed.

`functools.lru_cache` bounds the number of results, but not the length of the arguments: a text of an instance may be
as long as a header.

Results for values of instances must not outlive the policy under which they were read. Functions of modules share one
cache between all policies, so that all of it is cleared when any policy is dropped.
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
    """Register a function of `functools.lru_cache` that holds values of instances, to be cleared with the policies."""
    _OF_VALUES.add(function)
    return function


def drop_values() -> None:
    """Clear all caches that hold values of instances."""
    for function in list(_OF_VALUES):
        function.cache_clear()


def drop_values_with(owner: object) -> None:
    """Clear those caches when `owner` is garbage-collected, but not at the end of the process."""
    finalize(owner, drop_values).atexit = False
