"""PERSON_NAME behind a title with its full stop: Dr. Roe, Prof. Dr. J. Roe-Poe."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.reading import Reading

_LETTER = r"[^\W\d_]"
_TITLED = re.compile(
    rf"(?<!{_LETTER})((?:dr|dra|dott|prof|mr|mrs|ms)\.[ ]*)(?:(?:dr|dra|dott|med|prof)\.[ ]*){{0,3}}"
    rf"(?:{_LETTER}\.[ ]*){{0,3}}{_LETTER}+(?:['-]{_LETTER}+)*"
)


def find(reading: Reading) -> Iterator[Finding]:
    """The names behind titles of a text."""
    if "." in reading.plain:
        for match in _TITLED.finditer(reading.plain):
            yield Finding(*match.span(), Infotype.PERSON_NAME, Likelihood.VERY_LIKELY, "a name behind a title")
