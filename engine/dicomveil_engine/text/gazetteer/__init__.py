"""Which words are names, words of a language, words of imaging, or places: generated lists, read when first asked for.

Made by `scripts/generate_names.py`; the README beside this file names the sources and their licences. A word is looked
up as `spelling.fold` writes it.
"""

from __future__ import annotations

import lzma
from bisect import bisect_left
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files

from dicomveil_engine.bounded_cache import of_values

_WORDS_CACHED = 8_192


# What the lists say about a word; bits, since looking at a text asks for them hundreds of times.
UNKNOWN = 0
GIVEN = 1
"""A given name."""
SURNAME = 2
RARE = 4
"""A surname that few people have."""
FREQUENT = 8
"""A name that many have."""
TECHNIQUE = 16
"""A word of PS3.16 or PS3.6."""
ENGLISH = 32
"""A word of a dictionary that gives names in capitals."""
EVERYDAY = 64
"""One of the more frequent words of it."""
CITY = 128
NAME = GIVEN | SURNAME

_FLAGS = {
    "g": GIVEN, "s": SURNAME, "r": RARE, "f": FREQUENT, "t": TECHNIQUE, "e": ENGLISH, "E": EVERYDAY, "c": CITY,
}  # fmt: skip


@of_values
@lru_cache(_WORDS_CACHED)
def kind(word: str) -> int:
    """What the lists say about a folded word."""
    lines = _words()
    sought = word.encode() + b"\t"
    index = bisect_left(lines, sought)
    if index == len(lines) or not lines[index].startswith(sought):
        return UNKNOWN
    found = UNKNOWN
    for flag in lines[index][len(sought) :].decode():
        found |= _FLAGS[flag]
    return found


def nicknames(name: str) -> tuple[str, ...]:
    """The short forms of a folded given name; none for most."""
    return _table("nicknames.txt.xz").get(name, ())


def east_asian(title: str) -> frozenset[str]:
    """`names` or `surnames`, a hyphen, and `ja`, `ko` or `zh`: in their own scripts."""
    return frozenset(_table("east_asian.txt.xz").get(title, ()))


@cache
def _words() -> list[bytes]:
    return _read("words.txt.xz").splitlines()


@cache
def _table(name: str) -> Mapping[str, tuple[str, ...]]:
    table = {}
    for line in _read(name).decode().splitlines():
        title, _, words = line.partition("\t")
        table[title] = tuple(words.split())
    return table


def _read(name: str) -> bytes:
    return lzma.decompress(files(__name__).joinpath(name).read_bytes())
