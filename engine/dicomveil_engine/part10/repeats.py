"""What stays in memory between instances of how their elements were walked, so that equal bytes are walked once.

Frames have most of their short sequences in common, the instances of a series most of their top level. All that a walk
does with such bytes follows from them and from the place where they stand; what else it needs is pending. Untrusted
input can hold any bytes: the cache is bounded, and only what comes a second time enters it.
"""

from __future__ import annotations

from typing import TypeVar

from dicomveil_engine.part10.fragment import UNCHANGED, Rewritten
from dicomveil_engine.part10.reading import Identifying, Noted, NotedRun
from dicomveil_engine.part10.table import Pending
from dicomveil_engine.profile.private import PrivateBlock

LONGEST_SEQUENCE = 1 << 10
"""Bytes of a sequence that is recognised by them."""
LONGEST_RUN = 1 << 13
SHORTEST_RUN = 48
"""Bytes; it would cost as much as the elements in it."""
RUN_KEY = 16
"""Bytes by which a run is looked for: the head of its first element, and the beginning of what follows."""
_PLACES = 64
_SEQUENCES = 1 << 11
"""For each place, so that the memory stays under some MiB."""
_RUNS = 1 << 8
_RUNS_ALIKE = 8
"""Runs that begin alike, such as those of the series that are read side by side."""
_SEEN = 1 << 14
"""Hashes of short sequences and elements; 1 MiB when full."""


class Run:
    """Elements of the data set itself, one behind the other, and what became of them."""

    __slots__ = ("context", "identifying", "image", "new", "raw", "size", "waiting")

    def __init__(
        self,
        raw: bytes,
        outcome: Rewritten,
        identifying: NotedRun | None,
        context: tuple[Noted, ...],
        image: tuple[Noted, ...],
    ) -> None:
        self.raw = raw
        self.size = len(raw)
        self.waiting: Pending | None = None
        """What is pending of it, if anything is."""
        self.new: bytes | None = None
        """What else takes its place; None where it stays as it is."""
        if isinstance(outcome, bytes):
            self.new = outcome
        elif outcome is not UNCHANGED:
            self.waiting, self.new = outcome.waiting, b""
        self.identifying = identifying
        self.context = context
        self.image = image


class Place:
    """What came in one place: at one depth, in one encoding and character set, with these blocks declared."""

    __slots__ = ("_runs", "gone", "kept", "runs", "searched")

    def __init__(self) -> None:
        self.kept: dict[bytes, Rewritten] = {}
        """Short sequences that stay, from their tags on; nothing in them identifies."""
        self.gone: dict[bytes, list[Identifying]] = {}
        """Short sequences that are removed → what identifies in them."""
        self.searched: dict[bytes, list[Identifying]] = {}
        """The same of those that would be kept, were they not inside one that is removed."""
        self.runs: dict[bytes, list[Run]] = {}
        """Beginnings of runs → the runs; at the top level only."""
        self._runs = 0

    def learn(self, run: Run) -> None:
        """Cache a run; of those that begin alike, the newest come first and the oldest is dropped."""
        if self._runs >= _RUNS:
            self.runs.clear()
            self._runs = 0
        alike = self.runs.setdefault(run.raw[:RUN_KEY], [])
        alike.insert(0, run)
        if len(alike) > _RUNS_ALIKE:
            alike.pop()
        else:
            self._runs += 1


_Found = TypeVar("_Found")


def keep_sequence(sequences: dict[bytes, _Found], raw: bytes, found: _Found) -> None:
    """Cache a short sequence of one place."""
    if len(sequences) >= _SEQUENCES:
        sequences.clear()
    sequences[raw] = found


_Key = tuple[int, str, tuple[str, ...], tuple[PrivateBlock, ...]]


class Repeats(dict[_Key, Place]):
    """(depth, encoding, character set, private blocks) → place; the top level has a negative depth for each stage."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[int] = set()

    def __missing__(self, key: _Key) -> Place:
        found = Place()
        # Untrusted input may hold any combinations of character sets.
        if len(self) < _PLACES:
            self[key] = found
        return found

    def is_seen_again(self, raw: bytes, *, at_top: bool = False) -> bool:
        """Whether these bytes came before. What comes once, such as a frame's own reference, need not be cached.

        A sequence of the top level is asked for by itself, and as a part of a run.
        """
        number = ~hash(raw) if at_top else hash(raw)
        if number in self._seen:
            return True
        if len(self._seen) >= _SEEN:
            self._seen.clear()
        self._seen.add(number)
        return False
