"""When a value of an attribute matches what a query asks for it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_proxy.errors import BadRequest
from dicomveil_proxy.request.matching import is_universal, matcher, widen_dates

DATES = st.dates(date(1900, 1, 1), date(2100, 1, 1))
DAYS = st.integers(0, 10_000)


@pytest.mark.parametrize(
    ("vr", "wanted", "found"),
    [
        ("LO", "head", " HEAD "),
        ("LO", "*ea?", "HEAD"),
        ("LO", "*[*", "a[b"),
        ("UT", "a*b", "a\nb"),
        ("AS", "030Y", "030Y"),
        ("UN", "a*", "abc"),
        ("CS", "CT,MR", "MR"),
        ("CS", r"CT\M*", "MR"),
        ("PN", "doe^jane", {"Alphabetic": "Doe^Jane"}),
        ("PN", "Doe^Jane^^^", {"Alphabetic": "Doe^Jane"}),
        ("PN", "Doe^Jane", {"Alphabetic": "Doe^Jane^^"}),
        ("PN", "*jane*", {"Alphabetic": "Doe^Jane"}),
        ("PN", "山田^*", {"Alphabetic": "Yamada", "Ideographic": "山田^太郎", "Phonetic": ""}),
        ("PN", "yamada=山田^太郎", {"Alphabetic": "Yamada", "Ideographic": "山田^太郎", "Phonetic": None}),
        ("UI", "1.2.3", "1.2.3"),
        ("UI", r"1.2\1.2.3", "1.2.3"),
        ("UI", "1.2,1.2.3", "1.2.3\0"),
        ("IS", "007", 7),
        ("DS", "1.50", 1.5),
        ("DS", "1.5", "1.50 "),
        ("US", "512", 512),
        ("AT", "0010001f", "0010001F"),
        ("DA", "20200229", "20200229"),
        ("DA", "20200101-20201231", "20200101"),
        ("DA", "20200101-20201231", "20201231"),
        ("DA", "20200101-", "20990101"),
        ("DA", "-20200101", "20200101"),
        ("DA", "2020.01.01", "20200101"),
        ("DA", " 20200101 - 20200131 ", "20200101"),
        ("TM", "10", "1059"),
        ("TM", "1000-1030", "103059.999"),
        ("TM", "1000-", "10:00:00"),
        ("TM", "-1030", "00"),
        ("DT", "2020", "20200615120000.5"),
        ("DT", "202002", "20200229"),
        ("DT", "20200101-20201231", "20201231235959"),
        ("DT", "20200101120000+0100-20200101130000+0100", "20200101113000+0000"),
        ("DT", "-20200101", "2019"),
        ("DT", "20200101-", "202001012359"),
        ("DT", "20200101120000-0500", "20200101170000"),
        ("DT", "20161231235960", "20161231235960"),
    ],
)
def test_matches(vr: str, wanted: str, found: object) -> None:
    """Single values, wildcards, lists, ranges, numbers."""
    assert matcher(vr, wanted)(found)


@pytest.mark.parametrize(
    ("vr", "wanted", "found"),
    [
        ("LO", "head", "heads"),
        ("LO", "h?d", "head"),
        ("LO", "head", 7),
        ("LO", "[ab]", "a"),
        ("AS", "03*", "030Y"),
        ("CS", "CT,MR", "CT,MR"),
        ("CS", ",", "CT"),
        ("PN", "Doe", {"Alphabetic": "Doe^Jane"}),
        ("PN", "Doe^Jane", "Doe^Jane"),
        ("PN", "?*", {"Alphabetic": "^^"}),
        ("UI", "1.2", "1.2.3"),
        ("UI", "1.2", 1.2),
        ("IS", "7", "x"),
        ("DS", "7", "NaN"),
        ("DA", "20200101", "20200102"),
        ("DA", "20200101-20201231", "20210101"),
        ("DA", "20200101-", "20191231"),
        ("DA", "20201231-20200101", "20200601"),
        ("DA", "20200101", "rubbish"),
        ("DA", "20200101", "2020.01.01"),
        ("DA", "20200101", 20200101),
        ("TM", "10", "11"),
        ("TM", "1000-1030", "1031"),
        ("TM", "1000", "25"),
        ("DT", "2020", "2021"),
        ("DT", "20200101120000-0500", "20200101120000"),
        ("DT", "2020", "20201399"),
        ("DT", "2020", "2020.5"),
        ("DT", "0001-", "00010101000000+1400"),
    ],
)
def test_does_not_match(vr: str, wanted: str, found: object) -> None:
    """What is not asked for, and values that are not legal, never match."""
    assert not matcher(vr, wanted)(found)


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        *(("UI", "1.2.*"), ("UI", "1.2.3x"), ("UI", "1.2,,1.3"), ("SQ", "Doe"), ("OB", "Doe"), ("OW", "Doe")),
        *(("DA", "-"), ("DA", "2020"), ("DA", "20200230"), ("DA", "Doe"), ("DA", "20200101-20200102-")),
        *(("DA", "20200101-Doe"), ("DA", "Doe-20200101"), ("TM", "24"), ("TM", "-"), ("TM", "10000")),
        *(("DT", "Doe"), ("DT", "-"), ("DT", "20201301"), ("DT", "20200101-20201301"), ("DT", "202")),
        *(("IS", "Doe"), ("DS", "NaN"), ("FD", "Infinity"), ("US", "")),
    ],
)
def test_what_is_not_legal_is_refused_without_an_echo(vr: str, value: str) -> None:
    """The message names the VR, and not what was asked for."""
    with pytest.raises(BadRequest) as refusal:
        matcher(vr, value)

    assert vr in str(refusal.value)
    assert "Doe" not in str(refusal.value)


@pytest.mark.parametrize(("value", "expected"), [("", True), (" ", True), ("*", True), ("?", False), ("*a", False)])
def test_universal(value: str, expected: bool) -> None:
    """Nothing, or nothing but asterisks, matches everything."""
    assert is_universal(value) is expected


def test_many_wildcards_cost_little() -> None:
    """A pattern made to make a search explode does not; this test would not end."""
    assert not matcher("LO", "a*" * 500 + "b")("a" * 5_000)


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_wildcards_mean_what_they_mean(pattern: str, text: str) -> None:
    """Against the textbook's definition."""

    def model(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "*":
            return any(model(pattern[1:], text[at:]) for at in range(len(text) + 1))
        return bool(text) and pattern[0] in ("?", text[0]) and model(pattern[1:], text[1:])

    assert matcher("LO", pattern)(text) == model(pattern, text)


@pytest.mark.parametrize(
    ("value", "days", "expected"),
    [
        ("20200301", 1, "20200229-20200302"),
        ("20200101-20200131", 10, "20191222-20200210"),
        ("20200101-", 1, "20191231-"),
        ("-20200101", 1, "-20200102"),
        ("20200101", 0, "20200101-20200101"),
        ("00010101", 1, "-00010102"),
        ("99991231", 1, "99991230-"),
        ("99991231-", 4_000_000, ""),
    ],
)
def test_widened(value: str, days: int, expected: str) -> None:
    """Literal in, literal out; what leaves the calendar is open."""
    assert widen_dates(value, days) == expected


@given(DATES, DATES, DATES, DAYS, st.integers(-10_000, 10_000))
def test_a_widened_range_loses_no_shifted_match(first: date, last: date, found: date, days: int, shift: int) -> None:
    """If a date matches, it matches the widened range after any shift of so many days."""
    wanted = f"{first:%Y%m%d}-{last:%Y%m%d}"
    moved = f"{found + timedelta(days=max(-days, min(days, shift))):%Y%m%d}"

    if matcher("DA", wanted)(f"{found:%Y%m%d}"):
        assert matcher("DA", widen_dates(wanted, days))(moved)


@pytest.mark.parametrize("value", ["Doe^Jane", "-", "", "2020"])
def test_what_is_no_date_is_not_widened(value: str) -> None:
    """It is refused, without an echo."""
    with pytest.raises(
        BadRequest,
        match=r"^the value is not legal for VR DA; write a date as 20200131, or a range as 20200101-20200131$",
    ):
        widen_dates(value, 1)
