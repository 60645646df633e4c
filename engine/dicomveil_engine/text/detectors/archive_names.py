"""PERSON_NAME of words that the archive's vocabulary knows as names, and in strict mode words that nobody knows.

Only where a policy names a vocabulary. The rule counts patients: what far more of them have in a text than in a name is
no name. Beside a word such as "disease" or "sign" a name is an eponym.
"""

from __future__ import annotations

from collections.abc import Iterator

from dicomveil_engine.text.detectors.persons import is_eponym_at
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.gazetteer import TECHNIQUE
from dicomveil_engine.text.reading import Reading
from dicomveil_engine.text.vocabulary import is_counted
from dicomveil_engine.text.words_of_text import ends_like_medicine


def find(reading: Reading) -> Iterator[Finding]:
    """The words of a text that are names in the archive."""
    vocabulary, strict = reading.settings.vocabulary, reading.settings.strict_patients
    if vocabulary is None:
        return
    for index, word in enumerate(reading.words):
        if not is_counted(word.folded):
            continue
        counts = vocabulary.counts(word.folded)
        if counts.is_name and not word.kind & TECHNIQUE:
            if not is_eponym_at(reading, index):
                yield Finding(word.start, word.end, Infotype.PERSON_NAME, Likelihood.LIKELY, "a name in the archive")
        elif (
            strict
            and not reading.is_prose
            and not word.kind & TECHNIQUE
            and counts.by_text < strict
            and not ends_like_medicine(word.folded)
        ):
            why = "a word of few patients' texts"
            yield Finding(word.start, word.end, Infotype.PERSON_NAME, Likelihood.POSSIBLE, why)
