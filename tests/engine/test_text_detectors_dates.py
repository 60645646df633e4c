"""DATE in digits and with months' names."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text_detection import found, infotypes, left

NOTATIONS = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d.%m.%Y", "%m/%d/%Y", "%d-%m-%Y", "%d %b %Y", "%B %d, %Y", "%d.%m.%y")


@given(st.dates(datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)), st.sampled_from(NOTATIONS))
def test_every_day(day: datetime.date, notation: str) -> None:
    """In each notation, from the middle of a text."""
    written = day.strftime(notation)

    assert found("dates", f"seen {written}, supine") == [written]
    left("dates", f"seen {written}, supine")


@pytest.mark.parametrize(
    "text",
    [
        *("12. März 2020", "12 mars 2020", "12 de marzo de 2020", "12 marzo 2020", "12 maart 2020", "12 março 2020"),
        *(
            "12 marca 2020",
            "12 Mart 2020",
            "12 марта 2020",
            "12. března 2020",
            "12 mars 2020",
            "Mar 2020",
            "12.III.2020",
        ),
        *("03/2020", "2020-03", "12. 3. 2020", "2020_03_12", "12th of March, 2020", "20200312101522"),
    ],
)
def test_notations(text: str) -> None:
    """Months of twelve languages, months with a year, Roman numbers."""
    assert found("dates", text) == [text]
    assert infotypes("dates", text) == ["DATE"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CABG 1/17", ["1/17"]),
        ("since 12/3", ["12/3"]),
        ("vom 1.6. an", ["1.6."]),
        ("DOB 120384", ["120384"]),
        ("p7 20240527", ["20240527"]),
        ("CABG x3 06/2021", ["06/2021"]),
    ],
)
def test_partial_dates_need_a_cue(text: str, expected: list[str]) -> None:
    """3/4 is a fraction, and 120384 a number."""
    assert found("dates", text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "3/4 of the lobe",
            "5/5 power",
            "T1/T2",
            "L4/5",
            "2020",
            "ratio 1.2.3",
            "SE 20/80",
            "b0/1000",
            "120384",
            "v1.2.20",
        ),
        *("32.13.2020", "2020-13-01", "Abd Gen 15Hz", "spot mag 1.8x", "may improve", "MRT 2", "set 3", "march test"),
    ],
)
def test_what_is_no_date_stays(text: str) -> None:
    """Fractions, levels, versions, years, impossible days, words that are months elsewhere."""
    assert found("dates", text) == []
