"""Taking identifying words out of free text: the words of a data set's own identifying attributes.

Which attributes identify is the policy's choice; what is written like an identifier, whoever's it is,
`patterns` knows. All of both goes and the rest stays. If in doubt, a word goes.

Reading a text does not depend on the data set and is remembered; what each data set adds is a look-up.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from dicomveil_engine.attributes._standard import DESCRIPTIVE_WORDS
from dicomveil_engine.bounded_cache import LONGEST, remembered
from dicomveil_engine.text import names
from dicomveil_engine.text.cleaning import remove, resolve
from dicomveil_engine.text.detectors import detect
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.known_dates import notations
from dicomveil_engine.text.reading import Reading
from dicomveil_engine.text.spelling import Span, fold, folded, spellings, with_joined_particles

DUMMY_WORD = "anonymous"
"""Stands in de-identified attributes; it identifies nobody, and a second pass must change nothing."""

_TEXTS_REMEMBERED = 4_096
_VALUES_REMEMBERED = 4_096

_LONGEST_DESCRIPTION = 64
"""Characters (LO has as many); whoever writes more writes more than what was imaged."""

_ROUNDS = 16
"""A text that still holds something new after so many was made to; nothing of it is kept."""

_LONG_PHRASE = 6
"""A shorter phrase counts only between word boundaries, a longer one wherever it stands."""

_MARKS = "".join(map(chr, filter(lambda c: unicodedata.category(chr(c))[0] == "M", range(0x300, 0x3100))))
"""Combining marks belong to their words (Python's `\\w` leaves them out)."""
_LETTERS = re.compile(rf"(?:[^\W\d_]|[{_MARKS}\u200c\u200d])+")
_ASCII_LETTERS = re.compile(r"[a-z]+")
_LETTERS_OR_DIGITS = re.compile(rf"(?:[^\W_]|[{_MARKS}\u200c\u200d])+")
_DIGITS = re.compile(r"\d+")
_DIGIT = re.compile(r"\d")
_WITHOUT_BLANKS = re.compile(
    r"[\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Scripts that write no blanks between words (and, decomposed, Korean, which adds particles to names)."""


class _Reading(NamedTuple):
    """What a text says, whatever the data set."""

    folded: str
    words: frozenset[str]
    findings: tuple[Finding, ...]
    """In positions of the text itself."""


class IdentifyingWords:
    """The identifying values of one data set, and how to take their words out of a text.

    Case, accents and the width of letters do not count. A name's parts of two or more characters go as whole
    words, and initials beside them; a UID goes as a whole, a date in all its notations, of other values the whole and
    its words of three or more characters.

    A text that holds nothing but words that describe images stays, if only one of them is the data set's own: "CT
    HEAD" says nothing of a patient called Head, who would otherwise lose every description of it.
    """

    __slots__ = ("_cleaned", "_dates", "_initials", "_phrases", "_values", "_words")

    def __init__(self) -> None:
        self._values: set[tuple[str, str]] = set()
        self._words: frozenset[str] | None = None
        self._phrases: tuple[str, ...] = ()
        self._dates: tuple[str, ...] = ()
        """Phrases that hold digits, and more of them than most texts are worth."""
        self._initials: frozenset[str] = frozenset()
        self._cleaned: dict[str, str] = {}
        """Texts → what is left of them; the instances of a series have most texts in common."""

    def add(self, value: str, vr: str) -> None:
        """Note one value of an identifying attribute."""
        self._values.add((value, vr))
        self._words = None
        self._cleaned.clear()

    def remove_from(self, text: str) -> str:
        """The text without identifying words and patterns; the same string if it holds none."""
        cleaned = self._cleaned.get(text)
        if cleaned is None:
            cleaned = self._clean(text)
            if len(text) <= LONGEST and len(self._cleaned) < _TEXTS_REMEMBERED:
                self._cleaned[text] = cleaned
        return cleaned

    def _clean(self, text: str) -> str:
        for _ in range(_ROUNDS):
            findings = self.findings(text)
            if not findings:
                return text
            # What is left may join to something new; each round makes the text shorter.
            text = remove(text, findings)
        return ""

    def findings(self, text: str) -> list[Finding]:
        """What in a text identifies, in its order: spans that do not overlap."""
        if self._words is None:
            self._compile()
        if self._is_description(text):
            return []
        reading = _read(text)
        spans = self._spans(reading)
        if spans and not text.isascii():
            way_back = folded(text)
            spans = [way_back.span(start, end) for start, end in spans]
        return resolve(
            [
                *reading.findings,
                *(Finding(*span, Infotype.GENERIC_ID, Likelihood.VERY_LIKELY, "the instance's own") for span in spans),
            ]
        )

    def _compile(self) -> None:
        parts = [_parts(value, vr) for value, vr in self._values]
        self._words = frozenset().union(*(part.words for part in parts))
        self._phrases = tuple(frozenset().union(*(part.phrases for part in parts)))
        self._dates = tuple(frozenset().union(*(part.dates for part in parts)))
        self._initials = frozenset().union(*(part.initials for part in parts))

    def _is_description(self, text: str) -> bool:
        """Whether a text could stand in anybody's data set, though a word of it is one of this one's own."""
        if self._words is None or len(text) > _LONGEST_DESCRIPTION:
            return False
        reading = _read(text)
        own = reading.words & self._words
        if len(own) != 1 or reading.findings or reading.words & self._initials:
            return False
        if len(reading.words) < 2 or not reading.words <= DESCRIPTIVE_WORDS or not reading.folded.isascii():
            return False
        return not any(phrase in reading.folded for phrase in (*self._phrases, *self._dates))

    def _spans(self, reading: _Reading) -> list[Span]:
        """Where the data set's own words stand in the text."""
        words = self._words or frozenset()
        phrases = [phrase for phrase in self._phrases if phrase in reading.folded]
        if self._dates and _DIGIT.search(reading.folded):
            phrases += [phrase for phrase in self._dates if phrase in reading.folded]
        if not phrases and words.isdisjoint(reading.words):
            return []
        spans = [m.span() for m in _LETTERS.finditer(reading.folded) if m[0] in words]
        for phrase in phrases:
            spans += [m.span() for m in _phrase_pattern(phrase).finditer(reading.folded)]
        if self._initials:
            return [names.with_initials(reading.folded, span, self._initials) for span in spans]
        return spans


@remembered(_TEXTS_REMEMBERED)
def _read(text: str) -> _Reading:
    folded = fold(text)
    letters = _ASCII_LETTERS if folded.isascii() else _LETTERS
    return _Reading(folded, frozenset(letters.findall(folded)), tuple(detect(Reading(text))))


class _Parts(NamedTuple):
    """By what a value is found."""

    words: frozenset[str]
    phrases: frozenset[str]
    dates: frozenset[str] = frozenset()
    initials: frozenset[str] = frozenset()
    """These count only beside what is found."""


@remembered(_VALUES_REMEMBERED)
def _parts(value: str, vr: str) -> _Parts:
    words: set[str] = set()
    phrases: set[str] = set()
    initials: set[str] = set()
    plain = fold(value).strip(" \0")
    if vr == "DA":
        return _Parts(frozenset(), frozenset(), notations(value))
    if vr == "PN":
        for group in value.strip(" \0").split("="):
            _add_name(group, words, phrases)
            initials |= names.initials_of(_LETTERS.findall(fold(group)))
    elif vr == "UI":
        _add(plain, words, phrases)
    else:
        _add(plain, words, phrases)
        for part in _LETTERS_OR_DIGITS.findall(plain):
            if len(part) >= 3:
                _add(part, words, phrases)
        phrases.update(digits for digits in _DIGITS.findall(plain) if len(digits) >= 3)
    words.discard(DUMMY_WORD)
    phrases.discard(DUMMY_WORD)
    return _Parts(frozenset(words), frozenset(phrases), initials=frozenset(initials))


def _add_name(group: str, words: set[str], phrases: set[str]) -> None:
    written = [part for part in re.split(r"[\^\s]+", group) if part]
    parts = [part for part in map(fold, written) if part]
    if len(parts) > 1:
        _add(fold(group), words, phrases)
        for text in names.joined(parts):
            _add(text, words, phrases)
    for text in with_joined_particles(parts):
        _add(text, words, phrases)
    for part in written:
        for word in (part, *_LETTERS.findall(unicodedata.normalize("NFC", part))):
            for spelling in spellings(word):
                _add(spelling, words, phrases)


def _add(text: str, words: set[str], phrases: set[str]) -> None:
    """Add a text of two or more characters: as a word if it is one, else as a phrase."""
    if len(text) < 2:
        return
    if _LETTERS.fullmatch(text) and not _WITHOUT_BLANKS.search(text):
        words.add(text)
    else:
        phrases.add(text)


@remembered(_VALUES_REMEMBERED)
def _phrase_pattern(phrase: str) -> re.Pattern[str]:
    """Where a phrase stands in a folded text: a short one between boundaries of its own kind."""
    if len(phrase) >= _LONG_PHRASE or _WITHOUT_BLANKS.search(phrase):
        return re.compile(re.escape(phrase))
    boundaries = [r"\d" if end.isdigit() else r"[^\W\d_]" if end.isalpha() else "" for end in (phrase[0], phrase[-1])]
    before = f"(?<!{boundaries[0]})" if boundaries[0] else ""
    after = f"(?!{boundaries[1]})" if boundaries[1] else ""
    return re.compile(before + re.escape(phrase) + after)
