"""A text as detectors read it: what several of them ask of it is worked out once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from dicomveil_engine.text.plain import plain
from dicomveil_engine.text.settings import DEFAULT, TextSettings
from dicomveil_engine.text.words_of_text import Word, words_of

_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class AnalysedText:
    """One text, and what several detectors ask of it."""

    text: str
    settings: TextSettings = DEFAULT
    is_prose: bool = True
    """Whether it comes from an attribute of sentences (ST LT UC UT), and not from one of labels (LO SH)."""

    @cached_property
    def plain(self) -> str:
        """The text in lower case and without accents, with each character in its place (`plain.plain`)."""
        return plain(self.text)

    @cached_property
    def words(self) -> list[Word]:
        """Its words of letters, in their order."""
        return words_of(self.text, self.plain)

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Its words, folded: most patterns need one of a few words, and most texts have none of them."""
        return frozenset(word.folded for word in self.words)

    @cached_property
    def digits(self) -> int:
        """How many digits there are: most texts have too few for most patterns."""
        return len(_DIGIT.findall(self.plain))

    @property
    def has_digit(self) -> bool:
        """Whether there is a digit."""
        return self.digits > 0

    def has_digits(self, least: int) -> bool:
        """Whether there are at least so many digits."""
        return self.digits >= least
