"""Cursors: positions in the results of searches, so that the next page need not be searched from the first result.

A user agent's `offset` counts de-identified matches, the origin server's counts its own results. Which offsets belong
together is known only from reading the results in between. It is cached in memory for some queries and minutes;
without it searches are slower, but the same.
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
    """A position in the results of a query."""

    seen: int = 0
    """Number of matches before it."""
    source: int = 0
    """Index of the request to the origin server, of which a query may need several."""
    offset: int = 0
    """Number of that request's results before it."""
    before: Unique | None = field(default=None, repr=False)
    """One of that request's results before it."""


BEGINNING = Cursor()


class Cursors:
    """The cursors of one project's searches."""

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
        """Called for each page but the first, with the cache's name and whether there was a cursor."""
        self._known: OrderedDict[Hashable, tuple[float, list[Cursor]]] = OrderedDict()

    def nearest(self, query: Hashable, offset: int) -> Cursor:
        """The last cursor with at most `offset` matches before it; the beginning if there is none."""
        found, cursors = self._known.get(query, (0.0, []))
        if found + self._seconds < self._clock():
            self._known.pop(query, None)
            return BEGINNING
        at = bisect_right(cursors, offset, key=_seen)
        if offset:
            self.count("cursors", bool(at))
        return cursors[at - 1] if at else BEGINNING

    def note(self, query: Hashable, cursor: Cursor) -> None:
        """Cache a cursor. Beyond the limits, every second cursor of the query, or the oldest query, is dropped."""
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
