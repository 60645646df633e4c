"""IBAN_CODE, SWIFT_CODE and CREDIT_CARD_NUMBER."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.detectors import checksums
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.patterns import late_pattern

_IBAN = late_pattern(r"(?<![^\W_])[a-z]{2}\d\d(?:[ ]?[a-z0-9]{4}){2,7}(?:[ ]?[a-z0-9]{1,3})?(?![^\W_])")
_IBAN_CUE = late_pattern(r"iban|konto|account|compte|cuenta|conto|rekening")
_SWIFT = late_pattern(
    r"(?<![^\W_])(?:bic|swift)[a-z /:.\-]{0,12}?[ :.\-]([a-z]{6}[a-z0-9]{2}(?:[a-z0-9]{3})?)(?![^\W_])"
)
_CARD = late_pattern(
    r"(?<![^\W_])(?<!\d[.,\-])(?:[2-6]\d{3}(?:([ \-]?)\d{4}\1\d{4}\1\d{1,7})|3[47]\d\d[ \-]?\d{6}[ \-]?\d{5})(?![^\W_])"
)
_CARD_CUE = late_pattern(r"card|visa|mastercard|amex|karte|carte|tarjeta|carta|kredit|credit")
_REACH = 30
_SEPARATORS = late_pattern(r"[ \-]")


def find(reading: AnalysedText) -> Iterator[Finding]:
    """The bank accounts and credit cards in a text."""
    text = reading.plain
    for match in _SWIFT.finditer(text) if "bic" in text or "swift" in text else ():
        yield Finding(*match.span(1), Infotype.SWIFT_CODE, Likelihood.LIKELY, "a code after a word for it")
    if reading.digits < 10:
        return
    for match in _IBAN.finditer(text):
        if checksums.iban(_SEPARATORS.sub("", match[0])) or _has_cue(_IBAN_CUE, text, match):
            yield Finding(*match.span(), Infotype.IBAN_CODE, Likelihood.VERY_LIKELY, "written like an IBAN")
    for match in _CARD.finditer(text):
        if checksums.luhn(_SEPARATORS.sub("", match[0])) or _has_cue(_CARD_CUE, text, match):
            yield Finding(
                *match.span(), Infotype.CREDIT_CARD_NUMBER, Likelihood.VERY_LIKELY, "written like a card's number"
            )


def _has_cue(cue: re.Pattern[str], text: str, match: re.Match[str]) -> bool:
    return cue.search(text, max(0, match.start() - _REACH), match.start()) is not None
