"""The properties of a text by which values of any data set are found, computed once for a text.

They are its words, those in no list, these without endings, and words with digits read as letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
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
_MAY_BE_READ_WRONG = re.compile(r"[^\W\d_][01358]|[01358][^\W\d_]")
_READ_WRONG = (str.maketrans("01583", "olsbb"), str.maketrans("01583", "oisbb"))
"""Digits that optical character recognition confuses with letters."""
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
        self.words = frozenset(self._pattern.findall(plain))
        """The runs of letters."""
        self.unknown = [word for word in self.words if len(word) > SHORTEST_INFLECTED and not is_word(word)]
        """The longer words that are in no list."""
        self.stems = [(stem, word) for word in self.unknown for stem in _stems(word)]
        """(unknown word without an ending, the word)."""
        self.has_digit = _DIGIT.search(plain) is not None
        self.read_wrong = self._read_wrong() if self.has_digit and _MAY_BE_READ_WRONG.search(plain) else _NO_SPANS
        """Runs of letters and digits, with digits read as letters → span."""
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
