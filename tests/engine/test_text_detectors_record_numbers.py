"""Numbers that a word before them explains: records, devices, passports, licences, plates, VINs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text_detection import found, infotypes, left


@pytest.mark.parametrize(
    ("cue", "infotype"),
    [
        *((cue, "MEDICAL_RECORD_NUMBER") for cue in ("MRN", "acc#", "chart no.", "Fallnummer", "IPP", "NHC", "Akte")),
        *((cue, "DEVICE_ID") for cue in ("s/n", "serial no.", "lot", "Seriennummer", "Charge")),
        *((cue, "PASSPORT") for cue in ("passport no.", "Reisepass", "pasaporte")),
        ("driver's licence", "DRIVERS_LICENSE_NUMBER"),
    ],
)
@given(number=st.from_regex(r"[A-Z]{0,2}[0-9]{5,8}", fullmatch=True))
def test_behind_a_cue(cue: str, infotype: str, number: str) -> None:
    """In several languages, with "no." and without."""
    text = f"{cue} {number}, left"

    assert found("record_numbers", text) == [number]
    assert infotypes("record_numbers", text) == [infotype]
    left("record_numbers", text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plate KLM 4821", ["KLM 4821"]),
        ("Kennzeichen BW-QR 118", ["BW-QR 118"]),
        ("VIN 1M8GDM9AXKP042788", ["1M8GDM9AXKP042788"]),
        ("car 1M8GDM9AXKP042788 sold", ["1M8GDM9AXKP042788"]),
        ("# 12345", ["12345"]),
    ],
)
def test_plates_and_vehicles(text: str, expected: list[str]) -> None:
    """A VIN by its check digit, without a cue too."""
    assert found("record_numbers", text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "car 1M8GDM9A1KP042788 sold",
            "case 3",
            "series 4",
            "lot of 12",
            "chart review",
            "no 5 mm",
            "ref 12 mm",
            "id 12",
        ),
        *("group 2", "order 3.5", "visit 12", "plate and screws", "serial CT", "fall 2 m"),
    ],
)
def test_short_numbers_and_words_stay(text: str) -> None:
    """A wrong check digit, counts and sizes, cues without a number."""
    assert found("record_numbers", text) == []
