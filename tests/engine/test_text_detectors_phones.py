"""PHONE_NUMBER."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.text.settings import TextSettings
from engine.text_detection import found, left


@pytest.mark.parametrize(
    "text",
    [
        *("+49 (0)30 123-4567", "+1 212 555 0100", "(212) 555-0100", "212-555-0100", "212.555.0100", "0049 30 1234567"),
        *("06 12 34 56 78", "030/1234567", "0171-123 45 67", "555-0100", "(212) 555-0100 ext. 42", "8 (918) 212-32-58"),
        *("x9131", "ext. 5698"),
    ],
)
def test_notations(text: str) -> None:
    """Those that nothing else is written in."""
    assert found("phones", f"at {text}, left") == [text]
    left("phones", f"at {text}")


@pytest.mark.parametrize(
    "text",
    [
        *(
            "tel {}",
            "phone: {}",
            "pager {}",
            "Durchwahl {}",
            "Teléfono de contacto {}",
            "Contacto {}",
            "tel. kontaktowy {}",
        ),
        *("rappeler au {}", "bellen naar {}", "erreichbar unter {}", "recapito {}", "telefon {}", "тел. {}", "電話 {}"),
    ],
)
@given(number=st.from_regex(r"[2-9][0-9]{2} [0-9]{3} [0-9]{3}", fullmatch=True))
def test_behind_a_cue(text: str, number: str) -> None:
    """Whatever the notation, in each language."""
    assert found("phones", text.format(number)) == [number]


def test_regions() -> None:
    """What is a number there is three numbers elsewhere."""
    assert found("phones", "CT 683 148 738", TextSettings(regions=("ES",))) == ["683 148 738"]
    assert found("phones", "CT 683 148 738") == []


@pytest.mark.parametrize(
    "text",
    [
        *(
            "512 512 300",
            "matrix 256 256 1200",
            "x3",
            "ext rotation",
            "TE 12.5",
            "T2 3 4",
            "1.25 mm",
            "2020-03-12",
            "b 0 500",
        ),
        *("contact lens", "FOV 240 240 2400", "call back", "0.5 x 0.5"),
    ],
)
def test_sizes_stay(text: str) -> None:
    """And cues without a number."""
    assert found("phones", text) == []
