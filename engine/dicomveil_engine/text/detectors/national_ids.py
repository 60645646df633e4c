"""National numbers of persons, by notation and check digits, or by a cue if the digits are mistyped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

from dicomveil_engine.text.analysed_text import AnalysedText
from dicomveil_engine.text.detectors import checksums
from dicomveil_engine.text.finding import Finding, Infotype, Likelihood
from dicomveil_engine.text.patterns import late_pattern

_SEPARATORS = late_pattern(r"[ .\-/]")
_MOST = late_pattern(r"\d(?:[ .\-/+]?\d){6}")
"""A pattern that all have, except those with letters."""
_FEWEST_OF_MOST = 7
_FEWEST_DIGITS = {
    Infotype.US_SOCIAL_SECURITY_NUMBER: 9,
    Infotype.US_INDIVIDUAL_TAXPAYER_IDENTIFICATION_NUMBER: 9,
    Infotype.UK_NATIONAL_HEALTH_SERVICE_NUMBER: 10,
    Infotype.FRANCE_NIR: 12,
    Infotype.SPAIN_DNI_NUMBER: 8,
    Infotype.SPAIN_NIE_NUMBER: 7,
    Infotype.NETHERLANDS_BSN_NUMBER: 9,
    Infotype.BRAZIL_CPF_NUMBER: 11,
    Infotype.POLAND_PESEL_NUMBER: 11,
    Infotype.TURKEY_ID_NUMBER: 11,
    Infotype.KOREA_RRN: 13,
    Infotype.CHINA_RESIDENT_ID_NUMBER: 17,
    Infotype.JAPAN_INDIVIDUAL_NUMBER: 12,
    Infotype.SWEDEN_NATIONAL_ID_NUMBER: 10,
    Infotype.CANADA_SOCIAL_INSURANCE_NUMBER: 9,
}
"""Infotype → digits that a text needs; the others have letters."""
_MOST_DIGITS = max(_FEWEST_DIGITS.values())
_REACH = 40
"""Characters before a number that are searched for its cue."""


class _Notation(NamedTuple):
    infotype: Infotype
    pattern: re.Pattern[str]
    check: Callable[[str], bool]
    cue: re.Pattern[str]
    """A cue with which the check digits do not matter."""


def _notation(infotype: Infotype, pattern: str, check: Callable[[str], bool], cue: str) -> _Notation:
    return _Notation(
        infotype, late_pattern(rf"(?<![^\W_])(?<!\d[.,])(?:{pattern})(?![^\W_])"), check, late_pattern(cue)
    )


_NOTATIONS = (
    _notation(
        Infotype.US_SOCIAL_SECURITY_NUMBER, r"\d{3}-\d\d-\d{4}", checksums.ssn, r"ssn|social|soc\.? ?sec"
    ),
    _notation(Infotype.US_SOCIAL_SECURITY_NUMBER, r"\d{3} \d\d \d{4}", lambda _: False, r"ssn|social"),
    _notation(
        Infotype.US_INDIVIDUAL_TAXPAYER_IDENTIFICATION_NUMBER, r"9\d\d-\d\d-\d{4}", checksums.itin, "itin|tax"
    ),
    _notation(
        Infotype.US_MEDICARE_BENEFICIARY_ID_NUMBER,
        r"[1-9][ac-hjkmnp-rt-y][ac-hjkmnp-rt-y\d]\d-?[ac-hjkmnp-rt-y][ac-hjkmnp-rt-y\d]\d-?[ac-hjkmnp-rt-y]{2}\d\d",
        lambda _: True,
        "medicare|mbi",
    ),
    _notation(Infotype.UK_NATIONAL_HEALTH_SERVICE_NUMBER, r"\d{10}|\d{3}-\d{3}-\d{4}", checksums.nhs, "nhs"),
    _notation(
        Infotype.FRANCE_NIR,
        r"[1-478][ ]?\d\d[ ]?(?:0[1-9]|[1-9]\d)[ ]?(?:\d\d|2[ab])[ ]?\d{3}[ ]?\d{3}(?:[ ]?\d\d)",
        checksums.nir,
        r"\bnir\b|secu|nss|insee|vitale",
    ),
    _notation(Infotype.SPAIN_DNI_NUMBER, r"\d{2}\.?\d{3}\.?\d{3}[ \-]?[a-z]", checksums.dni, r"\b(?:dni|nif)\b"),
    _notation(Infotype.SPAIN_NIE_NUMBER, r"[xyz][ \-]?\d{7}[ \-]?[a-z]", checksums.nie, r"\bnie\b"),
    _notation(
        Infotype.ITALY_FISCAL_CODE,
        r"[a-z]{3}[ ]?[a-z]{3}[ ]?[\dlmnp-v]{2}[abcdehlmprst][\dlmnp-v]{2}[ ]?[a-z][\dlmnp-v]{3}[a-z]",
        checksums.codice_fiscale,
        r"codice fiscale|\bc\.?f\.?\b",
    ),
    _notation(
        Infotype.NETHERLANDS_BSN_NUMBER, r"\d{9}|\d{4}\.\d{2}\.\d{3}", checksums.bsn,
        r"\bbsn\b|burgerservice|sofi",
    ),
    _notation(Infotype.BRAZIL_CPF_NUMBER, r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}", checksums.cpf, r"\bcpf\b"),
    _notation(Infotype.POLAND_PESEL_NUMBER, r"\d{11}", checksums.pesel, "pesel"),
    _notation(Infotype.TURKEY_ID_NUMBER, r"[1-9]\d{10}|[1-9]\d\d \d{3} \d{3} \d\d", checksums.tckn,
              r"tckn|t\.?c\.? ?(?:kimlik|no)|kimlik"),
    _notation(Infotype.KOREA_RRN, r"\d{6}-?[1-8]\d{6}", checksums.rrn, "주민|rrn"),
    _notation(Infotype.CHINA_RESIDENT_ID_NUMBER, r"[1-9]\d{5}(?:18|19|20)\d{2}\d{4}\d{3}[\dx]|\d{17}[\dx]",
              checksums.chinese_id, "身份证|证件"),
    _notation(Infotype.JAPAN_INDIVIDUAL_NUMBER, r"\d{12}|\d{4}-\d{4}-\d{4}", checksums.my_number,
              "マイナンバー|個人番号|my number"),
    _notation(Infotype.SWEDEN_NATIONAL_ID_NUMBER, r"(?:\d\d)?\d{6}[\-+]\d{4}",
              lambda digits: checksums.luhn(digits[-10:]), "personnummer|pnr"),
    _notation(Infotype.CANADA_SOCIAL_INSURANCE_NUMBER, r"\d{3}-\d{3}-\d{3}", checksums.luhn,
              r"\bsin\b|social insurance"),
    # With blanks, a check digit is no evidence, since one in ten groups of three sizes has it; a cue is needed.
    *(
        _notation(infotype, pattern, lambda _: False, cue)
        for infotype, pattern, cue in (
            (Infotype.UK_NATIONAL_HEALTH_SERVICE_NUMBER, r"\d{3} \d{3} \d{4}", "nhs"),
            (Infotype.NETHERLANDS_BSN_NUMBER, r"\d{4} \d\d \d{3}|\d{3}[ .]\d{3}[ .]\d{3}", r"\bbsn\b|burgerservice"),
            (Infotype.JAPAN_INDIVIDUAL_NUMBER, r"\d{4} \d{4} \d{4}", "マイナンバー|個人番号|my number"),
            (Infotype.CANADA_SOCIAL_INSURANCE_NUMBER, r"\d{3} \d{3} \d{3}", r"\bsin\b|social insurance"),
        )
    ),
)  # fmt: skip


@cache
def _of_digits(digits: int) -> tuple[_Notation, ...]:
    """The notations that a text with this number of digits may have."""
    return tuple(notation for notation in _NOTATIONS if digits >= _FEWEST_DIGITS.get(notation.infotype, 0))


def find(reading: AnalysedText) -> Iterator[Finding]:
    """The national numbers in a text."""
    text = reading.plain
    has_group = reading.digits >= _FEWEST_OF_MOST and _MOST.search(text)
    for infotype, pattern, check, cue in _of_digits(min(reading.digits, _MOST_DIGITS) if has_group else 0):
        for match in pattern.finditer(text):
            if _is_issued(_SEPARATORS.sub("", match[0]), check):
                yield Finding(*match.span(), infotype, Likelihood.VERY_LIKELY, "a number with its check digits")
            elif cue.search(text, max(0, match.start() - _REACH), match.start()):
                yield Finding(*match.span(), infotype, Likelihood.LIKELY, "a number after a word for it")


def _is_issued(number: str, check: Callable[[str], bool]) -> bool:
    try:
        return check(number)
    except (KeyError, ValueError):
        return False
