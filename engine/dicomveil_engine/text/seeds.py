"""Seeds: the words, phrases, initials and shapes by which a data set's own values are found.

    value of an identifying attribute ── seeds_of ──→ Seeds ── known ──→ findings

Seeds depend on the value only, so that the same value has the same seeds in every data set.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import permutations
from typing import NamedTuple

from dicomveil_engine.attributes._standard import DESCRIPTIVE_WORDS
from dicomveil_engine.bounded_cache import cached, of_values
from dicomveil_engine.text import gazetteer
from dicomveil_engine.text.finding import Infotype
from dicomveil_engine.text.gazetteer import ENGLISH, FREQUENT, GIVEN, TECHNIQUE
from dicomveil_engine.text.known_dates import notations
from dicomveil_engine.text.lists import word_lists
from dicomveil_engine.text.names import joined
from dicomveil_engine.text.spelling import fold, spellings, spellings_of_ascii, with_joined_particles
from dicomveil_engine.text.transliteration import in_latin
from dicomveil_engine.text.words_of_text import technique

DUMMY_WORD = "anonymous"
"""The dummy in de-identified attributes, which identifies nobody; a second pass must change nothing."""

_VALUES_CACHED = 4_096
_WORDS_CACHED = 8_192
SHORTEST_INSIDE = 7
"""Letters of a name that is found within a longer word in no list."""
SHORTEST_MISSPELT = 7
"""Letters of a name that is found with one wrong letter."""
_SHORTEST_NUMBER = 4
"""Digits; a shorter number may be part of a kernel's name, or a slice thickness."""
_SHORTEST_JOINED_NUMBER = 6
_MOST_SHAPES = 12
_HYPHENATED = 3
"""A part of two words: itself and each of them."""

_MARKS = "".join(letter for letter in map(chr, range(0x300, 0x3100)) if unicodedata.category(letter)[0] == "M")
"""Combining marks, which belong to words but are not in Python's `\\w`."""
LETTERS = re.compile(rf"(?:[^\W\d_]|[{_MARKS}\u200c\u200d])+")
_LETTERS_OR_DIGITS = re.compile(rf"(?:[^\W_]|[{_MARKS}\u200c\u200d])+")
WITHOUT_BLANKS = re.compile(r"[\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]")
"""Scripts without blanks between words, and decomposed Korean, which adds particles to names."""
_EAST_ASIAN = re.compile(r"[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]+")
_SHAPED = re.compile(r"(?P<letters>[a-z]{0,5})(?P<mark>[\-/ .]?)(?P<digits>\d+(?:[\-/]\d+){0,3})(?P<end>-?[a-z]?)")


_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}


class Seed(NamedTuple):
    """The properties of a word that is searched for."""

    infotype: Infotype
    needs_capital: bool = False
    """Whether it must be capitalised: a nickname that is also another word, and not itself in the data set."""


NAME = Seed(Infotype.PERSON_NAME)
"""A word of a person's name. Whether it also describes images is tested when it is found (`may_describe`)."""
NICKNAME = Seed(Infotype.PERSON_NAME, needs_capital=True)


class Phrase(NamedTuple):
    """A text that is found anywhere; a short one only between boundaries."""

    text: str
    infotype: Infotype


class Seeds(NamedTuple):
    """What a value is found by, in folded text."""

    words: tuple[str, ...] = ()
    """Whole words of letters."""
    infotype: Infotype = Infotype.PERSON_NAME
    """The infotype of the words."""
    nicknames: tuple[str, ...] = ()
    """Short forms of given names that are also words of a language."""
    parts: tuple[str, ...] = ()
    """Parts of a name that are found within longer words, if neither these nor the part are in a list."""
    pairs: tuple[str, ...] = ()
    """Two parts run together, which are found within any longer word."""
    phrases: tuple[Phrase, ...] = ()
    letters: str = ""
    """The first letters of a name's parts, which are found next to a name."""
    initials: tuple[str, ...] = ()
    """Two or three initials in the order of the name, which are found alone, in capitals."""
    shapes: frozenset[str] = frozenset()
    """Patterns of numbers with the same form."""


@cached(_VALUES_CACHED)
def seeds_of(value: str, vr: str) -> Seeds:
    """The seeds of one value of an identifying attribute."""
    if vr == "PN":
        return _seeds_of_name(value.strip(" \0"))
    plain = fold(value).strip(" \0")
    if vr == "DA":
        return Seeds(phrases=tuple(Phrase(notation, Infotype.DATE) for notation in notations(value)))
    if vr == "UI":
        return Seeds(phrases=(Phrase(plain, Infotype.UID),) if len(plain) > 1 else ())
    return _seeds_of_text(plain)


@of_values
@lru_cache(_WORDS_CACHED)
def is_descriptive(word: str) -> bool:
    """Whether a folded word describes images, and is not a frequent given name."""
    if word in DESCRIPTIVE_WORDS:
        return True
    kind = gazetteer.kind(word)
    return (word in technique() or bool(kind & TECHNIQUE)) and not (kind & GIVEN and kind & FREQUENT)


@of_values
@lru_cache(_WORDS_CACHED)
def may_describe(word: str) -> bool:
    """Whether a word of the data set's own names may describe images; words of other languages do not count."""
    if word in DESCRIPTIVE_WORDS:
        return True
    kind = gazetteer.kind(word)
    listed = word in word_lists("technique")["technique"] or bool(kind & TECHNIQUE)
    return listed and not (kind & GIVEN and kind & FREQUENT)


@of_values
@lru_cache(_WORDS_CACHED)
def is_word(word: str) -> bool:
    """Whether a folded word is in a dictionary or describes images."""
    return is_descriptive(word) or bool(gazetteer.kind(word) & ENGLISH)


# Names


class _Part(NamedTuple):
    """A part of a name, such as a family name, and what it is found by."""

    plain: str
    """Folded."""
    bare: str
    """Folded, without apostrophes."""
    is_plain: bool
    """Whether it has ASCII letters only."""
    words: tuple[str, ...]
    inside: tuple[str, ...]
    """The words that are found within longer ones."""
    phrases: tuple[Phrase, ...]
    letters: str
    """The first letter of each of its words."""


def _seeds_of_name(value: str) -> Seeds:
    groups = [_seeds_of_group(group) for group in value.split("=")]
    if len(groups) == 1:
        return groups[0]
    return Seeds(
        tuple(word for group in groups for word in group.words),
        Infotype.PERSON_NAME,
        tuple(word for group in groups for word in group.nicknames),
        tuple(part for group in groups for part in group.parts),
        tuple(pair for group in groups for pair in group.pairs),
        tuple(phrase for group in groups for phrase in group.phrases),
        "".join(group.letters for group in groups),
        tuple(initials for group in groups for initials in group.initials),
    )


def _seeds_of_group(group: str) -> Seeds:
    """The seeds of a component group: alphabetic, ideographic or phonetic (PS3.5 Section 6.2.1)."""
    components = group.split("^")
    parts = [_part(part) for component in components[:3] for part in component.split()]
    extra = [_part(part) for component in components[3:] for part in component.split()]
    every = parts + extra
    words = [word for part in every for word in part.words]
    # A prefix or suffix may be run together with the name too: DrDoe.
    run_together = joined([part.bare for part in every if part.bare])
    words += run_together if all(part.is_plain for part in every) else filter(_is_one_word, run_together)
    nicknames: tuple[str, ...] = ()
    for part in parts[1:] or parts:
        if short := gazetteer.nicknames(part.bare):
            words += [one for one in short if not is_word(one)]
            nicknames += tuple(one for one in short if is_word(one))
    if DUMMY_WORD in words:
        words = [word for word in words if word != DUMMY_WORD]
    plain = [part.plain for part in parts]
    return Seeds(
        tuple(words),
        Infotype.PERSON_NAME,
        nicknames,
        tuple([name for part in every for name in part.inside]),
        tuple(_pairs(plain)),
        (*[phrase for part in every for phrase in part.phrases], *_phrases_of_name(plain)),
        "".join([part.letters for part in parts]),
        tuple(_initials(plain)),
    )


@cached(_WORDS_CACHED)
def _part(part: str) -> _Part:
    """A part of a name in every spelling; most have ASCII letters only."""
    plain = fold(part)
    if part.isascii() and part.isalpha():
        spelt = spellings_of_ascii(plain) if len(part) > 1 else ()
        words = tuple([one for one in spelt if one.isalpha()])
        inside = tuple([one for one in words if len(one) >= SHORTEST_INSIDE])
        phrases = tuple([Phrase(one, Infotype.PERSON_NAME) for one in spelt if not one.isalpha()])
        return _Part(plain, plain, True, words, inside, phrases, plain[0])
    every = [part, *LETTERS.findall(unicodedata.normalize("NFC", part))]
    found = {one for word in every for one in spellings(word)}
    if len(every) == _HYPHENATED:
        found |= {first + second for first in spellings(every[1]) for second in spellings(every[2])}
    found |= {latin for one in found if (latin := in_latin(one))}
    words = tuple({one for one in found if len(one) > 1 and _is_one_word(one)})
    inside = tuple({one for one in (*spellings(part), *words) if len(one) >= SHORTEST_INSIDE and _is_one_word(one)})
    letters = "".join(word[0] for word in LETTERS.findall(plain) if word[0].isalpha())
    return _Part(plain, plain.replace("'", ""), False, words, inside, tuple(_phrases_of_part(part)), letters)


def _is_one_word(folded: str) -> bool:
    """Whether it has only letters, of a script with blanks between words."""
    if folded.isascii():
        return folded.isalpha()
    return LETTERS.fullmatch(folded) is not None and not WITHOUT_BLANKS.search(folded)


def _phrases_of_part(part: str) -> Iterator[Phrase]:
    """The spellings of a part of a name that are found within any other letters."""
    for spelling in spellings(part):
        east_asian = WITHOUT_BLANKS.search(spelling)
        if (east_asian and len(part) > 1) or (len(spelling) > 1 and not LETTERS.fullmatch(spelling)):
            yield Phrase(spelling, Infotype.PERSON_NAME)
            if (other := spelling.translate(_HIRAGANA)) != spelling:
                yield Phrase(other, Infotype.PERSON_NAME)


def _pairs(plain: list[str]) -> list[str]:
    """Two parts run together, which are found within longer words."""
    found = []
    for first, second in permutations(plain[:4], 2):
        both = first + second
        if len(both) >= SHORTEST_INSIDE and len(first) > 1 and len(second) > 1:
            if not both.isalpha():
                both = both.replace("'", "").replace("-", "")
            if _is_one_word(both):
                found.append(both)
    return found


def _phrases_of_name(plain: list[str]) -> Iterator[Phrase]:
    """Combinations of a name's parts that are found within any other letters."""
    for name in with_joined_particles([part for part in plain if part]):
        if len(name) > _SHORTEST_NUMBER or LETTERS.fullmatch(name) is None:
            yield Phrase(name, Infotype.PERSON_NAME)
    if "".join(plain).isascii():
        return
    for first, second in permutations(plain[:4], 2):
        if first and second and WITHOUT_BLANKS.search(first + second):
            # One character of a name is in many words, but the whole name is not.
            for blank in ("", " ", "\u3000", "^"):
                yield Phrase(first + blank + second, Infotype.PERSON_NAME)


def _initials(parts: list[str]) -> list[str]:
    """Two and three initials, with the given name or the family name first."""
    first = [part[0] for part in parts[:3] if part[:1].isalpha() and part.isascii()]
    if len(first) < 2:
        return []
    family, *given = first
    found = [family + given[0], given[0] + family]
    if len(given) > 1:
        found += [given[0] + given[1] + family, family + given[0] + given[1]]
    return found


# Identifiers, institutions, addresses


def _seeds_of_text(plain: str) -> Seeds:
    if plain == DUMMY_WORD or len(plain) < 2:
        return Seeds()
    parts = _LETTERS_OR_DIGITS.findall(plain)
    letters = [part for part in parts if LETTERS.fullmatch(part)]
    infotype = _infotype(plain, letters)
    words = tuple(
        part
        for part in letters
        if len(part) > 2 and part != DUMMY_WORD and not WITHOUT_BLANKS.search(part) and not _is_generic(part)
    )
    phrases = {Phrase(part, infotype) for part in letters if len(part) > 1 and WITHOUT_BLANKS.search(part)}
    for part in parts:
        digits = sum(map(str.isdigit, part))
        if digits >= _SHORTEST_NUMBER or (digits and len(part) > 2 and digits < len(part)):
            phrases.add(Phrase(part, infotype))
        bare = part.lstrip("0")
        if bare.isdigit() and len(bare) > _SHORTEST_NUMBER:
            phrases.add(Phrase(bare, infotype))
    phrases.update(Phrase(run, infotype) for run in re.findall(r"\d+", plain) if len(run) >= _SHORTEST_JOINED_NUMBER)
    if len(parts) > 1 and not all(_is_generic(part) and not part.isdigit() and is_descriptive(part) for part in parts):
        is_number = all(map(str.isdigit, parts))
        if not is_number or len("".join(parts)) >= _SHORTEST_NUMBER:
            phrases.add(Phrase(plain, infotype))
            run = "".join(parts)
            if len(run) >= _SHORTEST_JOINED_NUMBER and any(map(str.isdigit, run)):
                phrases.add(Phrase(run, infotype))
    elif len(parts) == 1 and not letters and not plain.isalnum() and len(plain) > _SHORTEST_NUMBER:
        phrases.add(Phrase(plain, infotype))
    return Seeds(words, infotype, phrases=tuple(phrases), shapes=frozenset(_shapes(plain)))


def _infotype(plain: str, letters: list[str]) -> Infotype:
    if not word_lists("organizations")["heads before"].isdisjoint(letters):
        return Infotype.ORGANIZATION_NAME
    if any(map(str.isdigit, plain)):
        return Infotype.STREET_ADDRESS if len(letters) > 1 and " " in plain else Infotype.MEDICAL_RECORD_NUMBER
    return Infotype.GENERIC_ID


def _is_generic(word: str) -> bool:
    """Whether a word is in many institutions, addresses and identifiers, so that only the whole value counts."""
    organizations, places = word_lists("organizations"), word_lists("places")
    return (
        is_word(word)
        or word in organizations["heads before"]
        or word in organizations["heads behind"]
        or word in organizations["between"]
        or word in places["streets behind a name"]
        or word in places["streets before a name"]
        or word in word_lists("cues")["stop"]
    )


def _shapes(plain: str) -> Iterator[str]:
    """Patterns of numbers with the same form, such as `RAD-45760` for `RAD-12439`."""
    match = _SHAPED.fullmatch(plain)
    if match is None or len(plain) > 24:
        return
    digits = sum(map(str.isdigit, match["digits"]))
    grouped = not match["digits"].isdigit()
    if digits < (4 if match["letters"] else 5 if grouped else 6):
        return
    groups = re.sub(r"\d+", lambda run: rf"\\d{{{len(run[0])}}}", match["digits"])
    end = re.sub("[a-z]", "[a-z]", match["end"])
    yield rf"{match['letters']}{re.escape(match['mark'])}{groups}{end}"
