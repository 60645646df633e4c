"""URL: web addresses, with and without a scheme, and shares of a file server."""

from __future__ import annotations

from collections.abc import Iterator

from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.patterns import late_pattern

_DOMAINS = (
    "(?:com|org|net|edu|gov|mil|int|info|health|example|de|fr|es|it|nl|pl|uk|eu|ch|at|jp|cn|kr|ru|tr|br|us|ca|au)"
)
_URL = late_pattern(
    r"(?<![a-z0-9+.\-])[a-z][a-z0-9+.\-]{1,20}://\S+"
    r"|(?<![\w.])www\.\S+"
    rf"|(?<![\w.\-@])(?:[a-z0-9][a-z0-9\-]{{1,62}}\.){{1,8}}{_DOMAINS}(?![\w.\-])(?:/\S*)?"
)
_SHARE = late_pattern(r"\\\\[\w.\-]{2,64}(?=[\\\s]|\Z)")
"""The server's name only; the parts of the path after it are searched separately."""


def find(reading: AnalysedText) -> Iterator[Finding]:
    """The web addresses and file servers in a text."""
    text = reading.plain
    if "." in text or "://" in text:
        for match in _URL.finditer(text):
            yield Finding(*match.span(), Infotype.URL, Likelihood.VERY_LIKELY, "written like a web address")
    if "\\\\" in text:
        for match in _SHARE.finditer(text):
            yield Finding(*match.span(), Infotype.URL, Likelihood.VERY_LIKELY, "a file server's name")
