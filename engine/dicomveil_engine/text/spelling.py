"""Different spellings of a word: case, accents, strokes, ligatures, umlauts, apostrophes, particles.

text ── folded ──→ folded text, with positions in the text
name ── spellings ──→ texts to search for in folded texts
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from dicomveil_engine.bounded_cache import cached

Span = tuple[int, int]

_CHARACTERS_CACHED = 4_096
_WORDS_CACHED = 4_096
_MOST_SPELLINGS = 64
"""Spellings of one word. A word with more alternatives has the two consistent spellings only."""
_SHORTEST_SHORTENED = 4
"""Letters of a word that is shortened; shorter ones would give other words ("do" for "Doe")."""

_WITHOUT_DECOMPOSITION = {
    "ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "\u0131": "i", "ȷ": "j", "ŋ": "n", "ƀ": "b", "ǥ": "g",
    "ɨ": "i", "ʉ": "u", "ƶ": "z", "ȼ": "c", "ꝑ": "p", "æ": "ae", "œ": "oe", "þ": "th", "ß": "ss", "ĸ": "k",
}  # fmt: skip
"""Letters without a Unicode decomposition that people write in ASCII."""
_APOSTROPHES = dict.fromkeys("'\u2018\u2019\u201b\u02bc\u02bb\u02b9\u02bd\u2032\u00b4\uff07", "'")
INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e01ef"
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8"
    "\u06ea-\u06ed"
)
"""Characters that may stand within a word and are not seen, or do not tell words apart, as a class of an expression.

Soft hyphens, blanks of no width, marks of direction and variants; in Arabic and Hebrew vowels, which few people write,
and the stroke that makes a word longer.
"""
_IGNORED = re.compile(f"[{INVISIBLE}]")

_CHOICES = {
    "ä": ("a", "ae"), "æ": ("ae", "a"), "ö": ("o", "oe"), "ø": ("o", "oe"), "œ": ("oe", "o"), "ü": ("u", "ue"),
    "å": ("a", "aa"), "ae": ("ae", "a"), "oe": ("oe", "o"), "ue": ("ue", "u"), "aa": ("aa", "a"),
}  # fmt: skip
"""Letters → their spellings in ASCII, in German, Swedish, Danish, Norwegian, Finnish and Turkish names."""
_TWO_LETTERS = re.compile("|".join(letters for letters in _CHOICES if letters.isascii()))
_NOT_AN_UMLAUT = frozenset("aeoq")
"""Letters after which "ue" is not a "ü": Bauer, Neue, Quentin."""

PARTICLES = (
    *("de la", "de las", "de los", "de le", "van de", "van den", "van der", "von der", "von dem", "von den"),
    *("de", "del", "della", "di", "da", "das", "do", "dos", "du", "des", "van", "von", "vom", "zu", "zur", "ter"),
    *("ten", "le", "la", "el", "al", "abu", "bin", "ibn", "ben", "st", "saint", "mac", "mc", "fitz"),
)
"""Particles before a family name, separate or run together with it."""
_SHORTEST_BEHIND_PARTICLE = 3
_ELIDED = frozenset("dlmnot")
"""One letter and an apostrophe at the beginning of a name: D'Angelo, L'Oise, O'Brien."""


class Folded(NamedTuple):
    """A folded text, with positions in the original."""

    text: str
    """In lower case, without accents, in compatibility forms."""
    origin: tuple[int, ...] | None
    """The original position of each character; None if positions are the same."""

    def span(self, start: int, end: int) -> Span:
        """The span in the original text of the non-empty span [start, end) in the folded one."""
        return (start, end) if self.origin is None else (self.origin[start], self.origin[end - 1] + 1)


def fold(text: str) -> str:
    """The text in lower case, without accents and strokes, ligatures as letters, full width as half width."""
    return text.lower() if text.isascii() else text.translate(_FOLDED)


def folded(text: str) -> Folded:
    """The result of `fold`, with positions in the original."""
    if text.isascii():
        return Folded(text.lower(), None)
    plain = text.translate(_FOLDED)
    if _FOLDED.changes_length.isdisjoint(text):
        return Folded(plain, None)
    pieces = [_FOLDED[ord(character)] for character in text]
    origin = tuple(index for index, piece in enumerate(pieces) for _ in piece)
    return Folded(plain, origin)


class _Characters(dict[int, str]):
    """Code point → the folded character, for `str.translate`."""

    def __init__(self) -> None:
        self.changes_length: set[str] = set()
        """The characters that become none or several by folding."""

    def __missing__(self, code: int) -> str:
        found = _fold_character(chr(code))
        if len(self) >= _CHARACTERS_CACHED:
            self.clear()
            self.changes_length.clear()
        self[code] = found
        if len(found) != 1:
            self.changes_length.add(chr(code))
        return found


_FOLDED = _Characters()


def _fold_character(character: str) -> str:
    if _IGNORED.match(character):
        return ""
    if character in _APOSTROPHES:
        return "'"
    decomposed = unicodedata.normalize("NFKD", character)
    letters = "".join(one for one in decomposed if not "\u0300" <= one <= "\u036f").casefold()
    return "".join(_WITHOUT_DECOMPOSITION.get(letter, letter) for letter in letters)


@cached(_WORDS_CACHED)
def spellings(word: str) -> frozenset[str]:
    """The spellings of a word of a name in folded text, with umlauts as one letter or two.

    `word` is not folded: "Müller" and "Mueller" are both `muller` and `mueller`. Apostrophes are optional: "O'Brien"
    and "OBRIEN" are both `o'brien` and `obrien`. The folded word itself is among the spellings.
    """
    plain = fold(word)
    found = {plain, *_by_choices(unicodedata.normalize("NFC", word).casefold())}
    for spelling in tuple(found):
        found |= _with_and_without_apostrophe(spelling)
    return frozenset(one for one in found if one == plain or len(one) >= _SHORTEST_SHORTENED)


def spellings_of_ascii(plain: str) -> tuple[str, ...]:
    """The spellings of a folded ASCII word; most have only one."""
    if _TWO_LETTERS.search(plain):
        return tuple(spellings(plain))
    if plain[0] in _ELIDED and len(plain) > _SHORTEST_BEHIND_PARTICLE:
        return plain, f"{plain[0]}'{plain[1:]}"
    return (plain,)


def _by_choices(word: str) -> Iterator[str]:
    """The spellings with umlauts as one letter or two."""
    places: list[tuple[str, ...]] = []
    index = 0
    while index < len(word):
        choices = _CHOICES.get(word[index : index + 2])
        if choices and not (choices[0] == "ue" and index and word[index - 1] in _NOT_AN_UMLAUT):
            places.append(choices)
            index += 2
            continue
        places.append(_CHOICES.get(word[index]) or (fold(word[index]),))
        index += 1
    combinations = 2 ** sum(len(place) > 1 for place in places)
    if combinations <= _MOST_SPELLINGS:
        yield from map("".join, product(*places))
    else:
        yield "".join(min(place, key=len) for place in places)
        yield "".join(max(place, key=len) for place in places)


def _with_and_without_apostrophe(word: str) -> set[str]:
    if "'" in word:
        return {word.replace("'", "")}
    if len(word) > _SHORTEST_BEHIND_PARTICLE and word[0] in _ELIDED and word.isalpha():
        return {f"{word[0]}'{word[1:]}"}
    return set()


def with_joined_particles(parts: Sequence[str]) -> frozenset[str]:
    """A family name with particles run together and separate: `de la cruz` and `delacruz` are the same name.

    `parts` are the name's folded words in order; the results have blanks between separate words.
    """
    found: set[str] = set()
    for first, part in enumerate(parts):
        if not part.startswith(_JOINED):
            continue
        for count in (1, 2) if part in _FIRST_OF_PARTICLES else ():
            particle, behind = parts[first : first + count], parts[first + count : first + count + 1]
            if behind and " ".join(particle) in _PARTICLES:
                found |= _ways_of(particle, behind[0])
        for joined, particle in _WORDS_OF_JOINED.items():
            rest = part.removeprefix(joined)
            if rest != part and len(rest) >= _SHORTEST_BEHIND_PARTICLE and rest.isalpha():
                found |= _ways_of(particle, rest)
    return frozenset(found)


_PARTICLES = frozenset(PARTICLES)
_FIRST_OF_PARTICLES = frozenset(particle.split()[0] for particle in PARTICLES)
_WORDS_OF_JOINED = {particle.replace(" ", ""): tuple(particle.split()) for particle in PARTICLES}
_JOINED = tuple(_WORDS_OF_JOINED)


@lru_cache(_WORDS_CACHED)
def _joints(count: int) -> tuple[tuple[str, ...], ...]:
    return tuple(product(("", " "), repeat=count))


def _ways_of(particle: Sequence[str], rest: str) -> set[str]:
    words = [*particle, rest]
    return {
        "".join(word + joint for word, joint in zip(words, (*joints, ""), strict=True))
        for joints in _joints(len(words) - 1)
    }
