"""Dates and times as the Microsoft tool reads and writes them: full ones only, and noon where midnight is meant.

Pure functions of text; what "now" is comes as a parameter.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, timezone

Day = date

HIGHEST_AGE = 89
"""Years; what is older leaves no trace (45 CFR 164.514(b)(2)(i)(C))."""

_DA = re.compile(r"(\d{4})(\d\d)(\d\d)", re.ASCII)
_DT = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,6}))?(?:([+-])(\d\d)(\d\d))? *", re.ASCII)
_GREATEST_OFFSET = timedelta(hours=14)
"""System.DateTimeOffset takes no more, either way; PS3.5 Table 6.2-1 stops at -1200."""


def read_da(text: str) -> date | None:
    """The day that eight digits name, else None: no blanks, dots, ranges or empty parts."""
    match = _DA.fullmatch(text)
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None


def read_dt(text: str) -> datetime | None:
    """The moment of a DT with at least seconds, else None: shorter ones are legal DICOM, and too short for that tool.

    It is aware where the text has an offset from UTC.
    """
    match = _DT.fullmatch(text)
    if not match:
        return None
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = match.groups()
    zone = None
    if sign:
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        if int(minutes) > 59 or offset > _GREATEST_OFFSET:
            return None
        zone = timezone(-offset if sign == "-" else offset)
    try:
        return datetime(
            *(int(year), int(month), int(day)),
            *(int(hour), int(minute), int(second), int((fraction or "").ljust(6, "0"))),
            tzinfo=zone,
        )
    except ValueError:
        return None


def write_da(day: date) -> str:
    """YYYYMMDD."""
    return f"{day.year:04}{day.month:02}{day.day:02}"


def write_dt(moment: datetime) -> str:
    """YYYYMMDDHHMMSS.FFFFFF&ZZXX; without an offset the hours count to twelve, so that midnight reads 12."""
    offset = moment.utcoffset()
    hour, zone = moment.hour % 12 or 12, ""
    if offset is not None:
        minutes = abs(offset) // timedelta(minutes=1)
        sign = "-" if offset < timedelta(0) else "+"
        hour, zone = moment.hour, f"{sign}{minutes // 60:02}{minutes % 60:02}"
    time = f"{hour:02}{moment.minute:02}{moment.second:02}.{moment.microsecond:06}"
    return write_da(moment.date()) + time + zone


def write_midnight(day: date, like: datetime) -> str:
    """A day's first moment as DT, with the offset of another moment."""
    return write_dt(datetime.combine(day, time(tzinfo=like.tzinfo)))


def moved(day: date, days: int) -> date | None:
    """The day so many days later; None outside the years 1 to 9999."""
    try:
        return day + timedelta(days)
    except OverflowError:
        return None


def is_over_highest_age(day: date, reference: date) -> bool:
    """Whether the day lies more than 89 years before the reference day, which counts as begun."""
    try:
        birthday = day.replace(year=day.year + HIGHEST_AGE)
    except ValueError:
        if day.year + HIGHEST_AGE > date.max.year:
            return False
        birthday = date(day.year + HIGHEST_AGE, 2, 28)  # 29 February, as DateTime.AddYears has it
    return birthday <= reference
