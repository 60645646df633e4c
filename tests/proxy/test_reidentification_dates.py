"""Dates go back by the days by which they came."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import ConfigurationError, load_policy
from dicomveil_engine.methods.base import Context, Element
from dicomveil_engine.pseudonyms.dates import shift_da, shift_dt
from dicomveil_proxy.project import check_reversible
from dicomveil_proxy.reidentification.dates import DatesBack
from proxy.fakes import KEY, STUDY

KEPT_UIDS = [{"tag": tag, "method": "keep"} for tag in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")]
ACQUISITION_DATE, ACQUISITION_DATE_TIME = 0x00080022, 0x0008002A


def policy(scope: str = "StudyInstance", **rule: Any) -> Any:
    """The default preset with a scope, and perhaps a rule before it."""
    rules = [rule] if rule else []
    return load_policy(
        {"profile": "default", "rules": rules, "defaultSettings": {"dateShift": {"dateShiftScope": scope}}}, KEY
    )


@pytest.mark.parametrize("scope", ["StudyInstance", "Patient"])
@pytest.mark.parametrize("patient", ["PATIENT-1", ""])
@given(day=st.dates(date(1900, 1, 1), date(2100, 1, 1)))
def test_back_is_the_inverse(scope: str, patient: str, day: date) -> None:
    """Whatever the policy makes of a date, this makes the date of it."""
    made = policy(scope)
    back = DatesBack(made, STUDY, patient)
    for vr, tag, text in (
        ("DA", ACQUISITION_DATE, f"{day:%Y%m%d}"),
        ("DT", ACQUISITION_DATE_TIME, f"{day:%Y%m%d}1530"),
    ):
        context = Context(study_instance_uid=STUDY, patient_id=patient)
        (out,) = made.decide(tag, vr).method.apply(Element(tag, vr, [text]), context)

        assert out != text
        assert back.move(tag, vr, out) == text


def test_what_does_not_move() -> None:
    """A date that the policy keeps stays."""
    back = DatesBack(policy(tag="AcquisitionDate", method="keep"), STUDY, "PATIENT-1")

    assert back.move(ACQUISITION_DATE, "DA", "20200101") == "20200101"


@pytest.mark.parametrize(
    ("vr", "text"),
    [
        *(("DA", text) for text in ("00010101", "99991231", "noon", "2020.01.01", "20201332")),
        *(("DT", text) for text in ("00010101", "9999", "99991231", "noon", "0001")),
    ],
)
def test_what_cannot_be_moved_back(vr: str, text: str) -> None:
    """Nothing is left of it, or what comes out again as it was sent: it tells nothing of the days."""
    for study in map("1.2.3.{}".format, range(20)):
        days = policy().decide(ACQUISITION_DATE, "DA").method.date_move.shift.days(study)
        move = shift_da if vr == "DA" else shift_dt
        tag = ACQUISITION_DATE if vr == "DA" else ACQUISITION_DATE_TIME

        back = DatesBack(policy(), study, "").move(tag, vr, text)
        assert back == "" or move(back, days) == text


@given(st.dates(date(1, 1, 1), date(9999, 12, 31)), st.sampled_from(["%Y", "%Y%m", "%Y%m%d", "%Y%m%d1200+0100"]))
def test_any_precision(day: date, form: str) -> None:
    """A year or month comes home as what comes out as it was sent, or empty; never as another one."""
    text = day.strftime(form).zfill(len(date(2000, 1, 1).strftime(form)))
    days = policy().decide(ACQUISITION_DATE_TIME, "DT").method.date_move.shift.days(STUDY)

    back = DatesBack(policy(), STUDY, "").move(ACQUISITION_DATE_TIME, "DT", text)
    assert back == "" or shift_dt(back, days) == text


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({"profile": "PS3.15", "rules": KEPT_UIDS}, "refreshUID"),
        (
            {"profile": "default", "defaultSettings": {"dateShift": {"dateShiftScope": "SeriesInstance"}}},
            "dateShiftScope",
        ),
    ],
)
def test_policies_that_cannot_be_undone(config: dict[str, object], word: str) -> None:
    """The error names what to change."""
    with pytest.raises(ConfigurationError, match=word):
        check_reversible(load_policy(config, KEY))


def test_policies_that_can_be_undone() -> None:
    """The presets with and without dates."""
    for name in ("default", "basic"):
        check_reversible(load_policy({"profile": name}, KEY))
