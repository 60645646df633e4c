"""dicomveil's own word lists, in text files: months, cues, titles, technical words, eponyms.

A file has sections, `[name]`, of words separated by blanks; `#` begins a comment. In a section whose name ends with
"phrases", each line is a phrase.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from dicomveil_engine.text.plain import plain


@cache
def word_lists(name: str) -> Mapping[str, frozenset[str]]:
    """Section → its words, in the form of `AnalysedText.plain`."""
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
