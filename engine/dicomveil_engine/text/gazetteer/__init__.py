"""Lists of names, words of languages, words of imaging, and places: generated, and read when first needed.

`scripts/generate_names.py` generates them; the README in this folder has the sources and licences. Words are looked up
in the form of `spelling.fold`.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

from dicomveil_engine.bounded_cache import of_values

_WORDS_CACHED = 8_192
_BLOCK = 512
"""Bytes of the word list that are searched for a word."""
_AFTER_FLAGS = b"\x7f"

# The lists in which a word is, as bits, since these are tested hundreds of times for a text.
UNKNOWN = 0
GIVEN = 1
"""A given name."""
SURNAME = 2
RARE = 4
"""A surname that few people have."""
FREQUENT = 8
"""A frequent name."""
TECHNIQUE = 16
"""A word of PS3.16 or PS3.6."""
ENGLISH = 32
"""A word of a dictionary in which names are capitalised."""
EVERYDAY = 64
"""One of the more frequent words of that dictionary."""
CITY = 128
NAME = GIVEN | SURNAME

_FLAGS = {
    "g": GIVEN, "s": SURNAME, "r": RARE, "f": FREQUENT, "t": TECHNIQUE, "e": ENGLISH, "E": EVERYDAY, "c": CITY,
}  # fmt: skip


@of_values
@lru_cache(_WORDS_CACHED)
def kind(word: str) -> int:
    """The lists of a folded word, as bits."""
    words = _words()
    sought = b"\n%b\t" % word.encode()
    block = bisect_right(words.heads, sought[1:] + _AFTER_FLAGS) - 1
    if block < 0:
        return UNKNOWN
    place = words.text.find(sought, words.starts[block], words.starts[block + 1])
    if place < 0:
        return UNKNOWN
    found = UNKNOWN
    flags = place + len(sought)
    for flag in words.text[flags : words.text.index(b"\n", flags)].decode():
        found |= _FLAGS[flag]
    return found


def nicknames(name: str) -> tuple[str, ...]:
    """The short forms of a folded given name; empty for most."""
    return _table("nicknames.txt.gz").get(name, ())


def east_asian(title: str) -> frozenset[str]:
    """A list of East Asian names in their own scripts; `title` is `names` or `surnames`, and `-ja`, `-ko` or `-zh`."""
    return frozenset(_table("east_asian.txt.gz").get(title, ()))


def read_words() -> None:
    """Read the list now, for programs that must not wait for it later."""
    _words()


class _Words(NamedTuple):
    """The words as one text, which takes a quarter of the memory of 200,000 objects."""

    text: bytes
    """Lines of a word, a tab and its flags, in the order of their bytes, after a line feed."""
    starts: list[int]
    """Where blocks of whole lines begin, and the end: at the line feeds before them."""
    heads: list[bytes]
    """The first line of each block."""


@cache
def _words() -> _Words:
    text = b"\n" + _read("words.txt.gz")
    starts = [0]
    while (start := text.find(b"\n", starts[-1] + _BLOCK)) >= 0:
        starts.append(start)
    if starts[-1] != len(text) - 1:
        starts.append(len(text) - 1)
    return _Words(text, starts, [text[start + 1 : text.index(b"\n", start + 1)] for start in starts[:-1]])


@cache
def _table(name: str) -> Mapping[str, tuple[str, ...]]:
    table = {}
    for line in _read(name).decode().splitlines():
        title, _, words = line.partition("\t")
        table[title] = tuple(words.split())
    return table


def _read(name: str) -> bytes:
    return zlib.decompress(files(__name__).joinpath(name).read_bytes(), wbits=zlib.MAX_WBITS | 16)  # gzip's form
