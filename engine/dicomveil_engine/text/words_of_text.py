"""The words of a text, with their case and lists.

A word has letters only: digits, underscores, hyphens and full stops end it, so that `t2_doe_3mm` has the word `doe`.
"""

from __future__ import annotations

import re
from enum import IntEnum
from functools import cache, lru_cache
from typing import NamedTuple

from dicomveil_engine.bounded_cache import of_values
from dicomveil_engine.text import gazetteer
from dicomveil_engine.text.gazetteer import NAME, RARE, SURNAME, TECHNIQUE, UNKNOWN
from dicomveil_engine.text.lists import word_lists
from dicomveil_engine.text.roles import roles_of
from dicomveil_engine.text.spelling import fold

_WORD = re.compile(r"[^\W\d_]+(?:'(?!s(?![^\W_]))[^\W\d_]{1,64})*")
_WORDS_CACHED = 8_192
_SURNAMES_ENDING = re.compile(
    r"[^\W\d_]{3,40}(?:wski|wska|ński|ska|cki|cka|dzki|dzka|wicz|czyk|czak|sson|dottir|oglu|opoulos|escu|enko|ovic|evic|yan"
    r"|овский|евский|ский|ская|цкий|цкая|ова|ева|ина|ов|ев|ин|енко|чук|ович|евич|овна|евна|ична|дзе|швили)"
    r"|mc[^\W\d_]{4,}|[do]'[^\W\d_]{3,}"
)
"""Endings and beginnings of family names of several languages that few other words have."""


class Case(IntEnum):
    """The case of a word."""

    NONE = 0
    """In a script without capitals."""
    LOWER = 1
    TITLE = 2
    UPPER = 3
    INITIAL = 4
    """One capital letter."""


class Word(NamedTuple):
    """A word in a text."""

    start: int
    end: int
    folded: str
    case: Case
    kind: int
    """Bits of `gazetteer`; TECHNIQUE also for words of dicomveil's own lists."""


def words_of(text: str, plain: str) -> list[Word]:
    """The words of a text, given with its plain form, in order; "Doe's" is "Doe"."""
    return words_and_roles(text, plain)[0]


def words_and_roles(text: str, plain: str) -> tuple[list[Word], int]:
    """The words of a text, given with its plain form, in order, and their roles together."""
    words = []
    roles = 0
    for match in _WORD.finditer(plain):
        start, end = match.span()
        written = match[0]
        if written == "s" and plain[start - 1 : start] == "'":
            continue
        folded, kind, role = _looked_up(written)
        roles |= role
        spelt = text[start:end]
        # A fast path, since most words are in lower case or in capitals.
        if spelt == written:
            case = Case.LOWER if spelt.islower() else _case(spelt)
        else:
            case = _case(spelt)
            if case is Case.INITIAL and (text[start - 1 : start].isdigit() or text[end : end + 1].isdigit()):
                case = Case.NONE  # T2, 4D
        words.append(Word(start, end, folded, case, kind))
    return words, roles


def _case(written: str) -> Case:
    if written.islower():
        return Case.LOWER
    if written.isupper():
        return Case.UPPER if len(written) > 1 else Case.INITIAL
    return Case.TITLE if written[0].isupper() else Case.LOWER if written[0].islower() else Case.NONE


@of_values
@lru_cache(_WORDS_CACHED)
def _looked_up(word: str) -> tuple[str, int, int]:
    """(folded word, its lists, its roles) of a plain word."""
    folded = fold(word)
    role = roles_of(word)
    kind = gazetteer.kind(folded)
    if kind == UNKNOWN and "'" in folded:
        kind = gazetteer.kind(folded.replace("'", ""))
    if folded in technique() or word in technique():
        return folded, kind | TECHNIQUE, role
    if not kind & (NAME | RARE) and _SURNAMES_ENDING.fullmatch(word) and not kind:
        kind |= SURNAME
    return folded, kind, role


@cache
def not_initials() -> frozenset[str]:
    """Modalities, views, sides, units, departments: two or three capitals that are not initials."""
    return word_lists("cues")["not initials"]


@cache
def technique() -> frozenset[str]:
    """Words of imaging and medicine from dicomveil's own lists, in all languages."""
    languages = word_lists("glossary")
    return word_lists("technique")["technique"].union(
        word_lists("cues")["not initials"],
        *(words for language, words in languages.items() if language != "names in text"),
    )


@of_values
@lru_cache(_WORDS_CACHED)
def ends_like_medicine(word: str) -> bool:
    """Whether an unknown word has the ending of a medical term: -itis, -oma, -graphie."""
    return word.endswith(_medical_endings())


@cache
def _medical_endings() -> tuple[str, ...]:
    endings = word_lists("technique")["suffixes"]
    return (*endings, *(f"{ending}s" for ending in endings))
