"""redact, whole and partial."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods.base import Context, Element, Values
from dicomveil_engine.methods.redact import Redact
from dicomveil_engine.pseudonyms.keys import Keys

KEYS = Keys(b"k" * 32)
PARTIAL = Redact.from_settings({"enablePartialAgesForRedact": "true", "enablePartialDatesForRedact": True}, KEYS)
IN_2020 = Context(study_date="20200301")


def redacted(vr: str, values: list[str], context: Context = IN_2020) -> Values | None:
    return PARTIAL.apply(Element(0x00100030, vr, values), context)


@pytest.mark.parametrize(
    ("vr", "values"),
    [
        ("PN", ["Doe^Jane"]),
        ("DA", ["20200101"]),
        ("AS", ["045Y"]),
        ("OB", b"\x01\x02"),
        ("US", [1]),
        ("SQ", []),
    ],
)
def test_without_settings_everything_is_emptied(vr: str, values: Values) -> None:
    """Zero length for every VR."""
    redact = Redact.from_settings({}, KEYS)

    assert redact.supports(vr)
    assert redact.apply(Element(0x00100010, vr, values), IN_2020) == []


@pytest.mark.parametrize(
    ("age", "left"),
    [("089Y", ["089Y"]), ("090Y", []), ("999M", ["999M"]), ("999D", ["999D"]), ("45Y", []), ("Doe", [])],
)
def test_ages_up_to_89_stay(age: str, left: list[str]) -> None:
    """An age above 89 years, or what is not an age, goes."""
    assert redacted("AS", [age]) == left


@pytest.mark.parametrize(
    ("vr", "value", "left"),
    [
        ("DA", "19500615", ["19500101"]),
        ("DA", "1950.06.15", ["19500101"]),
        ("DA", "20250615", ["20250101"]),
        ("DA", "19320615", ["19320101"]),
        ("DA", "19310615", []),
        ("DA", "19500231", []),
        ("DT", "19500615101530.5+0100", ["19500101000000.000000+0100"]),
        ("DT", "195006", ["19500101000000.000000"]),
        ("DT", "19300615", []),
        ("DT", "Doe", []),
        ("TM", "101530", []),
        ("LO", "Doe", []),
    ],
)
def test_years_stay_where_no_age_above_89_shows(vr: str, value: str, left: list[str]) -> None:
    """The rest of a date goes; older than 89 years at the StudyDate, all of it."""
    assert redacted(vr, [value]) == left


def test_positions_are_kept() -> None:
    """A dropped value leaves its place empty."""
    assert redacted("DA", ["18500101", "19500615"]) == ["", "19500101"]


@pytest.mark.parametrize("study_date", ["", "Doe", "20200230"])
def test_without_a_study_date_no_year_stays(study_date: str) -> None:
    """No age can be reckoned."""
    assert redacted("DA", ["19500615"], Context(study_date=study_date)) == []


@given(st.dates(), st.dates(), st.sampled_from(["DA", "DT"]))
def test_a_second_pass_changes_nothing(day: object, study: object, vr: str) -> None:
    """Also where the first pass emptied the StudyDate."""
    context = Context(study_date=str(study).replace("-", ""))

    first = redacted(vr, [str(day).replace("-", "")], context)

    assert isinstance(first, list)
    texts = [str(text) for text in first]
    assert redacted(vr, texts, context) == first
    assert redacted(vr, texts, Context(was_deidentified=True)) == first


def test_a_precise_date_never_slips_through() -> None:
    """A data set of the project's own may still hold a date that came another way."""
    assert redacted("DA", ["19500615"], Context(was_deidentified=True)) == []


def test_wrong_settings_are_refused() -> None:
    """Those for zip codes too, though DICOM has none."""
    with pytest.raises(ConfigurationError, match="enablePartialZipCodesForRedact"):
        Redact.from_settings({"enablePartialZipCodesForRedact": 5}, KEYS)
