"""GENERIC_ID: long numbers of an unknown kind.

A blank or an underscore ends a number: "512 512 300" are three. Groups are one number only if hyphens join them, and
they are not a series of b-values or sizes.
"""

from __future__ import annotations

from collections.abc import Iterator

from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.patterns import late_pattern

_SHORTEST = 7
"""Digits. Shorter numbers need a cue (`record_numbers`) or the form of one of the instance's own numbers."""
_LONG = late_pattern(r"\d{7}|[a-z]-\d{5}")
_NUMBER = late_pattern(
    r"(?<![^\W_])(?<!\d[.,])(?:[a-z]{0,5}\d{7,}[a-z]{0,3}|[a-z]{1,5}-\d{5,})(?![^\W_])(?![.,]\d)|(?<!\d)(?<!\d[.,])\d{9,}(?!\d)"
)
_HYPHENATED = late_pattern(r"(?<![^\W_])(?<![.,\-])[a-z]{0,5}-?\d+(?:-\d+){1,5}(?:-[a-z0-9]{1,3})?(?![^\W_])(?![.,]\d)")
_MIXED = late_pattern(r"(?<![^\W_])(?=[a-z]{0,12}\d)[a-z0-9]{12,40}(?![^\W_])")
_MOST_LETTERS_OF_MIXED = 8
_DECIMAL = late_pattern(r"(?<!\d)(?<!\d[.,])\d{7,}[.,]\d+")
_DIGITS = late_pattern(r"\d+")


def find(reading: AnalysedText) -> Iterator[Finding]:
    """The long numbers in a text."""
    text = reading.plain
    for pattern in (_NUMBER, _DECIMAL) if _LONG.search(text) else ():
        for match in pattern.finditer(text):
            yield Finding(*match.span(), Infotype.GENERIC_ID, Likelihood.POSSIBLE, "a number of seven digits or more")
    for match in _MIXED.finditer(text) if reading.digits >= _SHORTEST else ():
        digits = sum(map(str.isdigit, match[0]))
        if digits >= _SHORTEST and 0 < len(match[0]) - digits <= _MOST_LETTERS_OF_MIXED:
            yield Finding(*match.span(), Infotype.GENERIC_ID, Likelihood.POSSIBLE, "digits and letters, and many")
    if "-" in text and reading.digits >= _SHORTEST:
        for match in _HYPHENATED.finditer(text):
            if _is_identifier(_DIGITS.findall(match[0])):
                yield Finding(*match.span(), Infotype.GENERIC_ID, Likelihood.POSSIBLE, "digits in groups")


def _is_identifier(groups: list[str]) -> bool:
    if sum(map(len, groups)) < _SHORTEST:
        return False
    # b-values, sizes, echo times: 0-500-1000, 1200-1500.
    return not all(int(group) % 50 == 0 for group in groups)
