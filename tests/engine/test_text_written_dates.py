"""Dates as people write them, moved in their notation."""

from __future__ import annotations

import pytest

from dicomveil_engine.text.written_dates import moved


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12 Mar 2020", "27 Jan 2020"),
        ("12 MAR 2020", "27 JAN 2020"),
        ("12. März 2020", "27. Januar 2020"),
        ("12 de marzo de 2020", "27 de enero de 2020"),
        ("March 12th, 2020", "January 27th, 2020"),
        ("12th of March 2020", "27th of January 2020"),
        ("20200312", "20200127"),
        ("2020-03-12 10:15", "2020-01-27 10:15"),
        ("20200312101522.5", "20200127101522.5"),
        ("12.03.20", "27.01.20"),
        ("3/12/2020", "1/27/2020"),
        ("13/3/2020", "28/1/2020"),
        ("03/2020", "01/2020"),
        ("March 2020", "January 2020"),
        ("2020年3月12日", "2020年1月27日"),
        ("12 mars 2020", "27 janvier 2020"),
    ],
)
def test_notation_is_kept(text: str, expected: str) -> None:
    """45 days earlier."""
    assert moved(text, -45, month_first=True) == expected


@pytest.mark.parametrize("text", ["31/31/2020", "30 Feb 2020", "H30.3.12", "12/3", "29", "12 marca 2020"])
def test_what_cannot_be_read_is_not_moved(text: str) -> None:
    """The caller removes it."""
    assert moved(text, 5, month_first=True) is None


def test_day_first() -> None:
    """Where both readings are dates, the region says which is meant."""
    assert moved("3/4/2020", 1, month_first=False) == "4/4/2020"
    assert moved("3/4/2020", 1, month_first=True) == "3/5/2020"
    assert moved("1.1.0001", -400, month_first=True) is None
