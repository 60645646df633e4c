"""The cache of walked elements, so that equal bytes are walked once.

Frames have most of their short sequences in common, and the instances of a series most of their top level. The result
for such bytes depends on them and their place only; elements that depend on more are pending in it. Since untrusted
input can hold any bytes, the cache is bounded, and bytes enter it only when they occur a second time.
"""

from __future__ import annotations

from typing import TypeVar

from dicomveil_engine.part10.forms import FORM_KEY, Form
from dicomveil_engine.part10.fragment import UNCHANGED, Rewritten
from dicomveil_engine.part10.reading import Identifying, Noted, NotedRun
from dicomveil_engine.part10.table import Pending
from dicomveil_engine.profile.private import PrivateBlock

LONGEST_SEQUENCE = 1 << 10
"""Bytes of the longest sequence that is cached."""
LONGEST_RUN = 1 << 13
SHORTEST_RUN = 48
"""Bytes; a shorter run costs as much as the elements in it."""
RUN_KEY = 16
"""Bytes by which a run is looked up: the head of its first element, and what follows."""
_PLACES = 64
_SEQUENCES = 1 << 11
"""Per place, which bounds the memory to a few MiB."""
_FORMS = 1 << 8
_FORMS_ALIKE = 8
"""Forms with the same lengths, of which those that are compared first are the newest."""
_UNUSED_FORMS = 16
"""Forms with the same lengths that are learned without a use of any: then such sequences differ in more than UIDs."""
_TRIED_AGAIN = 1 << 12
"""Sequences after which forms with those lengths are learned again."""
_RUNS = 1 << 8
_RUNS_ALIKE = 8
"""Runs with the same key, such as those of series that are read at the same time."""
_SEEN = 1 << 14
"""Hashes of short sequences and elements: 1 MiB when full."""


class Run:
    """Consecutive elements of the top level, and their result."""

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
        """The fragment, if some of the elements are pending."""
        self.new: bytes | None = None
        """The bytes that replace the run; None if it is unchanged."""
        if isinstance(outcome, bytes):
            self.new = outcome
        elif outcome is not UNCHANGED:
            self.waiting, self.new = outcome.waiting, b""
        self.identifying = identifying
        self.context = context
        self.image = image


class Place:
    """The cache for one place: a depth, an encoding, a character set, and the declared private blocks."""

    __slots__ = ("_forms", "_runs", "_unused", "forms", "kept", "removed", "runs")

    def __init__(self) -> None:
        self.kept: dict[bytes, Rewritten] = {}
        """Bytes of a short kept sequence without identifying values → its result."""
        self.removed: dict[bytes, list[Identifying]] = {}
        """Bytes of a short sequence that is removed, or is in a removed one → the identifying values in it."""
        self.forms: dict[bytes, list[Form]] = {}
        """Beginning of short kept sequences without identifying values → their forms."""
        self._forms = 0
        self._unused: dict[bytes, int] = {}
        """Beginning of short sequences → the number of forms that were learned since one was used."""
        self.runs: dict[bytes, list[Run]] = {}
        """Beginning of runs → the runs; at the top level only."""
        self._runs = 0

    def learn(self, run: Run) -> None:
        """Cache a run; of runs with the same key, the newest comes first, and the oldest is dropped."""
        if self._runs >= _RUNS:
            self.runs.clear()
            self._runs = 0
        self._runs += _learn_first(self.runs, run.raw[:RUN_KEY], run, _RUNS_ALIKE)

    def may_learn_form(self, raw: bytes) -> bool:
        """Whether sequences that begin as this one may have a form in common."""
        key = raw[:FORM_KEY]
        unused = self._unused.get(key, 0)
        if unused > _UNUSED_FORMS:
            # Another series may have sequences with these lengths that do have one in common.
            self._unused[key] = unused + 1 if unused < _TRIED_AGAIN else 0
        return unused <= _UNUSED_FORMS

    def note_use(self, raw: bytes) -> None:
        """Note that a form was used for a sequence."""
        self._unused.pop(raw[:FORM_KEY], None)

    def learn_form(self, raw: bytes, form: Form) -> None:
        """Cache the form of a short sequence, in the same order as runs."""
        key = raw[:FORM_KEY]
        if len(self._unused) >= _FORMS:
            self._unused.clear()
        unused = self._unused[key] = self._unused.get(key, 0) + 1
        if unused > _UNUSED_FORMS:
            self._forms -= len(self.forms.pop(key, ()))  # to compare them takes time as well
            return
        if any(known.is_same(form) for known in self.forms.get(key, ())):
            return
        if self._forms >= _FORMS:
            self.forms.clear()
            self._forms = 0
        self._forms += _learn_first(self.forms, key, form, _FORMS_ALIKE)


_Cached = TypeVar("_Cached")


def _learn_first(cache: dict[bytes, list[_Cached]], key: bytes, one: _Cached, most: int) -> int:
    """Put a result before those with the same key, of which there are at most so many; return how many were added."""
    alike = cache.setdefault(key, [])
    alike.insert(0, one)
    if len(alike) <= most:
        return 1
    alike.pop()
    return 0


_Found = TypeVar("_Found")


def keep_sequence(sequences: dict[bytes, _Found], raw: bytes, found: _Found) -> None:
    """Cache the result of a short sequence."""
    if len(sequences) >= _SEQUENCES:
        sequences.clear()
    sequences[raw] = found


_Key = tuple[int, str, tuple[str, ...], tuple[PrivateBlock, ...]]


class Repeats(dict[_Key, Place]):
    """(depth, encoding, character set, private blocks) → place. The stages of the top level have depths 0, -1, -2."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[int] = set()

    def __missing__(self, key: _Key) -> Place:
        # Untrusted input may have any combination of character sets.
        if len(self) >= _PLACES:
            self.clear()
        found = self[key] = Place()
        return found

    def is_seen_again(self, raw: bytes, *, at_top: bool = False) -> bool:
        """Whether these bytes occurred before; bytes that occur once, such as a reference, are not worth caching.

        `at_top` keeps runs apart from sequences, since a sequence of the top level may be both.
        """
        number = ~hash(raw) if at_top else hash(raw)
        if number in self._seen:
            return True
        if len(self._seen) >= _SEEN:
            self._seen.clear()
        self._seen.add(number)
        return False
