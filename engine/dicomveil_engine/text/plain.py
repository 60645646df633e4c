"""A text in lower case and without accents, of the same length.

Each character of the text is one character of the plain text, so that positions are the same in both. `spelling` has
what changes the length (ligatures, umlauts written as two letters).
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
        # Korean syllables, ligatures, and characters that are removed by folding.
        folded = character.lower()
    return folded if len(folded) == 1 else character


def plain(text: str) -> str:
    """The text in lower case, without accents, with ASCII digits, blanks, hyphens and apostrophes."""
    if text.isascii():
        return text.lower()
    return text.translate(_PLAIN)
