"""Lists of names, words of languages, words of imaging, and places: generated, and read when first needed.

`scripts/generate_names.py` generates them; the README in this folder has the sources and licences. Words are looked up
in the form of `spelling.fold`.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files

from dicomveil_engine.bounded_cache import of_values

_WORDS_CACHED = 8_192


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
    """The short forms of a folded given name; empty for most."""
    return _table("nicknames.txt.gz").get(name, ())


def east_asian(title: str) -> frozenset[str]:
    """A list of East Asian names in their own scripts; `title` is `names` or `surnames`, and `-ja`, `-ko` or `-zh`."""
    return frozenset(_table("east_asian.txt.gz").get(title, ()))


def read_words() -> None:
    """Read the list now, for programs that must not wait for it later."""
    _words()


@cache
def _words() -> list[bytes]:
    return _read("words.txt.gz").splitlines()


@cache
def _table(name: str) -> Mapping[str, tuple[str, ...]]:
    table = {}
    for line in _read(name).decode().splitlines():
        title, _, words = line.partition("\t")
        table[title] = tuple(words.split())
    return table


def _read(name: str) -> bytes:
    return zlib.decompress(files(__name__).joinpath(name).read_bytes(), wbits=zlib.MAX_WBITS | 16)  # gzip's form
