"""The properties of a text by which values of any data set are found, computed once for a text.

They are its words, those in no list, these without endings, and words with digits read as letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property

from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.seeds import LETTERS, is_word
from dicomveil_engine.text.spelling import Folded, Span, folded
from dicomveil_engine.text.words_of_text import Case, Word

Run = tuple[int, int, str]
"""(start, end, letters) of consecutive letters."""

SHORTEST_INFLECTED = 5
"""Letters of the shortest name that is found with an ending of its language."""

_NO_SPANS: dict[str, Span] = {}
_DIGIT = re.compile(r"\d")
_ASCII_LETTERS = re.compile(r"[a-z]+")
_WITH_DIGITS = re.compile(r"(?<![^\W_])(?=[^\W_]*\d)(?=[^\W_]*[^\W\d_])[^\W_]{4,32}(?![^\W_])")
_MAY_BE_READ_WRONG = re.compile(r"[^\W\d_][0134578]|[0134578][^\W\d_]")
_READ_WRONG = (
    str.maketrans("01583", "olsbb"),
    str.maketrans("01583", "oisbb"),
    str.maketrans("0134578", "oieastb"),
    str.maketrans("0134578", "oleastb"),
)
"""Digits that a reader of pixels takes for letters, and those that people write for letters."""
_BREAK = re.compile(r"[\-\u2010\u2011\u00b7\u2027\r\n]")
_FEWEST_SPACED = 4
"""Letters that stand alone, of a name whose letters all do."""
_NUMBER = re.compile(r"\d[ ./\-]\d|[\doilszb]{6}")
_BROKEN = re.compile(
    r"(?=(?<![^\W\d_])([^\W\d_]{1,40})(?:[\-\u2010\u2011\u00b7\u2027]\s{0,2}|[\r\n]{1,2})([^\W\d_]{1,40}))"
)
_SPACED = re.compile(r"(?<![^\W_])(?:[^\W\d_][ .\-]){3,40}[^\W\d_](?![^\W_])")
_GROUPED = re.compile(r"\d{1,12}(?:[ ./\-]\d{1,12}){1,6}")
_GROUP = re.compile(r"\d+")
_MIXED = re.compile(r"(?<![^\W_])(?=[a-z]*\d)[\doilszb]{6,24}(?![^\W_])")
_DIGITS_READ = str.maketrans("oilszb", "011528")
_SHORTEST_NUMBER = 6
_FEWEST_DIGITS = 4
"""Digits of a text in which a number is looked for that is written with letters for digits, or in groups."""
_PREFIXES = frozenset("\u0648\u0628\u0644\u0641\u0643\u05d5\u05d4\u05d1\u05dc\u05de\u05e9\u05db")
"""And, in, for, so, as in Arabic; and, the, in, for, from, that, as in Hebrew."""
_SHORTEST_BARE = 3
_MAY_BE_CAMEL = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+")
_ENDINGS = frozenset((
    *("s", "es", "a", "u", "owi", "em", "om", "ie", "ego", "emu", "iego", "iemu", "ej", "a", "ą", "ę", "y", "i", "ova"),
    *("ovi", "ovou", "ou", "а", "у", "ом", "ем", "е", "ы", "ой", "ую", "ым", "ого", "ому", "и", "я", "ю"),
))  # fmt: skip
_LENGTHS_OF_ENDINGS = (1, 2, 3, 4)


class Offer:
    """The properties of a text; positions are in the folded text, except for `spelt` and `capitals`.

    All are computed at once, since the next data set needs the same.
    """

    def __init__(self, reading: AnalysedText) -> None:
        text = reading.text
        self.text = text
        self.reading = reading
        self.folded: Folded = folded(text)
        plain = self.folded.text
        self._pattern = _ASCII_LETTERS if text.isascii() else LETTERS
        runs = self._pattern.findall(plain)
        self.words = frozenset(runs)
        """The runs of letters."""
        self.unknown = [word for word in self.words if len(word) > SHORTEST_INFLECTED and not is_word(word)]
        """The longer words that are in no list."""
        self.stems = [(stem, word) for word in self.unknown for stem in _stems(word)]
        """(unknown word without an ending, the word)."""
        self.has_digit = _DIGIT.search(plain) is not None
        self.read_wrong = self._read_wrong() if self.has_digit and _MAY_BE_READ_WRONG.search(plain) else _NO_SPANS
        """What letters and digits together would be, had a reader of pixels not taken letters for digits."""
        self.apart = list(_broken(plain)) if _BREAK.search(plain) else []
        """Letters that stand apart or on two lines, run together, with their spans: d-oe, D O E."""
        if [len(run) for run in runs].count(1) >= _FEWEST_SPACED:
            self.apart += _spaced(plain)
        self.numbers = list(_numbers(plain)) if reading.digits >= _FEWEST_DIGITS and _NUMBER.search(plain) else []
        """Digits in groups, run together, and with letters that a reader of pixels takes for digits."""
        self.prefixed = [] if text.isascii() else list(_without_prefix(self.words))
        """Words of scripts that write prepositions together with a name, without them."""
        self.camel = self._camel() if self.folded.origin is None and _MAY_BE_CAMEL.search(text) else []
        """Words that begin with a capital within a run of letters, with their spans: DoeJane."""

    @cached_property
    def runs(self) -> list[Run]:
        """The runs of letters with their spans; computed late, since few texts have words of a data set."""
        return [(*match.span(), match[0]) for match in self._pattern.finditer(self.folded.text)]

    def of_word(self, word: str) -> Iterator[Span]:
        """The spans of a run of letters."""
        yield from ((start, end) for start, end, run in self.runs if run == word)

    def _read_wrong(self) -> dict[str, Span]:
        found = {}
        for match in _WITH_DIGITS.finditer(self.folded.text):
            for table in _READ_WRONG:
                found[match[0].translate(table)] = match.span()
        return found

    def _camel(self) -> list[tuple[str, Span]]:
        found = []
        for start, end, _ in self.runs:
            written = self.text[start:end]
            if not written[1:].islower() and not written.isupper() and len(written) > 3:
                found += [
                    (match[0].lower(), (start + match.start(), start + match.end()))
                    for match in _CAMEL.finditer(written)
                    if len(match[0]) < len(written)
                ]
        return found

    @property
    def spelt(self) -> list[Word]:
        """The words with their case; positions are in the text."""
        return self.reading.words

    def capitals(self) -> list[Word]:
        """Words of two or three capitals that are in no list."""
        return [word for word in self.spelt if word.case is Case.UPPER and len(word.folded) < 4 and not word.kind]


def _stems(word: str) -> Iterator[str]:
    for length in _LENGTHS_OF_ENDINGS:
        if len(word) - length >= SHORTEST_INFLECTED and word[-length:] in _ENDINGS:
            yield word[:-length]


def _without_prefix(words: Iterable[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        if word[0] in _PREFIXES and len(word) > _SHORTEST_BARE:
            yield word[1:], word


def _broken(plain: str) -> Iterator[tuple[str, Span]]:
    for match in _BROKEN.finditer(plain):
        yield match[1] + match[2], (match.start(1), match.end(2))


def _spaced(plain: str) -> Iterator[tuple[str, Span]]:
    for match in _SPACED.finditer(plain):
        yield "".join(character for character in match[0] if character.isalpha()), match.span()


def _numbers(plain: str) -> Iterator[tuple[str, Span]]:
    for match in _GROUPED.finditer(plain):
        groups = list(_GROUP.finditer(plain, *match.span()))
        for first in range(len(groups)):
            for last in range(first + 1, len(groups)):
                number = "".join(group[0] for group in groups[first : last + 1])
                if len(number) >= _SHORTEST_NUMBER:
                    yield number, (groups[first].start(), groups[last].end())
    for match in _MIXED.finditer(plain):
        yield match[0].translate(_DIGITS_READ), match.span()
