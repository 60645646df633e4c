"""Dates: reading DA and DT strictly, deriving a shift in days, and applying it.

Pure functions; nothing here reads a clock. What is not a legal date becomes the empty string: a value that cannot be
shifted must not pass.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from enum import Enum
from typing import NamedTuple

from dicomveil_engine.bounded_cache import cached
from dicomveil_engine.pseudonyms.keys import keyed_digest

_SCOPES_CACHED = 16_384
_DATES_CACHED = 4_096
"""The instances of a study repeat the same few dates."""

_DA = re.compile(r"(\d{4})(\.?)(\d\d)\2(\d\d)", re.ASCII)
"""PS3.5 Table 6.2-1; the dotted form is ACR-NEMA's, still found in archives."""

_DT = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d\d)(?:(?P<day>\d\d)"
    r"(?P<time>(?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?)?)?)?"
    # "The offset range is -1200 to +1400", and "-0000 shall not be used".
    r"(?P<offset>\+(?:0\d|1[0-3])[0-5]\d|\+1400|(?!-0000)-(?:0\d|1[01])[0-5]\d|-1200)?",
    re.ASCII,
)
_LONGEST_DA = 10
_LONGEST_DT = 26


class DateTime(NamedTuple):
    """A legal DT value."""

    day: date
    """The first day of the period that the value denotes."""
    date_digits: int
    """4, 6 or 8: the precision of the date part."""
    time: str
    """The time of day with its fraction, as written."""
    offset: str
    """The offset from UTC, as written."""


def read_da(text: str) -> date | None:
    """The date of a legal DA value (also in the old form YYYY.MM.DD), else None."""
    match = _DA.fullmatch(text)
    return _real_date(match[1], match[3], match[4]) if match else None


def read_dt(text: str) -> DateTime | None:
    """The parts of a legal DT value of any precision, else None. A leap second (60) is legal."""
    match = _DT.fullmatch(text)
    if not match:
        return None
    day = _real_date(match["year"], match["month"] or "1", match["day"] or "1")
    if not day:
        return None
    digits = 8 if match["day"] else 6 if match["month"] else 4
    return DateTime(day, digits, match["time"] or "", match["offset"] or "")


def shift_da(text: str, days: int) -> str:
    """Shift a DA value by a number of days; "" when it is not a legal date or leaves the years 1 to 9999."""
    return _shift_da(text, days) if len(text) <= _LONGEST_DA else ""


def shift_dt(text: str, days: int) -> str:
    """Shift a DT value by a number of days; time of day, fraction, offset and precision are unchanged.

    A year or month without a day is shifted as its first day, then cut to its precision.
    "" when it is not a legal date or leaves the years 1 to 9999.
    """
    return _shift_dt(text, days) if len(text) <= _LONGEST_DT else ""


class Period(Enum):
    """A period to which a date may be reduced."""

    YEAR = "Year"
    QUARTER = "Quarter"
    MONTH = "Month"
    WEEK = "Week"


_DT_DIGITS = {Period.YEAR: 4, Period.QUARTER: 6, Period.MONTH: 6, Period.WEEK: 8}
"""Digits of a DT value that denotes the beginning of the period."""


def start_of(day: date, period: Period) -> date:
    """The first day of the period that contains the day; weeks begin on Monday (ISO 8601)."""
    if period is Period.WEEK:
        return day - timedelta(day.weekday())
    month = {Period.YEAR: 1, Period.QUARTER: (day.month - 1) // 3 * 3 + 1}.get(period, day.month)
    return day.replace(month=month, day=1)


def coarse_da(text: str, period: Period) -> str:
    """The first day of a DA value's period; "" when it is not a legal date."""
    day = read_da(text) if len(text) <= _LONGEST_DA else None
    return start_of(day, period).isoformat().replace("-", "") if day else ""


def coarse_dt(text: str, period: Period) -> str:
    """A DT value cut to its period, without time of day and offset; "" when it is not a legal date.

    A value that is less precise than the period keeps its precision: a year stays a year.
    """
    value = read_dt(text) if len(text) <= _LONGEST_DT else None
    if not value:
        return ""
    digits = _DT_DIGITS[period]
    day = start_of(value.day, period) if value.date_digits >= digits else value.day
    return day.isoformat().replace("-", "")[: min(digits, value.date_digits)]


class DateShift:
    """Scope → days: keyed, uniform over [-range, -1] and [1, range], never zero."""

    def __init__(self, key: bytes, days_range: int) -> None:
        self._key = key
        self.range = days_range
        """The largest shift in days, in either direction."""
        self.days = cached(_SCOPES_CACHED)(self._days)
        self.move_da = cached(_DATES_CACHED)(shift_da)
        """(DA value, days) → the shifted value; cached here, so that the cache is dropped with the project."""
        self.move_dt = cached(_DATES_CACHED)(shift_dt)
        """(DT value, days) → the shifted value."""

    def _days(self, scope_uid: str) -> int:
        """The shift of all dates in a scope, given by its original UID (or PatientID)."""
        digest = keyed_digest(self._key, scope_uid.encode("utf-8", "surrogatepass"))
        # 128 bits modulo a few thousand: the bias is below 2^-110.
        days = int.from_bytes(digest[:16]) % (2 * self.range) - self.range
        return days if days < 0 else days + 1


def _shift_da(text: str, days: int) -> str:
    day = read_da(text)
    shifted = _moved(day, days) if day else None
    if not shifted:
        return ""
    return shifted.isoformat().replace("-", "." if "." in text else "")


def _shift_dt(text: str, days: int) -> str:
    value = read_dt(text)
    shifted = _moved(value.day, days) if value else None
    if not value or not shifted:
        return ""
    return shifted.isoformat().replace("-", "")[: value.date_digits] + value.time + value.offset


def _moved(day: date, days: int) -> date | None:
    try:
        return day + timedelta(days)
    except OverflowError:
        return None


def _real_date(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
