"""What kept values must look like."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.attributes._standard.registered_uids import is_registered
from dicomveil_engine.attributes.legality import (
    TIME_ZONE,
    Legality,
    is_class_uid,
    is_registered_uid,
    is_text,
    legal_character_sets,
    legal_values,
    legality_of,
    may_identify,
    plain,
)

SOP_CLASS_UID = 0x00080016
CT = "1.2.840.10008.5.1.4.1.1.2"
HARMLESS = {
    "AS": ["045Y", "003W"],
    "CS": ["HEAD", "AXIAL", "ORIGINAL", "MONOCHROME2", "HFS", "T2_TSE", "CLOSED_PLANAR", "PA", "L"],
    "DA": ["20200229", "2020.02.29"],
    "DS": ["1", "-1.5E-3", "-2.1231233241e-05", " .5 ", "1.", "12345", "0.7712345", "000012345"],
    "DT": ["2020", "20200101101010.5+0100"],
    "IS": ["-21474", "+7 ", "4.0"],
    "TM": ["10", "101530.123456", "235960", "10:15:30.5"],
    "UI": [CT],
}
WORDS = {
    "AE": ["STORE 1"],
    "CS": ["DOE_JANE", "PAT 77123", "77123"],
    "DS": ["1234567", "-123456.5", "1.234567E6", "00123456"],
    "IS": ["123456", "-2147483648"],
    "LO": ["Doe"],
    "LT": ["a\\b\r\nc\t"],
    "PN": ["Doe^Jane"],
    "SH": ["108369006"],
    "UI": ["1.2.3", "1.2.840.10008.6.1.1234", "1.2.840.10008.5.1.4.1.1.777"],
    "UR": ["http://a/b?c=d#e"],
}
ILLEGAL = {
    "AE": ["a" * 17, "   ", "a\x00b", "é"],
    "AS": ["45Y", "045y", "Doe"],
    "CS": ["Doe", "A" * 17, "A-B", "19310517-DOE"],
    "DA": ["20200230", "2020.0202", "2020", "19310517 DOE"],
    "DS": ["1,5", "NaN", "1_0", "1 2", "12-03-1931", "555-1234", "1.2.3", "Doe", "1" * 33],
    "DT": ["20", "20200101T10", "20201301"],
    "IS": ["2147483648", "1.5", "1_0", "5/17"],
    "LO": ["a\x00b"],
    "LT": ["a\x00b"],
    "TM": ["24", "1", "101561", "19310517", "Doe", "10:1530"],
    "UI": ["1..2", "1.02", "1.a", "1." * 32 + "12", "."],
    "UR": ["http://a b", "ü"],
}


def cases(by_vr: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(vr, text) for vr, texts in by_vr.items() for text in texts]


@pytest.mark.parametrize(("vr", "text"), cases(HARMLESS))
def test_terms_and_short_numbers_are_harmless(vr: str, text: str) -> None:
    """They stay whatever the patient's name and identifiers are."""
    assert legality_of(text, vr) is Legality.HARMLESS


@pytest.mark.parametrize(("vr", "text"), cases(WORDS))
def test_other_legal_values_may_name_somebody(vr: str, text: str) -> None:
    """Words that are not terms, and numbers as long as identifiers."""
    assert legality_of(text, vr) is Legality.MAY_IDENTIFY


@pytest.mark.parametrize(("vr", "text"), cases(ILLEGAL))
def test_what_is_illegal_for_its_vr(vr: str, text: str) -> None:
    """PS3.5 Table 6.2-1 forbids it."""
    assert legality_of(text, vr) is Legality.ILLEGAL


@pytest.mark.parametrize(
    ("uid", "is_class"),
    [
        (CT, True),
        ("1.2.840.10008.5.1.4.1.1.777", True),
        ("1.2.840.10008.1.2.4.250", True),
        ("1.2.840.10008.6.1.1234", True),
        ("1.2.840.10008.6.1.19481231", False),
        ("1.2.840.10008.6.1.2000", False),
        ("1.2.840.10008.1.4.1.19", False),
        ("1.2.840.10008.5.1.4.1.1.511.1", True),
        ("1.3.46.670589.11.0.0.12.1", True),
        ("1.2.826.0.1.3680043.2.706.5476834", True),
        (f"{CT}.19310517", False),
        (f"{CT}.777.3", False),
        ("1.2.840.10008.5.1.4.1.1.9999", False),
        ("1.2.840.10008", False),
        ("1.2.840.10008.1.2.x", False),
        ("1.2.3.19310517", False),
        ("2.25.329800735698586629295641978511506172918", False),
        ("Doe", False),
    ],
)
def test_a_class_uid_names_a_class(uid: str, is_class: bool) -> None:
    """A registered one with nothing behind it, or an organization's without dates and long numbers."""
    assert is_class_uid(uid) is is_class
    assert (legality_of(uid, "UI", SOP_CLASS_UID) is not Legality.ILLEGAL) is is_class


def test_registered_uids_are_those_of_the_standard(shared: Path) -> None:
    """All that PS3.6 lists, and what the script writes."""
    source = shared / "standard" / "ps315_wellknown_uids.json"
    listed = [row["uid"] for row in json.loads(source.read_text())["uids"]]
    root = Path(__file__).parents[2]
    script = runpy.run_path(str(root / "scripts" / "generate_registered_uids.py"))
    shipped = root / "engine" / "dicomveil_engine" / "attributes" / "_standard" / "registered_uids.txt"

    assert all(map(is_registered_uid, listed))
    assert shipped.read_text().split() == script["uids"](source)
    assert not is_registered("1.2.3.4")


@pytest.mark.parametrize(
    ("text", "expected"), [("+0100", Legality.HARMLESS), ("-0000", Legality.ILLEGAL), ("Doe", Legality.ILLEGAL)]
)
def test_a_time_zone_is_an_offset(text: str, expected: Legality) -> None:
    """(0008,0201) is an SH with a form of its own."""
    assert legality_of(text, "SH", TIME_ZONE) is expected


def test_illegal_values_go_and_the_others_keep_their_places() -> None:
    """But of a list of numbers nothing stays: what would be left means something else."""
    values = ["ORIGINAL", "Doe", "AXIAL"]

    assert legal_values(values, "CS") == ["ORIGINAL", "", "AXIAL"]
    assert legal_values(["Doe"], "CS") == []
    assert legal_values(["1", "Doe", "3"], "DS") == []
    assert legal_values(values[:1], "CS") is not values
    assert legal_values(values[::2], "CS") == ["ORIGINAL", "AXIAL"]


def test_padding_is_no_part_of_a_value() -> None:
    """Blanks and NULs at the end are not looked at."""
    assert legality_of("101112", "TM") is Legality.HARMLESS
    assert legal_values(["101112 ", "1.2.3\0"], "TM") == ["101112 ", ""]
    assert not may_identify(["HEAD  "], "CS")
    assert may_identify(["HEAD", "DOE"], "CS")


@pytest.mark.parametrize(
    ("terms", "legal"),
    [
        (["ISO_IR 100"], ["ISO_IR 100"]),
        (["ISO_IR 100 "], ["ISO_IR 100"]),
        (["", "ISO 2022 IR 87"], ["", "ISO 2022 IR 87"]),
        (["iso-ir 100"], []),
        (["ISO-IR 100"], ["ISO_IR 100"]),
        (["utf8"], ["ISO_IR 192"]),
        (["Doe^Jane"], []),
        (["Doe^Jane", "ISO 2022 IR 87"], ["", "ISO 2022 IR 87"]),
        (["ISO 2022 IR 6", "Doe^Jane"], ["ISO 2022 IR 6"]),
        (["ISO_IR 19310517"], []),
    ],
)
def test_nothing_but_defined_terms_in_the_character_set(terms: list[str], legal: list[str]) -> None:
    """PS3.3 Section C.12.1.1.2; what is only misspelled is spelled right."""
    assert legal_character_sets(terms) == legal


@pytest.mark.parametrize(
    ("vr", "value", "expected"),
    [
        ("DS", b"1\\-2.5\\3. ", True),
        ("DS", b"12-03-1931", False),
        ("DS", b"123456", False),
        ("DS", b"1\\", False),
        ("DS", b"Doe", False),
        ("DS", b"1e5", False),
        ("IS", b"1\\-25 ", True),
        ("IS", b"123456", False),
        ("IS", b"1.5", False),
        ("TM", b"101112.5", True),
        ("TM", b"10 ", True),
        ("TM", b"19310312", False),
        ("TM", b"2401", False),
    ],
)
def test_most_numbers_and_times_are_known_by_their_bytes(vr: str, value: bytes, expected: bool) -> None:
    """They are as everybody's as one by one; of others the values must be looked at."""
    is_plain = plain(vr)

    assert is_plain
    assert bool(is_plain(value)) is expected
    assert not expected or all(
        legality_of(text.strip(), vr) is Legality.HARMLESS for text in value.decode().split("\\")
    )
    assert plain("LO") is None


numbers = st.lists(st.from_regex(r"-?[0-9]{1,7}(\.[0-9]{0,22})? ?", fullmatch=True), min_size=1).map("\\".join)


@given(st.sampled_from(["DS", "IS", "TM"]), numbers | st.text("0123456789.-+:eE \\", max_size=20))
def test_what_is_plain_is_harmless(vr: str, text: str) -> None:
    """The quick look never passes what the slow one would not."""
    is_plain = plain(vr)

    assert is_plain
    value = text.encode()
    assert bool(is_plain(b"7." + value + b".8\\", 2, 2 + len(value))) is bool(is_plain(value))
    if is_plain(value):
        assert all(legality_of(one.rstrip(" "), vr) is Legality.HARMLESS for one in text.split("\\"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(b"Doe^Jane", True), (b"Doe\0\0", True), (b"\0\1\2\3", False), (b"", False), (b"\xff\xd8", False)],
)
def test_text_in_the_place_of_binary_values(value: bytes, expected: bool) -> None:
    """It is looked at as a text."""
    assert is_text(value) is expected


@pytest.mark.parametrize(
    ("text", "expected"), [("DCM", Legality.HARMLESS), ("HEAD", Legality.HARMLESS), ("99DOE", Legality.MAY_IDENTIFY)]
)
def test_coding_schemes_are_harmless(text: str, expected: Legality) -> None:
    """A code without its scheme means nothing."""
    assert legality_of(text, "SH", 0x00080102) is expected
    assert legality_of(text, "SH", 0x00080050) is Legality.MAY_IDENTIFY
