"""What an archive's vocabulary says of the words of a value that is left: of those of third persons, above all.

A name that stands in no attribute of its instance is what cleaning misses most. Its words are frequent in the archive's
PN attributes, or rare in its texts; words of technique are the other way round.
"""

from __future__ import annotations

from enum import Enum

from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.gazetteer import ENGLISH, TECHNIQUE
from dicomveil_engine.text.vocabulary import is_counted
from dicomveil_engine.text.words_of_text import Word, ends_like_medicine

_OFTEN = 3
"""Patients in whose names a word stands that is looked at first."""
_FEW = 3
"""Patients: a word that fewer have in their texts is rare."""


class ArchiveWord(Enum):
    """How a word stands in the archive, what says most first."""

    OFTEN_A_NAME = 2
    A_NAME = 1
    RARE = 0


def archive_words(text: AnalysedText) -> ArchiveWord | None:
    """What says most of the words of a text; None where nothing does, or the policy has no vocabulary."""
    found = [each for word in text.words if (each := _of_word(text, word)) is not None]
    return max(found, key=lambda each: each.value, default=None)


def _of_word(text: AnalysedText, word: Word) -> ArchiveWord | None:
    vocabulary = text.settings.vocabulary
    if vocabulary is None or not is_counted(word.folded) or word.kind & TECHNIQUE:
        return None
    counts = vocabulary.counts(word.folded)
    if counts.is_name:
        return ArchiveWord.OFTEN_A_NAME if counts.by_name >= _OFTEN else ArchiveWord.A_NAME
    is_rare = counts.by_text < _FEW and not word.kind & ENGLISH and not ends_like_medicine(word.folded)
    return ArchiveWord.RARE if is_rare else None
