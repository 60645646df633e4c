"""EMAIL_ADDRESS."""

from __future__ import annotations

from collections.abc import Iterator

from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.patterns import late_pattern

_EMAIL = late_pattern(r"(?<![\w.+%'\-])[\w.+%'\-]{1,128}@[\w.\-]{1,255}(?<=\w)")


def find(reading: AnalysedText) -> Iterator[Finding]:
    """The e-mail addresses in a text."""
    for match in _EMAIL.finditer(reading.plain):
        yield Finding(*match.span(), Infotype.EMAIL_ADDRESS, Likelihood.VERY_LIKELY, "written like an e-mail address")
