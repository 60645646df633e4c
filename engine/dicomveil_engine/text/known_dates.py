"""Notations of a data set's own dates in free text that detectors cannot recognise as dates.

"290224" is any number, and "29/02" any fraction, unless the study was on 29 February 2024.
"""

from __future__ import annotations

from dicomveil_engine.pseudonyms.dates import read_da

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def notations(value: str) -> frozenset[str]:
    """The ways of writing the date of a DA value, in lower case; empty if it is not a date."""
    date = read_da(value.strip(" \0"))
    if not date:
        return frozenset()
    year, month, day = date.isoformat().split("-")
    short = year[2:]
    name = _MONTHS[date.month - 1]
    return frozenset(
        (
            *(a + b + c for y in (year, short) for a, b, c in ((y, month, day), (day, month, y), (month, day, y))),
            *(first + mark + second for mark in "./-" for first, second in ((day, month), (month, day))),
            f"{name}{day}",
            f"{name}{date.day}",
            *(f"{name}{one}{y}" for one in (day, date.day) for y in (year, short)),
            *(f"{one}{name}{y}" for one in (day, date.day) for y in (year, short)),
        )
    )
