"""Cues for persons' names and their strength, the way a text is written, and eponyms."""

from __future__ import annotations

import re
from enum import IntEnum
from functools import cache
from typing import NamedTuple

from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.gazetteer import ENGLISH, TECHNIQUE
from dicomveil_engine.text.lists import word_lists
from dicomveil_engine.text.words_of_text import Case, Word

FILLERS = frozenset(
    [
        "is",
        "by",
        "to",
        "with",
        "the",
        "also",
        "our",
        "my",
        "his",
        "her",
        "a",
        "an",
        "dr",
        "mr",
        "mrs",
        "and",
        "named",
        "called",
        "was",
        "were",
    ]
)
_EPONYM_GAP = re.compile(r"'s[ ]|[ ]|-|[ ]?-[ ]?|_")
_GERMAN = frozenset(
    [
        "der",
        "die",
        "das",
        "und",
        "mit",
        "von",
        "vom",
        "nicht",
        "bei",
        "im",
        "ist",
        "zur",
        "zum",
        "des",
        "dem",
        "ein",
        "eine",
        "nach",
        "ohne",
        "wurde",
    ]
)


class Strength(IntEnum):
    """The strength of a cue."""

    LISTS = 0
    WITH = 1
    BY = 2
    ROLE = 3
    RELATION = 4
    TITLE = 5


class PersonLists(NamedTuple):
    cues: dict[str, Strength]
    capitals: frozenset[str]
    """Titles that mean something else in capitals."""
    weak: frozenset[str]
    takes_unknown: frozenset[str]
    never: frozenset[str]
    never_alone: frozenset[str]
    """These, and the stronger cues."""
    particles: frozenset[str]
    credentials: frozenset[str]
    verbs: frozenset[str]
    verbs_of_known: frozenset[str]
    behind_patients: frozenset[str]
    eponyms: frozenset[str]
    behind_eponyms: frozenset[str]
    before_eponyms: frozenset[str]
    weak_names: frozenset[str]


@cache
def person_lists() -> PersonLists:
    lists, eponyms = word_lists("cues"), word_lists("eponyms")
    cues: dict[str, Strength] = {}
    for section, strength in (
        ("with", Strength.WITH),
        ("by", Strength.BY),
        ("actions", Strength.ROLE),
        ("patient", Strength.ROLE),
        ("roles", Strength.ROLE),
        ("relations", Strength.RELATION),
        ("titles", Strength.TITLE),
    ):
        cues |= dict.fromkeys(lists[section], strength)
    never = lists["stop"] | lists["credentials"] | lists["specialties"]
    return PersonLists(
        cues,
        lists["titles that are something else in capitals"],
        lists["weak relations"],
        lists["of words that take unknown names"],
        never,
        never.union(word for word, strength in cues.items() if strength > Strength.WITH),
        lists["particles"],
        lists["credentials"] | lists["specialties"],
        lists["verbs"],
        lists["verbs that need a known name"],
        lists["behind a patient's name"],
        eponyms["eponyms"],
        eponyms["behind"],
        eponyms["before"],
        word_lists("glossary")["names in text"],
    )


class PersonText:
    """The words of a text, and how it is written."""

    def __init__(self, reading: AnalysedText, words: list[Word]) -> None:
        self.plain = reading.plain
        self.text = reading.text
        self.words = words
        long = lower = title = english = 0
        for _, _, folded, case, kind in words:
            if len(folded) > 2:
                long += 1
                lower += case is Case.LOWER
                title += case is Case.TITLE
                english += bool(kind & (ENGLISH | TECHNIQUE))
        self.is_upper = not (lower or title)
        self.is_lower = bool(long) and lower == long
        self.is_prose = 3 * lower >= long and not self.is_lower
        """Whether few words are capitalised, so that capitals are significant."""
        self.is_german = not _GERMAN.isdisjoint([word.folded for word in words])
        self.is_english = 2 * english >= long

    def gap(self, index: int) -> str:
        """The text between a word and the next one."""
        return self.plain[self.words[index].end : self.words[index + 1].start]

    def begins_sentence(self, index: int) -> bool:
        """Whether a word is the first of a sentence, a line or the text."""
        start = self.words[index].start
        before = self.plain[max(0, start - 4) : start].rstrip(" \"'(")
        return not before or before[-1] in ".!?:;\n\r\t-^/_=>"

    def is_eponym(self, index: int) -> bool:
        """Whether the next words show that a word names a disease, a sign or a device."""
        lists, words = person_lists(), self.words
        for after in (index + 1, index + 2, index + 3):
            if after >= len(words) or not _EPONYM_GAP.fullmatch(self.plain, words[after - 1].end, words[after].start):
                break
            if words[after].folded in lists.behind_eponyms:
                return after == index + 1 or words[index + 1].case is not Case.LOWER
        before = words[index - 1] if index else None
        return before is not None and before.folded in lists.before_eponyms and len(self.gap(index - 1)) <= 2


def is_eponym(folded: str) -> bool:
    """Whether diseases, signs or devices are named after a word."""
    return folded in person_lists().eponyms


def is_no_name(folded: str) -> bool:
    """Whether a word is a cue or another word of the lists that occurs next to names or numbers."""
    lists = person_lists()
    return (
        folded in lists.never
        or folded in lists.cues
        or folded in _GERMAN
        or folded in FILLERS
        or folded in other_cues()
    )


@cache
def other_cues() -> frozenset[str]:
    """The cues of numbers and addresses."""
    lists = [*word_lists("numbers").values(), *word_lists("phones").values(), word_lists("places")["addresses"]]
    return frozenset().union(*lists)
