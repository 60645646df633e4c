"""A text as detectors read it, with properties that several of them need, computed once."""

from __future__ import annotations

import re

from dicomveil_engine.text.plain import plain
from dicomveil_engine.text.settings import DEFAULT, TextSettings
from dicomveil_engine.text.words_of_text import Word, words_and_roles

_DIGIT = re.compile(r"\d")


class AnalysedText:
    """A text and its properties."""

    __slots__ = ("digits", "is_prose", "plain", "roles", "settings", "text", "words")

    def __init__(self, text: str, settings: TextSettings = DEFAULT, is_prose: bool = True) -> None:
        self.text = text
        self.settings = settings
        self.is_prose = is_prose
        """Whether it is from an attribute of sentences (ST, LT, UC, UT), not of labels (LO, SH)."""
        self.plain = plain(text)
        """The text in lower case and without accents, with each character at its position (`plain.plain`)."""
        self.words: list[Word]
        """Its words of letters, in order."""
        self.roles: int
        """The roles of all its words together (`roles`)."""
        self.words, self.roles = words_and_roles(text, self.plain)
        self.digits = len(_DIGIT.findall(self.plain))
        """The number of digits; most texts have too few for most patterns."""
