"""Dates, ages and texts as the Microsoft tool reads and writes them."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from dicomveil_engine.methods.microsoft.ages import read_as, write_as, years
from dicomveil_engine.methods.microsoft.dates import is_over_highest_age, read_da, read_dt, write_da, write_dt
from dicomveil_engine.methods.microsoft.texts import as_ascii, utf16_length

NOW = date(2025, 9, 5)


@pytest.mark.parametrize("text", ["", "2025", "2025.09.05", " 20250905", "20250230", "20250905\\", "٢٠٢٥٠٩٠٥"])
def test_no_dates(text: str) -> None:
    """Eight digits that name a day, and nothing else."""
    assert read_da(text) is None


@pytest.mark.parametrize(
    "text",
    ["2025", "202509051200", "20250905120060", "20250905126000", "20250905120000+1401", "20250905120000+0060"],
)
def test_no_moments(text: str) -> None:
    """Full to the second, without leap seconds, and at most 14 hours from UTC."""
    assert read_dt(text) is None


def test_moments() -> None:
    """A fraction and an offset may be there, and blanks behind."""
    zone = timezone(timedelta(hours=-12, minutes=-30))

    assert read_dt("20250905131415.5-1230  ") == datetime(2025, 9, 5, 13, 14, 15, 500_000, zone)
    assert read_dt("20250905131415") == datetime(2025, 9, 5, 13, 14, 15)  # noqa: DTZ001 (it has no offset)


def test_midnight_is_written_as_twelve() -> None:
    """Without an offset hours count to twelve; with one they count to 24."""
    midnight = datetime(33, 1, 2)  # noqa: DTZ001 (it has no offset)

    assert write_dt(midnight) == "00330102120000.000000"
    assert write_dt(midnight.replace(hour=13)) == "00330102010000.000000"
    assert write_dt(midnight.replace(tzinfo=timezone(timedelta(hours=-3, minutes=-30)))) == "00330102000000.000000-0330"
    assert write_da(date(33, 1, 2)) == "00330102"


@pytest.mark.parametrize(
    ("day", "is_over"),
    [
        (date(1936, 9, 6), False),
        (date(1936, 9, 5), True),
        (date(9911, 1, 1), False),
        (date(2025, 9, 5), False),
    ],
)
def test_eighty_nine_years(day: date, is_over: bool) -> None:
    """The 89th birthday is over the age: the reference day has begun. Years that have no 89th are not."""
    assert is_over_highest_age(day, NOW) is is_over


def test_the_leap_day_has_its_birthday_on_the_28th() -> None:
    """29 February 1936 is 89 on 28 February 2025."""
    assert is_over_highest_age(date(1936, 2, 29), date(2025, 2, 28))
    assert not is_over_highest_age(date(1936, 2, 29), date(2025, 2, 27))
    assert not is_over_highest_age(date(9912, 2, 29), NOW)


def test_ages() -> None:
    """Three digits and a unit; what has no room in its unit is written in years."""
    assert read_as("089Y") == (89, "Y")
    assert [read_as(text) for text in ("89Y", "089", "089y", "")] == [None] * 4
    assert (years(999, "M"), years(365, "D"), years(51, "W")) == (83, 1, 0)
    assert (write_as(7, "W"), write_as(1000, "D")) == ("007W", "002Y")
    with pytest.raises(ValueError, match="no room"):
        write_as(1000, "Y")


def test_what_is_not_ascii_becomes_question_marks() -> None:
    """One for each UTF-16 code unit, so that a character beyond the first plane has two."""
    assert (as_ascii("Doe"), as_ascii("D\xf6e"), as_ascii("\U0001f600")) == ("Doe", "D?e", "??")
    assert (utf16_length("D\xf6e"), utf16_length("\U0001f600")) == (3, 2)
