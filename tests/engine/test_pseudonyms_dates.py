"""Reading and shifting dates."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.pseudonyms.dates import (
    DateShift,
    Period,
    coarse_da,
    coarse_dt,
    read_da,
    read_dt,
    shift_da,
    shift_dt,
    start_of,
)

DAYS = st.integers(-3650, 3650).filter(bool)
DATES = st.dates(date(1850, 1, 1), date(2150, 1, 1))


def da(day: date) -> str:
    return f"{day:%Y%m%d}"


@pytest.mark.parametrize(
    ("text", "days", "shifted"),
    [
        ("20200228", 2, "20200301"),
        ("2020.02.28", 2, "2020.03.01"),
        ("00010102", -1, "00010101"),
        ("00010101", -1, ""),
        ("99991231", 1, ""),
    ],
)
def test_da_moves_in_its_own_form(text: str, days: int, shifted: str) -> None:
    """A date moves by whole days; what leaves the calendar is emptied."""
    assert shift_da(text, days) == shifted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20200230",
        "00000000",
        "2020",
        "2020-01-01",
        "2020.0101",
        "2020W011",
        " 20200101",
        "20200101\n",
        "٢٠٢٠٠١٠١",
        "20200101-20200102",
        "Doe^Jane",
        "9" * 5000,
    ],
)
def test_illegal_da_is_emptied(text: str) -> None:
    """What is not a real date in a legal form never passes."""
    assert shift_da(text, 1) == ""


@pytest.mark.parametrize(
    ("text", "days", "shifted"),
    [
        ("20201231235960.123456+1400", 1, "20210101235960.123456+1400"),
        ("20201231235959.1", 1, "20210101235959.1"),
        ("202012312359", 1, "202101012359"),
        ("2020123123-0130", 1, "2021010123-0130"),
        ("20201231", 1, "20210101"),
        ("202012", 31, "202101"),
        ("202012", 30, "202012"),
        ("2020", -1, "2019"),
        ("2020+0100", 366, "2021+0100"),
    ],
)
def test_dt_keeps_time_offset_and_precision(text: str, days: int, shifted: str) -> None:
    """Only the date part of a DT moves; a month or year moves as its first day."""
    assert shift_dt(text, days) == shifted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20",
        "202013",
        "20200230",
        "20200101240000",
        "20200101236100",
        "20200101000061",
        "20200101000000.",
        "20200101000000.1234567",
        "20200101+1500",
        "20200101-0000",
        "20200101-1230",
        "2020-01-01",
        "0000",
        "Doe^Jane",
        "20200101000000.123456+01000",
    ],
)
def test_illegal_dt_is_emptied(text: str) -> None:
    """What is not a legal DT never passes."""
    assert shift_dt(text, 1) == ""


@given(DATES, DATES, DAYS)
def test_order_and_intervals_are_kept(first: date, second: date, days: int) -> None:
    """Two dates that move together stay as far apart as they were."""
    shifted = [read_da(shift_da(da(day), days)) for day in (first, second)]

    assert shifted[0] is not None
    assert shifted[1] is not None
    assert shifted[1] - shifted[0] == second - first
    assert shifted[0] - first == timedelta(days)


@given(DATES, st.sampled_from(["", "10", "1015", "101530", "101530.5", "235960.000001"]), DAYS)
def test_da_and_dt_move_together(day: date, time: str, days: int) -> None:
    """The date part of a DT is always that of the DA."""
    assert shift_dt(f"{da(day)}{time}+0100", days) == f"{shift_da(da(day), days)}{time}+0100"


@given(DATES, st.sampled_from([4, 6]), DAYS)
def test_precision_is_kept(day: date, digits: int, days: int) -> None:
    """A year stays a year and a month a month."""
    value = read_dt(shift_dt(da(day)[:digits], days))

    assert value is not None
    assert value.date_digits == digits


@given(st.text(), DAYS)
def test_any_text_is_shifted_or_emptied(text: str, days: int) -> None:
    """No text passes unchanged, unless its precision hides the shift."""
    assert shift_da(text, days) != text or text == ""
    assert shift_dt(text, days) in {"", text} or read_dt(text)


@given(st.text(), st.integers(1, 3650))
def test_days_are_in_range_and_never_zero(scope: str, days_range: int) -> None:
    """The shift is a function of key and scope within the range."""
    days = DateShift(b"k" * 32, days_range).days(scope)

    assert 1 <= abs(days) <= days_range
    assert days == DateShift(b"k" * 32, days_range).days(scope)


def test_days_are_uniform() -> None:
    """All 2 x range shifts occur, about equally often."""
    shift = DateShift(b"k" * 32, 2)

    counts = Counter(shift.days(f"1.2.{n}") for n in range(4000))

    assert set(counts) == {-2, -1, 1, 2}
    assert all(900 < count < 1100 for count in counts.values())


def test_days_depend_on_the_key() -> None:
    """Another project moves the same study by another number of days."""
    assert DateShift(b"k" * 32, 3650).days("1.2.3") != DateShift(b"l" * 32, 3650).days("1.2.3")


@pytest.mark.parametrize(
    ("period", "da", "dt"),
    [
        (Period.YEAR, "20200101", "2020"),
        (Period.QUARTER, "20200401", "202004"),
        (Period.MONTH, "20200601", "202006"),
        (Period.WEEK, "20200615", "20200615"),
    ],
)
def test_periods(period: Period, da: str, dt: str) -> None:
    """DA becomes the first day of the period, DT is cut to it; time of day and offset go."""
    assert coarse_da("20200621", period) == da
    assert coarse_da("2020.06.21", period) == da
    assert coarse_dt("20200621101530.5+0100", period) == dt


@pytest.mark.parametrize(
    ("text", "period", "coarse"),
    [
        ("2020", Period.QUARTER, "2020"),
        ("2020", Period.WEEK, "2020"),
        ("202006", Period.WEEK, "202006"),
        ("202006", Period.QUARTER, "202004"),
        ("20200101", Period.WEEK, "20191230"),
        ("00010101", Period.WEEK, "00010101"),
        ("noon", Period.YEAR, ""),
        ("20200230", Period.YEAR, ""),
        ("1" * 99, Period.YEAR, ""),
    ],
)
def test_a_coarse_date_time_says_no_more_than_it_did(text: str, period: Period, coarse: str) -> None:
    """And what is not a date says nothing."""
    assert coarse_dt(text, period) == coarse


@given(DATES, st.sampled_from(Period))
def test_a_period_begins_with_itself(day: date, period: Period) -> None:
    """The first day of a period is its own first day, and is never later."""
    first = start_of(day, period)

    assert first <= day
    assert start_of(first, period) == first
    assert coarse_da(da(day), period) == da(first)
