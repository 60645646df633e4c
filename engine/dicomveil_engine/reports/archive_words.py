"""Judging the words of a remaining value by the archive's vocabulary.

Cleaning most often misses names that are in no attribute of the instance, such as those of third persons. Their words
are frequent in the archive's PN attributes, or rare in its texts; technical words are the opposite.
"""

from __future__ import annotations

from enum import Enum

from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.gazetteer import ENGLISH, TECHNIQUE
from dicomveil_engine.text.vocabulary import is_counted
from dicomveil_engine.text.words_of_text import Word, ends_like_medicine

_OFTEN = 3
"""Patients with the word in their names, from which it is often a name."""
_FEW = 3
"""Patients with the word in their texts, below which it is rare."""


class ArchiveWord(Enum):
    """How a word is used in the archive, the most suspicious use first."""

    OFTEN_A_NAME = 2
    A_NAME = 1
    RARE = 0


def archive_words(text: AnalysedText) -> ArchiveWord | None:
    """The most suspicious use among the words of a text; None if there is none, or the policy has no vocabulary."""
    found = [use for word in text.words if (use := _of_word(text, word)) is not None]
    return max(found, key=lambda use: use.value, default=None)


def _of_word(text: AnalysedText, word: Word) -> ArchiveWord | None:
    vocabulary = text.settings.vocabulary
    if vocabulary is None or not is_counted(word.folded) or word.kind & TECHNIQUE:
        return None
    counts = vocabulary.counts(word.folded)
    if counts.is_name:
        return ArchiveWord.OFTEN_A_NAME if counts.by_name >= _OFTEN else ArchiveWord.A_NAME
    is_rare = counts.by_text < _FEW and not word.kind & ENGLISH and not ends_like_medicine(word.folded)
    return ArchiveWord.RARE if is_rare else None
