"""ORGANIZATION_NAME."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text_detection import found, left

NAMES = st.sampled_from(["Pemberton", "Threlkeldon", "Whitaker", "Quarrendon"])


@pytest.mark.parametrize(
    "form",
    [
        *(
            "{} Hospital",
            "{} Memorial Hospital",
            "St. {} Medical Center",
            "{} Heart Clinic",
            "{}'s Hospital",
            "{} Care Home",
        ),
        *(
            "Klinikum {}",
            "CHU de {}",
            "Clinique {}",
            "Clínica {}",
            "Ospedale {}",
            "Ziekenhuis {}",
            "Kliniek {}",
        ),
        *("Hospital de {}", "Szpital {}", "Centre hospitalier de {}"),
    ],
)
@given(name=NAMES)
def test_a_name_beside_a_word_for_it(form: str, name: str) -> None:
    """Before or behind, by language."""
    written = form.format(name)

    assert [one.rstrip(".") for one in found("organizations", f"from {written}, yesterday")] == [written]
    left("organizations", f"from {written}, yesterday")


@pytest.mark.parametrize("text", ["市立山田病院", "서울병원", "北京协和医院"])
def test_east_asian(text: str) -> None:
    """The word for an institution ends the name."""
    assert found("organizations", text) == [text]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "outpatient clinic",
            "the hospital",
            "hospital bed",
            "General Hospital",
            "heart clinic",
            "Radiology",
            "当院",
            "본원",
        ),
        *("home exercises", "nursing care", "cardiac care", "Klinik unauffällig"),
    ],
)
def test_words_alone_stay(text: str) -> None:
    """An institution without a name is not one."""
    assert found("organizations", text) == []
