"""The tag notations of the rule language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.attributes.tags import parse_pattern
from dicomveil_engine.errors import ConfigurationError

TAGS = st.integers(0, 0xFFFF_FFFF)


@pytest.mark.parametrize(
    "text",
    ["(0010,0010)", "0010,0010", "00100010", "(0010, 0010)", " ( 0010 , 0010 ) ", "0010 0010", "PatientName"],
)
def test_one_tag_in_every_notation(text: str) -> None:
    """Blanks mean nothing: `(0010, 0010)` is PatientName, and not (0010,0001) as in the Microsoft tool."""
    pattern = parse_pattern(text)

    assert (pattern.tag, pattern.text) == (0x00100010, "(0010,0010)")
    assert pattern.matches(0x00100010, "PN", None)
    assert not pattern.matches(0x00100001, "PN", None)


@pytest.mark.parametrize(
    ("text", "canonical", "inside", "outside"),
    [
        ("50xx,xxxx", "(50xx,xxxx)", 0x50120005, 0x51000005),
        ("(60XX,3000)", "(60xx,3000)", 0x60023000, 0x60024000),
        ("60xx3000", "(60xx,3000)", 0x60FE3000, 0x61003000),
        ("OverlayData", "(60xx,3000)", 0x60023000, 0x60000010),
        ("CurveDataRETIRED", "(50xx,3000)", 0x50023000, 0x50020010),
        ("0040xxxx", "(0040,xxxx)", 0x0040A124, 0x00410000),
        ("(0040, xxxx)", "(0040,xxxx)", 0x00400001, 0x00420001),
        ("xxxb,xxxx", "(xxxB,xxxx)", 0x001B1001, 0x001A1001),
    ],
)
def test_masks(text: str, canonical: str, inside: int, outside: int) -> None:
    """An x is any digit, with or without a comma."""
    pattern = parse_pattern(text)

    assert (pattern.text, pattern.tag) == (canonical, None)
    assert pattern.matches(inside, "LO", None)
    assert not pattern.matches(outside, "LO", None)


def test_vr() -> None:
    """A VR meets every element of that VR, private ones too."""
    pattern = parse_pattern("DA")

    assert (pattern.vr, pattern.tag, pattern.group) == ("DA", None, None)
    assert pattern.matches(0x00091001, "DA", "ACME")
    assert not pattern.matches(0x00080020, "DT", None)


@pytest.mark.parametrize(
    "text", ["(0009,1001:ACME 1.1)", "(0009,xx01:ACME 1.1)", "0009,0001:ACME 1.1", "(0009, bb01: ACME 1.1 )"]
)
def test_private_attribute_with_creator_is_met_in_any_block(text: str) -> None:
    """The block is the data set's choice; the creator decides, and its own element is not one of them."""
    pattern = parse_pattern(text)

    assert (pattern.text, pattern.tag) == ("(0009,xx01:ACME 1.1)", None)
    assert pattern.matches(0x00091001, "LO", "ACME 1.1")
    assert pattern.matches(0x0009FF01, "LO", "ACME 1.1")
    assert not pattern.matches(0x00091001, "LO", "OTHER")
    assert not pattern.matches(0x00091001, "LO", None)
    assert not pattern.matches(0x00091002, "LO", "ACME 1.1")
    assert not parse_pattern("(0009,xx10:ACME)").matches(0x00090010, "LO", "ACME")


def test_a_creator_may_hold_parentheses() -> None:
    """Only the last parenthesis belongs to the notation."""
    assert parse_pattern("(0009,xx01:ACME (X))").creator == "ACME (X)"


def test_private_number_without_creator_is_met_whatever_the_creator() -> None:
    """The Microsoft tool never meets such an element, and leaks it."""
    pattern = parse_pattern("(0009,1001)")

    assert pattern.tag is None
    assert pattern.matches(0x00091001, "LO", "ACME")
    assert pattern.matches(0x00091001, "LO", None)


@given(TAGS)
def test_every_tag_is_met_by_its_own_notation_alone(tag: int) -> None:
    """Writing a tag and parsing it is the identity."""
    pattern = parse_pattern(f"({tag >> 16:04x},{tag & 0xFFFF:04x})")

    assert pattern.matches(tag, "UN", None)
    assert not pattern.matches(tag ^ 1, "UN", None)


@given(TAGS, st.integers(0, 7), st.integers(0, 7))
def test_covers_never_promises_too_much(tag: int, first: int, second: int) -> None:
    """What a covered pattern meets, the covering one meets too."""
    digits = f"{tag:08X}"
    one = parse_pattern(digits[:first] + "x" + digits[first + 1 :])
    other = parse_pattern(digits[:second] + "x" + digits[second + 1 :])

    assert one.covers(other) is (first == second)
    assert parse_pattern("xxxxxxxx").covers(one)
    assert one.covers(parse_pattern(digits))
    assert not parse_pattern(digits).covers(one)


def test_covers_looks_at_creators_and_vrs() -> None:
    """A number covers the same number of any creator, a creator only itself, a VR only itself."""
    number, acme, da = map(parse_pattern, ("(0009,xx01)", "(0009,xx01:ACME)", "DA"))

    assert number.covers(acme)
    assert not acme.covers(number)
    assert not acme.covers(parse_pattern("(0009,xx01:OTHER)"))
    assert da.covers(da)
    assert not da.covers(parse_pattern("StudyDate"))
    assert not number.covers(da)


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("(0010,0010)", False),
        ("(0010,xxxx)", False),
        ("(0009,1001)", True),
        ("(0009,xx01:ACME)", True),
        ("xxxx,0010", True),
        ("LO", True),
    ],
)
def test_may_match_private(text: str, private: bool) -> None:
    """Whether private elements must be looked at because of this rule."""
    assert parse_pattern(text).may_match_private is private


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("", "is not a tag"),
        ("(0040)", "is not a tag"),
        ("00100010garbage", "is not a tag"),
        ("(0010,0010", "is not a tag"),
        ("NONE", "is not a keyword"),
        ("patientname", 'did you mean "PatientName"?'),
        ("PatientNam", 'did you mean "PatientName"?'),
        ("da", 'did you mean "DA"?'),
        ("(0010,0010:ACME)", "odd group"),
        ("(000x,xx01:ACME)", "odd group"),
        ("(0009,0F01:ACME)", "a private block is 10 to FF"),
        ("(0009,1x01:ACME)", "a private block is 10 to FF"),
        ("(0009,xx01:)", "1 to 64 characters"),
        ("(0009,xx01:" + 65 * "A" + ")", "1 to 64 characters"),
    ],
)
def test_bad_notation_is_refused_with_a_mend(text: str, mend: str) -> None:
    """Nothing is guessed, for a rule that means another tag leaks this one."""
    with pytest.raises(ConfigurationError) as error:
        parse_pattern(text)

    assert mend in str(error.value)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("PatientName", True),
        ("(0009,1001)", True),
        ("(0009,xx01:ACME)", True),
        ("(60xx,0022)", True),
        ("(0010,00xx)", False),
        ("(xxxx,xxxx)", False),
        ("LO", False),
    ],
)
def test_which_patterns_name_one_attribute(text: str, is_one: bool) -> None:
    """Wherever its private block or repeating group is."""
    assert parse_pattern(text).names_one_attribute is is_one
