"""AGE: over 89, or every age."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.text.settings import TextSettings
from engine.text_detection import found, left

ALL = TextSettings(all_ages=True)


@pytest.mark.parametrize(
    "text",
    [
        *("{} y/o male", "{} year old", "{}-year-old", "{}yo F", "{}Y", "0{}Y", "{}F with cough", "aged {}", "Age: {}"),
        *("{}-jähriger Patient", "{} Jahre alt", "homme de {} ans", "mujer de {} años", "di {} anni", "{} jaar"),
        *(
            "{} lat",
            "pacjentka lat {}",
            "{} yaşında",
            "{} år gammal",
            "muž {} let",
            "{} лет",
            "{}歳",
            "女，{}岁",
            "{}세",
        ),
    ],
)
def test_ages_over_89(text: str) -> None:
    """In each notation and language; younger ones only where all ages are asked for."""
    old, young = text.format(95), text.format(45)

    assert [one.strip("0Yyearold- ") for one in found("ages", old)] == ["95"]
    assert found("ages", young) == []
    assert [one.strip("0Yyearold- ") for one in found("ages", young, ALL)] == ["45"]
    left("ages", old)


@given(st.integers(0, 400))
def test_boundaries(years: int) -> None:
    """From 90 to 130, and neither less nor more."""
    assert bool(found("ages", f"a {years} year old man")) is (90 <= years <= 130)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "smoker for 95 years",
            "TE 95 ms",
            "95 % stenosis",
            "1.95 years",
            "1,95 Jahre",
            "matrix 95x96",
            "L95F",
            "SD 95",
        ),
        *("since 92 years", "95th percentile", "v95.1", "95/96"),
    ],
)
def test_other_numbers_stay(text: str) -> None:
    """Times, sizes, shares and years of a disease."""
    assert found("ages", text) == []
