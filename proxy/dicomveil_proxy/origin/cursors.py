"""How far searches have got, so that the next page does not begin at the first.

`offset` counts what a user agent sees, the origin server counts what it has; only a client that went through the
results knows which belongs to which. That is cached for some queries and some minutes, in memory; forgetting it costs
time and nothing else.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from dicomveil_proxy.origin.pages import Unique


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the results of a query."""

    seen: int = 0
    """How many matches come before it."""
    source: int = 0
    """Which of the questions that the origin server is asked for the query."""
    offset: int = 0
    """How many of that question's results come before it."""
    before: Unique | None = field(default=None, repr=False)
    """A result of that question that comes before it."""


BEGINNING = Cursor()


class Cursors:
    """The places that one project's searches have got to."""

    def __init__(
        self,
        *,
        queries: int = 256,
        places: int = 64,
        seconds: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queries = queries
        self._places = places
        self._seconds = seconds
        self._clock = clock
        self.count: Callable[[str, bool], None] = lambda _cache, _is_hit: None
        """Called, for a page that is not the first, with this cache's name and whether it knew a place."""
        self._known: OrderedDict[Hashable, tuple[float, list[Cursor]]] = OrderedDict()

    def nearest(self, query: Hashable, offset: int) -> Cursor:
        """The last place known that has at most `offset` matches before it; the beginning, if there is none."""
        found, cursors = self._known.get(query, (0.0, []))
        if found + self._seconds < self._clock():
            self._known.pop(query, None)
            return BEGINNING
        at = bisect_right(cursors, offset, key=_seen)
        if offset:
            self.count("cursors", bool(at))
        return cursors[at - 1] if at else BEGINNING

    def note(self, query: Hashable, cursor: Cursor) -> None:
        """Cache a place; of too many, every second one of the query is forgotten, and the oldest query."""
        found, cursors = self._known.setdefault(query, (self._clock(), []))
        self._known.move_to_end(query)
        at = bisect_right(cursors, cursor.seen, key=_seen)
        if at and cursors[at - 1].seen == cursor.seen:
            cursors[at - 1] = cursor
        else:
            cursors.insert(at, cursor)
        if len(cursors) > self._places:
            self._known[query] = (found, cursors[::2])
        if len(self._known) > self._queries:
            self._known.popitem(last=False)


def _seen(cursor: Cursor) -> int:
    return cursor.seen
