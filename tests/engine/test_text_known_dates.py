"""How a data set's own dates may be written."""

from __future__ import annotations

import pytest

from dicomveil_engine.text.known_dates import notations
from dicomveil_engine.text.words import IdentifyingWords


@pytest.mark.parametrize("written", ["20240229", "29022024", "240229", "290224", "022924", "29.02", "02/29", "feb29"])
def test_notations(written: str) -> None:
    """What no pattern takes for a date is one when it is the data set's own."""
    assert written in notations("20240229")


@pytest.mark.parametrize("value", ["", "2024", "20240230", "ANON"])
def test_no_date(value: str) -> None:
    """What is not a date has no notations."""
    assert notations(value) == frozenset()


@pytest.mark.parametrize(
    "date",
    [
        *("20240229", "2024-02-29", "2024/02/29", "2024.02.29", "29.02.2024", "29.2.2024", "29/02/2024", "29-02-2024"),
        *("02/29/2024", "2/29/24", "29.02.24", "29.2.24", "290224", "022924", "240229", "29.02.", "02/29", "29FEB2024"),
        *("29-Feb-2024", "Feb29", "2024-02-29T10:11", "29 Feb 2024", "29. Februar 2024", "Feb 29, 2024"),
        *("29 de febrero de 2024", "February 29th"),
    ],
)
def test_common_notations_go(date: str) -> None:
    """The data set's own date goes in every notation that people use."""
    words = IdentifyingWords()
    words.add("20240229", "DA")

    assert words.remove_from(f"control of {date}, T1 ax 3.5 mm").replace(" .", "").replace(" ,", ",") in {
        "control of, T1 ax 3.5 mm",
        "control of T1 ax 3.5 mm",
    }
