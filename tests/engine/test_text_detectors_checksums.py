"""Check digits: what the issuers' own examples have, and what a wrong digit has not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dicomveil_engine.text.detectors import checksums

EXAMPLES: list[tuple[Callable[[str], bool], str]] = [
    (checksums.luhn, "4111111111111111"),
    (checksums.luhn, "79927398713"),
    (checksums.iban, "gb82west12345698765432"),
    (checksums.iban, "de89370400440532013000"),
    (checksums.nhs, "9434765919"),
    (checksums.nir, "255081416802538"),
    (checksums.dni, "12345678z"),
    (checksums.nie, "x1234567l"),
    (checksums.codice_fiscale, "rssmra85t10a562s"),
    (checksums.bsn, "111222333"),
    (checksums.cpf, "11144477735"),
    (checksums.pesel, "44051401359"),
    (checksums.tckn, "10000000146"),
    (checksums.chinese_id, "11010519491231002x"),
    (checksums.my_number, "123456789018"),
    (checksums.vin, "1m8gdm9axkp042788"),
]
"""Made up by the issuers, or by those who explain the rule, to be examples."""


@pytest.mark.parametrize(("check", "number"), EXAMPLES)
def test_examples(check: Callable[[str], bool], number: str) -> None:
    """They are right."""
    assert check(number)


@pytest.mark.parametrize(("check", "number"), EXAMPLES)
def test_one_wrong_digit(check: Callable[[str], bool], number: str) -> None:
    """Most of the numbers with one digit changed are wrong: that is what check digits are for."""
    places = [index for index, character in enumerate(number) if character.isdigit()]
    changed = [number[:at] + str((int(number[at]) + 1) % 10) + number[at + 1 :] for at in places]

    wrong = 0
    for one in changed:
        try:
            wrong += not check(one)
        except ValueError:
            wrong += 1
    assert wrong >= 0.8 * len(changed)


def test_numbers_without_check_digits() -> None:
    """What is never given is known by its ranges."""
    assert checksums.ssn("123456789")
    assert not any(map(checksums.ssn, ("000456789", "666456789", "900456789", "123006789", "123450000")))
    assert checksums.itin("912701234")
    assert not checksums.itin("912931234")
    assert checksums.rrn("9001011234567")
    assert not checksums.rrn("9013011234567")
    assert not checksums.cpf("11111111111")
