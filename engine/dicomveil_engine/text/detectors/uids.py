"""UID: DICOM's unique identifiers and OIDs."""

from __future__ import annotations

from collections.abc import Iterator

from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.patterns import late_pattern

_UID = late_pattern(r"(?:urn:oid:)?(?<![\d.])(?:[012]\.\d{1,64}(?:\.\d{1,64}){3,}|2\.25\.\d{1,64})")
"""Four numbers are an IP address, five or more a UID."""


def find(reading: AnalysedText) -> Iterator[Finding]:
    """The UIDs in a text."""
    if reading.plain.count(".") > 1:
        for match in _UID.finditer(reading.plain):
            yield Finding(*match.span(), Infotype.UID, Likelihood.VERY_LIKELY, "written like a UID")
