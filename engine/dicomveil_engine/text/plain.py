"""A text in lower case and without accents, each character in its own place.

One character of the text is one character of the plain text, so that a position in one is a position in the other.
What needs more than one character for another (ligatures, umlauts written as two letters) is `spelling`'s.
"""

from __future__ import annotations

import unicodedata

from dicomveil_engine.text.spelling import fold

_ALIKE = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    **dict.fromkeys("\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000", " "),
}
_CHARACTERS_CACHED = 8_192


class _Characters(dict[int, str]):
    """Code point → the plain character, for `str.translate`."""

    def __missing__(self, code: int) -> str:
        if len(self) >= _CHARACTERS_CACHED:
            self.clear()
        self[code] = found = _plain_character(chr(code))
        return found


_PLAIN = _Characters()


def _plain_character(character: str) -> str:
    alike = _ALIKE.get(character)
    if alike:
        return alike
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    folded = fold(character)
    if len(folded) != 1:
        # Korean syllables, ligatures, and what folds to nothing.
        folded = character.lower()
    return folded if len(folded) == 1 else character


def plain(text: str) -> str:
    """The text in lower case, without accents, with ASCII digits, blanks, hyphens and apostrophes; of equal length."""
    if text.isascii():
        return text.lower()
    return text.translate(_PLAIN)
