"""What is legal for one element."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.valuerep import VALIDATORS

from dicomveil_engine.part10.elements import read_elements
from dicomveil_engine.reports.validation.value import is_multiplicity, problems_of
from engine.datasets import BIG, EXPLICIT, element, header, instance

LATIN_1 = element(0x00080005, "CS", "ISO_IR 100")
UTF_8 = element(0x00080005, "CS", "ISO_IR 192")


def problems(tag: int, vr: str, value: object, charset: bytes = b"", syntax: str = EXPLICIT) -> list[str]:
    """What is wrong with the one element of an instance."""
    *_, read = read_elements(instance(charset, element(tag, vr, value, syntax), syntax=syntax))
    return problems_of(read)


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x00080054, "AE", "STATION"),
        (0x00101010, "AS", "045Y"),
        (0x00080060, "CS", "CT"),
        (0x00080008, "CS", "ORIGINAL\\PRIMARY\\\\A B_1"),
        (0x00080020, "DA", "20240229"),
        (0x00101030, "DS", "-1.5E+3"),
        (0x0008002A, "DT", "20240229101530.5+0100"),
        (0x00200013, "IS", " 12 "),
        (0x00100020, "LO", "PATIENT-1"),
        (0x00104000, "LT", "line\r\nline\\"),
        (0x00100010, "PN", "Doe^Jane^^^=Doe^Jane="),
        (0x00080050, "SH", "A" * 16),
        (0x00080030, "TM", "101560.000001"),
        (0x00080018, "UI", "1.2.3.0"),
        (0x00081190, "UR", "http://example.org/a?b=c"),
        (0x00280010, "US", 512),
        (0x00280009, "AT", [0x00181063]),
        (0x00189087, "FD", [0.5]),
        (0x00100010, "PN", ""),
        (0x00080020, "DA", "20240229  "),
        (0x00420011, "OB", b"\x01\x02"),
        (0x00091001, "LO", "A\\B"),
        (0x0018103F, "UN", b"\x01\x02"),
    ],
)
def test_what_is_legal_is_no_problem(tag: int, vr: str, value: object) -> None:
    """One of each kind; padding is not part of a value, and no value is any multiplicity."""
    assert problems(tag, vr, value) == []


@pytest.mark.parametrize(
    ("tag", "vr", "value", "what"),
    [
        (0x00080054, "AE", "A\tB", "has characters that AE does not allow, or is blank"),
        (0x00101010, "AS", "45Y", "is not an age, three digits and D, W, M or Y"),
        (
            0x00080060,
            "CS",
            "ct",
            "has characters that CS does not allow: it has capitals, digits, blanks and underscores",
        ),
        (0x00080060, "CS", "A" * 17, "is longer than 16 characters"),
        (0x00080020, "DA", "20240230", "is not a date YYYYMMDD"),
        (0x00080020, "DA", "2024.02.29", "is not a date YYYYMMDD"),
        (0x00080020, "DA", "20240101-20240102", "is not a date YYYYMMDD"),
        (0x00101030, "DS", "1,5", "is not a decimal number"),
        (0x00101030, "DS", "1.2345678901234567", "is longer than 16 characters"),
        (0x0008002A, "DT", "2024022910153", "is not a date and time YYYYMMDDHHMMSS.FFFFFF&ZZXX"),
        (0x00200013, "IS", "1.0", "is not a whole number of 32 bits"),
        (0x00200013, "IS", "2147483648", "is not a whole number of 32 bits"),
        (0x00100020, "LO", "A" * 65, "is longer than 64 characters"),
        (0x00100020, "LO", "A\nB", "has control characters"),
        (0x00104000, "LT", "A\x01", "has control characters"),
        (
            0x00100010,
            "PN",
            "A=B=C=D",
            "is not a person name, at most 3 groups of 64 characters and 5 components, without control characters",
        ),
        (0x00080030, "TM", "10:15", "is not a time HHMMSS.FFFFFF"),
        (0x00080018, "UI", "1.02", "is not a UID"),
        (0x00080018, "UI", "1." * 32 + "11", "is longer than 64 characters"),
        (0x00081190, "UR", "http://example.org/a b", "is not a URI"),
        (0x00280010, "US", [1, 2], "has a number of values that its attribute does not allow: 1"),
        (0x00080008, "CS", "ORIGINAL", "has a number of values that its attribute does not allow: 2-n"),
        (0x00280010, "UL", 1, "has a VR that its attribute does not have: US"),
        (0x00189087, "FD", b"\1\0\0\0", "has a length that does not fit its VR"),
        (0x00281201, "OF", b"\1\0", "has a length that does not fit its VR"),
    ],
)
def test_what_is_not_legal_is_said(tag: int, vr: str, value: object, what: str) -> None:
    """In a phrase without the value."""
    assert what in problems(tag, vr, value)


def test_a_fault_is_said_once_for_all_values() -> None:
    """Twenty wrong values of one element are one problem."""
    assert problems(0x00181164, "DS", "a\\b") == ["is not a decimal number"]


def test_characters_must_be_in_the_character_set() -> None:
    """The default repertoire is ASCII (PS3.5 Section 6.1.2.1); UTF-8 must be UTF-8."""
    missing = ["has characters that the Specific Character Set does not have"]

    assert problems(0x00100020, "LO", b"\xe9 ") == missing
    assert problems(0x00100020, "LO", b"\xe9 ", LATIN_1) == []
    assert problems(0x00100020, "LO", b"\xe9 ", UTF_8) == missing
    assert problems(0x00100020, "LO", b"\xc3\xa9", UTF_8) == []


def test_an_odd_length_is_no_length() -> None:
    """PS3.5 Section 7.1.1."""
    *_, read = read_elements(instance(header(0x00080060, "CS", 3) + b"CTX"))

    assert problems_of(read) == ["has an odd length"]


def test_an_unknown_vr_is_said() -> None:
    """Its value is not looked at."""
    *_, read = read_elements(instance(LATIN_1, header(0x00080060, "ZZ", 2) + b"CT"))

    assert problems_of(read) == ["has a VR that PS3.5 does not know"]


def test_byte_order_is_minded() -> None:
    """A number is read in the encoding of its data set."""
    assert problems(0x00280002, "US", 3, syntax=BIG) == []


@pytest.mark.parametrize(
    ("written", "legal", "illegal"),
    [("1", [1], [2]), ("1-3", [1, 3], [4]), ("1-n", [1, 99], []), ("2-2n", [2, 4], [1, 3]), ("3-3n", [3, 6], [4])],
)
def test_multiplicities(written: str, legal: list[int], illegal: list[int]) -> None:
    """As PS3.6 Section 6 explains them."""
    assert [count for count in legal + illegal if is_multiplicity(count, written)] == legal


_PYDICOM = [vr for vr in ("AS", "CS", "DS", "IS", "UI", "LO", "SH", "PN") if vr in VALIDATORS]


@given(st.sampled_from(_PYDICOM), st.text("AZaz019.+-^= \tDWMY", max_size=20).map(lambda text: text.strip(" ")))
def test_what_pydicom_refuses_is_a_problem(vr: str, text: str) -> None:
    """Ours finds all that pydicom's validators find."""
    tags = {"AS": 0x00101010, "CS": 0x00080060, "DS": 0x00101030, "IS": 0x00200013, "UI": 0x00080018}
    tag = tags.get(vr, {"LO": 0x00100020, "SH": 0x00080050, "PN": 0x00100010}.get(vr, 0))
    validator: Any = VALIDATORS[vr]
    is_valid, _ = validator(vr, text)

    assert is_valid or problems(tag, vr, text) != []
