"""Word lists of our own, in text files: months, cues, titles, words of technique, eponyms.

A file has sections, `[name]`, of words with blanks between them; `#` begins a comment. In a section whose name ends
with "phrases" a line is a phrase.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from dicomveil_engine.text.plain import plain


@cache
def word_lists(name: str) -> Mapping[str, frozenset[str]]:
    """The sections of a list, their words as `reading.plain` writes them."""
    sections: dict[str, set[str]] = {}
    section: set[str] = set()
    phrases = False
    for line in files(__name__).joinpath(f"{name}.txt").read_text(encoding="utf-8").splitlines():
        words = line.partition("#")[0].strip()
        if words.startswith("["):
            title = words.strip("[]")
            phrases = title.endswith("phrases")
            section = sections.setdefault(title, set())
        elif words:
            section.update([plain(words)] if phrases else plain(words).split())
    return {title: frozenset(words) for title, words in sections.items()}
