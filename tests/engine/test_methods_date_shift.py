"""dateShift: scopes, and what moves."""

from __future__ import annotations

import pytest

from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods.base import Context, Element, Values
from dicomveil_engine.methods.date_shift import ShiftDates
from dicomveil_engine.pseudonyms.dates import shift_da
from dicomveil_engine.pseudonyms.keys import Keys

KEYS = Keys(b"k" * 32)
CONTEXT = Context(
    study_instance_uid="1.2.3",
    series_instance_uid="1.2.3.4",
    sop_instance_uid="1.2.3.4.5",
    patient_id="PATIENT-1",
)
SERIES_DATE = 0x00080021
WIDE = {"dateShiftRange": "3650"}


def shifted(
    values: Values,
    settings: dict[str, object],
    context: Context = CONTEXT,
    tag: int = SERIES_DATE,
    depth: int = 0,
) -> Values | None:
    return ShiftDates.from_settings(WIDE | settings, KEYS).apply(Element(tag, "DA", values, depth), context)


@pytest.mark.parametrize(
    ("scope", "identity"),
    [
        ("StudyInstance", "1.2.3"),
        ("seriesInstance", "1.2.3.4"),
        ("SopInstance", "1.2.3.4.5"),
        ("SOPInstance", "1.2.3.4.5"),
        ("Patient", "PATIENT-1"),
    ],
)
def test_the_scope_decides_what_moves_together(scope: str, identity: str) -> None:
    """The days come from the original identity of the scope alone."""
    method = ShiftDates.from_settings(WIDE | {"dateShiftScope": scope}, KEYS)

    assert shifted(["20200101"], {"dateShiftScope": scope}) == [shift_da("20200101", method.shift.days(identity))]


def test_the_default_scope_is_the_study() -> None:
    """So that all dates of a study keep their intervals."""
    assert shifted(["20200101"], {}) == shifted(["20200101"], {"dateShiftScope": "StudyInstance"})


@pytest.mark.parametrize("tag", [0x00080020, 0x00100030, 0x00120086, 0x00321000, 0x00380020])
@pytest.mark.parametrize("scope", ["SeriesInstance", "SOPInstance"])
def test_patient_and_study_attributes_move_with_the_study(tag: int, scope: str) -> None:
    """A study has one StudyDate, whatever the scope; a date in a nested item is the item's."""
    settings: dict[str, object] = {"dateShiftScope": scope}

    assert shifted(["20200101"], settings, tag=tag) == shifted(["20200101"], {}, tag=tag)
    assert shifted(["20200101"], settings, tag=tag, depth=1) == shifted(["20200101"], settings)


@pytest.mark.parametrize("scope", ["StudyInstance", "SeriesInstance", "SOPInstance", "Patient"])
def test_without_an_identity_everything_is_emptied(scope: str) -> None:
    """No days can be derived, and no date may pass."""
    assert shifted(["20200101"], {"dateShiftScope": scope}, Context()) == []


def test_a_study_of_nobody_moves_by_itself() -> None:
    """With the scope of a patient and no PatientID, what belongs together is the study."""
    nobody = Context(study_instance_uid="1.2.3")

    assert shifted(["20200101"], {"dateShiftScope": "Patient"}, nobody) == shifted(["20200101"], {})


def test_a_bad_date_is_emptied_in_its_place() -> None:
    """And leaves zero length when it was the only one."""
    (empty, _) = shifted(["Doe", "20200101"], {}) or []

    assert empty == ""
    assert shifted(["Doe"], {}) == []
    assert shifted([], {}) == []


def test_dt_moves_with_da_and_tm_stays() -> None:
    """Times of day never change."""
    method = ShiftDates.from_settings({}, KEYS)
    moved = method.apply(Element(0x00080021, "DA", ["20200101"]), CONTEXT)

    assert moved
    assert method.apply(Element(0x0008002A, "DT", ["20200101101530"]), CONTEXT) == [f"{moved[0]}101530"]
    assert method.apply(Element(0x00080031, "TM", ["101530"]), CONTEXT) == ["101530"]
    assert method.apply(Element(0x00080031, "TM", ["101530", "Doe"]), CONTEXT) == ["101530", ""]
    assert [vr for vr in ("DA", "DT", "TM", "LO", "AS") if method.supports(vr)] == ["DA", "DT", "TM"]


def test_the_further_secret_counts() -> None:
    """Two projects' rules with one key still differ by dateShiftKey."""
    assert shifted(["20200101"], {"dateShiftKey": "a"}) != shifted(["20200101"], {"dateShiftKey": "b"})


def test_a_data_set_of_the_projects_own_stays() -> None:
    """Dates do not move twice."""
    assert shifted(["20200101"], {}, Context(study_instance_uid="1.2.3", was_deidentified=True)) == ["20200101"]


@pytest.mark.parametrize(
    "settings",
    [
        {"dateShiftRange": 0},
        {"dateShiftRange": 3651},
        {"dateShiftScope": "Acquisition"},
        {"dateShiftKey": 123},
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, object]) -> None:
    """At start, with the key's name and without its value."""
    with pytest.raises(ConfigurationError, match=next(iter(settings))) as caught:
        ShiftDates.from_settings(settings, KEYS)

    assert "123" not in str(caught.value)
