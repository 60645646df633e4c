"""National numbers: check digits, or a cue."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.text.detectors import checksums
from engine.text_detection import found, infotypes, left

Check = Callable[[str], bool]
KINDS: list[tuple[str, Check, int, str]] = [
    ("UK_NATIONAL_HEALTH_SERVICE_NUMBER", checksums.nhs, 10, "NHS"),
    ("BRAZIL_CPF_NUMBER", checksums.cpf, 11, "CPF"),
    ("POLAND_PESEL_NUMBER", checksums.pesel, 11, "PESEL"),
    ("TURKEY_ID_NUMBER", checksums.tckn, 11, "TCKN"),
    ("NETHERLANDS_BSN_NUMBER", checksums.bsn, 9, "BSN"),
    ("JAPAN_INDIVIDUAL_NUMBER", checksums.my_number, 12, "My Number"),
]


@pytest.mark.parametrize("kind", KINDS, ids=[kind[0] for kind in KINDS])
@given(data=st.data())
def test_numbers_of_digits(kind: tuple[str, Check, int, str], data: st.DataObject) -> None:
    """Found by the check digit alone; mistyped ones behind a word for them."""
    infotype, check, length, cue = kind
    body = data.draw(st.text("0123456789", min_size=length - 2, max_size=length - 2).filter(lambda one: one[0] != "0"))
    ends = [f"{end:02d}" for end in range(100)]
    right = next((body + end for end in ends if check(body + end)), None)
    wrong = next(body + end for end in ends if not check(body + end))

    if right is not None:
        assert found("national_ids", f"id {right}, left") == [right]
        left("national_ids", f"id {right}")
    assert infotype not in infotypes("national_ids", f"x {wrong} y")
    assert found("national_ids", f"{cue} {wrong}") == [wrong]


@pytest.mark.parametrize(
    ("text", "infotype"),
    [
        ("123-45-6789", "US_SOCIAL_SECURITY_NUMBER"),
        ("912-71-1234", "US_INDIVIDUAL_TAXPAYER_IDENTIFICATION_NUMBER"),
        ("1EG4-TE5-MK73", "US_MEDICARE_BENEFICIARY_ID_NUMBER"),
        ("12345678Z", "SPAIN_DNI_NUMBER"),
        ("X1234567L", "SPAIN_NIE_NUMBER"),
        ("RSSMRA85T10A562S", "ITALY_FISCAL_CODE"),
        ("850709-9805", "SWEDEN_NATIONAL_ID_NUMBER"),
        ("046-454-286", "CANADA_SOCIAL_INSURANCE_NUMBER"),
        ("11010519491231002X", "CHINA_RESIDENT_ID_NUMBER"),
        ("900101-1234567", "KOREA_RRN"),
    ],
)
def test_notations(text: str, infotype: str) -> None:
    """Those with letters or hyphens; examples that the issuing bodies publish."""
    assert infotypes("national_ids", f"no {text} here") == [infotype]


@pytest.mark.parametrize(
    "text", ["666-45-6789", "000-45-6789", "12345678A", "X1234567A", "RSSMRA85T10A562T", "046-454-287", "3200 1600 12"]
)
def test_wrong_check_digits_stay(text: str) -> None:
    """Without a cue they are numbers like others, and other detectors' business."""
    assert found("national_ids", text) == []
