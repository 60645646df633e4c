"""How persons' names are written in free text: in any order, with initials, run together.

For folded text (`spelling.fold`). An initial alone does not identify, and is removed only next to a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import permutations

from dicomveil_engine.text.spelling import Span
from dicomveil_engine.text.words_of_text import not_initials

_SHORTEST_JOINED = 3
"""Letters of a part that is joined with an initial; a shorter one may give another word ("Li" and "Na": "lin")."""
_PARTS_JOINED = 6
"""The number of first parts of a name that are joined."""

_GAP = r"[ .,;:^=/_'\-]"
_LETTER = r"[^\W\d_]"
_BEFORE = re.compile(rf"(?<![^\W_])({_LETTER}{{1,3}}){_GAP}{{1,3}}\Z")
_AFTER = re.compile(rf"{_GAP}{{1,3}}({_LETTER}{{1,3}})(?![^\W_])\.?")
_REACH = 8
"""Characters before a name that are searched for initials."""


def initials_of(parts: Iterable[str]) -> frozenset[str]:
    """The first letters of a name's parts."""
    return frozenset(part[0] for part in parts if part[0].isalpha())


def joined(parts: list[str]) -> list[str]:
    """Two parts of a name run together, and one with another's initial: doejane, jdoe, doej."""
    found = []
    for first, second in permutations(parts[:_PARTS_JOINED], 2):
        # Two initials may be any word ("CT"); in other scripts one character may be a whole name.
        if (len(first) > 1 and len(second) > 1) or not (first + second).isascii():
            found.append(first + second)
        if len(first) >= _SHORTEST_JOINED:
            found += (first + second[0], second[0] + first)
    return found


def with_initials(folded: str, span: Span, initials: frozenset[str]) -> Span:
    """A name's span, widened by initials on either side, up to three at once."""
    start, end = span
    while (before := _BEFORE.search(folded, max(0, start - _REACH), start)) and _are_initials(before[1], initials):
        start = before.start()
    while (after := _AFTER.match(folded, end)) and _are_initials(after[1], initials):
        end = after.end()
    return start, end


def _are_initials(letters: str, initials: frozenset[str]) -> bool:
    if letters in not_initials():
        return False
    return initials.issuperset(letters) and len(set(letters)) == len(letters)  # not "mm"
