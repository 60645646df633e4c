"""Dates and times as the Microsoft tool reads and writes them: full ones only, with 12 hours for midnight.

Pure functions; the current date is a parameter.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, timezone

Day = date

HIGHEST_AGE = 89
"""Years; dates that reveal a higher age are removed (45 CFR 164.514(b)(2)(i)(C))."""

_DA = re.compile(r"(\d{4})(\d\d)(\d\d)", re.ASCII)
_DT = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,6}))?(?:([+-])(\d\d)(\d\d))? *", re.ASCII)
_GREATEST_OFFSET = timedelta(hours=14)
"""The limit of System.DateTimeOffset in both directions; in PS3.5 Table 6.2-1 the lower limit is -1200."""


def read_da(text: str) -> date | None:
    """The day in a DA of eight digits; None for anything else."""
    match = _DA.fullmatch(text)
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None


def read_dt(text: str) -> datetime | None:
    """The moment in a DT with at least seconds, else None; the tool does not read shorter ones, though legal.

    It has a time zone if the text has an offset from UTC.
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
    """YYYYMMDDHHMMSS.FFFFFF&ZZXX; without an offset the hours are those of a 12-hour clock, with 12 for midnight."""
    offset = moment.utcoffset()
    hour, zone = moment.hour % 12 or 12, ""
    if offset is not None:
        minutes = abs(offset) // timedelta(minutes=1)
        sign = "-" if offset < timedelta(0) else "+"
        hour, zone = moment.hour, f"{sign}{minutes // 60:02}{minutes % 60:02}"
    time = f"{hour:02}{moment.minute:02}{moment.second:02}.{moment.microsecond:06}"
    return write_da(moment.date()) + time + zone


def write_midnight(day: date, like: datetime) -> str:
    """The beginning of a day as DT, with the offset of another moment."""
    return write_dt(datetime.combine(day, time(tzinfo=like.tzinfo)))


def moved(day: date, days: int) -> date | None:
    """The day shifted by a number of days; None outside the years 1 to 9999."""
    try:
        return day + timedelta(days)
    except OverflowError:
        return None


def is_over_highest_age(day: date, reference: date) -> bool:
    """Whether somebody born on the day has reached the age of 89 on the reference day, as the tool computes it."""
    try:
        birthday = day.replace(year=day.year + HIGHEST_AGE)
    except ValueError:
        if day.year + HIGHEST_AGE > date.max.year:
            return False
        birthday = date(day.year + HIGHEST_AGE, 2, 28)  # 29 February, as DateTime.AddYears has it
    return birthday <= reference
