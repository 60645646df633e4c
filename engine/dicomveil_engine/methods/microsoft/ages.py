"""Ages (AS) as the Microsoft tool reads and writes them."""

from __future__ import annotations

import re

_AS = re.compile(r"(\d{3})([YMWD])", re.ASCII)
_PER_YEAR = {"Y": 1, "M": 12, "W": 52, "D": 365}
_GREATEST = 999


def read_as(text: str) -> tuple[int, str] | None:
    """The number and unit of an AS value; None if it is not legal."""
    match = _AS.fullmatch(text)
    return (int(match[1]), match[2]) if match else None


def years(number: int, unit: str) -> int:
    """Whole years, with 12 months, 52 weeks or 365 days to the year."""
    return number // _PER_YEAR[unit]


def write_as(number: int, unit: str) -> str:
    """An age as AS, in years if it exceeds 999 of its own unit. Raises ValueError above 999 years."""
    if number > _GREATEST:
        number, unit = years(number, unit), "Y"
    if number > _GREATEST:
        raise ValueError("no room for the age")
    return f"{number:03}{unit}"
