"""GENERIC_ID: long numbers of which no more is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text_detection import found, left


@given(st.integers(0, 10**12))
def test_seven_digits_and_more(number: int) -> None:
    """And no fewer."""
    written = str(number)

    assert found("numbers", f"no {written}, left") == ([written] if len(written) >= 7 else [])
    left("numbers", f"no {written}")


@pytest.mark.parametrize("text", ["RAD-12345", "AB1234567", "123-45-678", "12345678.5", "A1B2C3D4E5F6G7", "1234567x"])
def test_with_letters_and_groups(text: str) -> None:
    """Whole."""
    assert found("numbers", f"at {text} seen") == [text]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "512 512 300",
            "FOV 240 MATRIX 512 512 12 2023 TI",
            "0-500-1000",
            "1200-1500",
            "b50_400_800",
            "123456",
            "3.14159",
        ),
        *("1.25", "T1-T2", "RAD-1234", "L4-L5", "2-3-4"),
    ],
)
def test_sizes_and_series_stay(text: str) -> None:
    """A blank or underscore ends a number; b-values are round; a decimal is a measurement."""
    assert found("numbers", text) == []
