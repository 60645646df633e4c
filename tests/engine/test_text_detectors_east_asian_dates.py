"""DATE in Japanese, Chinese and Korean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text_detection import found, left


@given(st.integers(1900, 2099), st.integers(1, 12), st.integers(1, 31))
def test_days(year: int, month: int, day: int) -> None:
    """With a year and without, in both scripts."""
    for text in (f"{year}年{month}月{day}日", f"{month}月{day}日", f"{year}년 {month}월 {day}일", f"{year}年{month}月"):
        assert found("east_asian_dates", f"前回{text}検査" if "年" in text or "月" in text else f"검사 {text}") == [
            text
        ]
        left("east_asian_dates", text)


@pytest.mark.parametrize(
    "text", ["令和2年3月12日", "平成元年4月", "昭和50年", "R2.3.12", "H30/4/1", "二〇二〇年三月十二日", "R2/3/12"]
)
def test_eras_and_numerals(text: str) -> None:
    """In full, by their letter, and in Chinese numerals."""
    assert found("east_asian_dates", text) == [text]


@pytest.mark.parametrize("text", ["3年前", "R2 map", "5ヶ月", "10日間", "H2O", "S1.2", "T1.2.3", "胸部CT"])
def test_spans_of_time_stay(text: str) -> None:
    """And what has a letter of an era, but no date behind it."""
    assert found("east_asian_dates", text) == []
