"""PERSON_NAME: words that are names in the archive's vocabulary, and in strict mode unknown words.

It needs a policy with a vocabulary. A word is not a name if far more patients have it in a text than in a name. The
more a word looks like one of a language, the more patients must have it in their name: some are called Weeks or Der.
Words of imaging, eponyms, words next to numbers, and names of devices and diseases, which the next word shows, are left
to `persons`, which finds them next to a cue.
"""

from __future__ import annotations

from collections.abc import Iterator

from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.gazetteer import ENGLISH, TECHNIQUE
from dicomveil_engine.text.person_cues import PersonText, is_eponym, is_no_name
from dicomveil_engine.text.vocabulary import Counts, is_counted
from dicomveil_engine.text.words_of_text import Case, Word, ends_like_medicine

_SEVERAL = 3
"""Patients who must have a word in their name, if by its form it could be another word."""
_SHORTEST_CAPITALS = 4
"""Letters of a name in capitals; shorter ones may be abbreviations."""


def find(reading: AnalysedText) -> Iterator[Finding]:
    """The words of a text that are names in the archive's vocabulary."""
    vocabulary, strict = reading.settings.vocabulary, reading.settings.strict_patients
    if vocabulary is None:
        return
    words = PersonText(reading, reading.words)
    for index, word in enumerate(reading.words):
        if not is_counted(word.folded) or word.kind & TECHNIQUE:
            continue
        counts = vocabulary.counts(word.folded)
        if _is_name(word, counts) and not words.is_eponym(index):
            yield Finding(word.start, word.end, Infotype.PERSON_NAME, Likelihood.LIKELY, "a name in the archive")
        elif strict and not reading.is_prose and counts.by_text < strict and not ends_like_medicine(word.folded):
            why = "a word of few patients' texts"
            yield Finding(word.start, word.end, Infotype.PERSON_NAME, Likelihood.POSSIBLE, why)


def _is_name(word: Word, counts: Counts) -> bool:
    """Whether a word is a name without a cue next to it."""
    if not counts.is_name or is_no_name(word.folded) or is_eponym(word.folded):
        return False
    if word.case is Case.UPPER and len(word.folded) < _SHORTEST_CAPITALS:
        return False
    if word.kind & ENGLISH:
        return word.case is Case.TITLE and counts.by_name >= _SEVERAL
    return word.case is not Case.LOWER or counts.by_name >= _SEVERAL
