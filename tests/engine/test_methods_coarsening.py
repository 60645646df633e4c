"""Coarser ages, numbers and ZIP codes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.methods.coarsening import (
    LOW_POPULATION_ZIP_CODES,
    Scale,
    coarse_age,
    coarse_zip_code,
    read_decimal,
)

BINS = Scale(bins=(Decimal(0), Decimal(18), Decimal(65)))
NUMBERS = st.decimals(-(10**9), 10**9, allow_nan=False, places=4)


@pytest.mark.parametrize(
    ("age", "left"),
    [
        ("043Y", "040Y"),
        ("045Y", "045Y"),
        ("089Y", "085Y"),
        ("090Y", "090Y"),
        ("101Y", "090Y"),
        ("130M", "010Y"),
        ("018M", "000Y"),
        ("999W", "015Y"),
        ("012D", "000Y"),
        ("43Y", ""),
        ("Doe", ""),
        ("", ""),
    ],
)
def test_ages_of_five_years_up_to_90(age: str, left: str) -> None:
    """In years, from whatever unit; what is not an age is nothing."""
    assert coarse_age(age, 5, 90) == left


@given(st.integers(0, 999), st.sampled_from("DWMY"), st.integers(1, 50), st.integers(50, 999))
def test_an_age_is_coarse_once(number: int, unit: str, width: int, cap: int) -> None:
    """A second pass changes nothing."""
    once = coarse_age(f"{number:03}{unit}", width, cap)

    assert coarse_age(once, width, cap) == once


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("02115", "021"),
        (" 02115-1234 ", "021"),
        ("021151234", "021"),
        ("03601", "000"),
        ("021", "021"),
        ("000", "000"),
        ("036", "000"),
        ("1 Main Street, Boston MA 02115", "021"),
        ("Anytown, vt, 03601-0001", "000"),
        ("MA 02115", "021"),
        ("12345 Main Street", ""),
        ("Apartment 12345", ""),
        ("0211", ""),
        ("٠٢١١٥", ""),
        ("Doe", ""),
        ("", ""),
    ],
)
def test_zip_codes(text: str, left: str) -> None:
    """Three digits of a ZIP code alone or at an address's end, and 000 where few people live; nothing else."""
    assert coarse_zip_code(text, LOW_POPULATION_ZIP_CODES) == left


def test_the_low_population_list() -> None:
    """17 areas by the census of 2000, as the department's guidance counts them."""
    guidance = "036 692 878 059 790 879 063 821 884 102 823 890 203 830 893 556 831"

    assert sorted(LOW_POPULATION_ZIP_CODES) == sorted(guidance.split())


@pytest.mark.parametrize(("number", "left"), [("-3", 0), ("0", 0), ("17.9", 0), ("18", 18), ("64", 18), ("500", 65)])
def test_bins(number: str, left: int) -> None:
    """The lower end; the first and the last bin have no end."""
    assert BINS.reduce(Decimal(number)) == left


@pytest.mark.parametrize(
    ("number", "step", "left"),
    [("72.4", "5", "70"), ("72.5", "5", "70"), ("77.5", "5", "80"), ("-3", "5", "-5"), ("1.73", "0.1", "1.7")],
)
def test_steps(number: str, step: str, left: str) -> None:
    """The nearest multiple, without binary fractions."""
    assert Scale(Decimal(step)).reduce(Decimal(number)) == Decimal(left)


def test_a_step_stays_within_the_limits() -> None:
    """The multiple inside them, not the limit, which would be somebody's number."""
    step = Scale(Decimal(100))

    assert step.reduce(Decimal(65_535), 0, 65_535) == 65_500
    assert step.reduce(Decimal(-32_768), -32_768, 32_767) == -32_700
    assert Scale(Decimal(200_000)).reduce(Decimal(65_535), 0, 65_535) == 0
    assert BINS.reduce(Decimal(99), 0, 20) is None


@given(NUMBERS, st.sampled_from(["0.1", "0.25", "3", "7.5", "1000"]))
def test_a_number_is_coarse_once(number: Decimal, step: str) -> None:
    """A second pass changes nothing, and the first moves by half a step at most."""
    scale = Scale(Decimal(step))
    once = scale.reduce(number)

    assert once is not None
    assert abs(once - number) <= Decimal(step) / 2
    assert scale.reduce(once) == once


@pytest.mark.parametrize("text", ["", "Doe", "1,5", "1E9999", "NaN", "Infinity", "1_0", "٣"])
def test_what_is_no_number(text: str) -> None:
    """Python's own reading is wider than DICOM's."""
    assert read_decimal(text) is None


def test_whole_scales() -> None:
    """Whether whole numbers stay whole."""
    assert BINS.is_whole
    assert Scale(Decimal("5.0")).is_whole
    assert not Scale(Decimal("0.5")).is_whole
