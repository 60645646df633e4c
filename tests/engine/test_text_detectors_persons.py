"""PERSON_NAME of people who stand in no attribute."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text_detection import found, left

NAMES = st.sampled_from(["Threlkeldon", "Abernathy", "Quarrendon", "Vandenberg", "Oyelaran"])


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Dr {}",
            "Dr. {}",
            "Prof {}",
            "Mrs {} waits",
            "Herr {}",
            "Mme {}",
            "Sra. {}",
            "dhr. {}",
            "Pan {}",
            "Frau {} informiert",
        ),
        *(
            "dictated by {}",
            "called to {}",
            "attending {}",
            "Officer {}",
            "tech {}",
            "nurse {}",
            "resident: {}",
            "cc {}",
        ),
        *(
            "her sister {}",
            "stepson {} helped",
            "next of kin: {}",
            "Schwiegertochter {}",
            "sa voisine {}",
            "su nuera {}",
        ),
        *("nuora {}", "schoonzoon {}", "synowa {}", "signed {}", "referred by {}", "Untersucht von {}"),
        *("{}, MD", "{}, RN", "{} requested a repeat"),
    ],
)
@given(name=NAMES)
def test_beside_a_cue(text: str, name: str) -> None:
    """Titles, roles, relations, verbs, prepositions, credentials, in eight languages; known names and others."""
    written = text.format(name)

    assert name in " ".join(found("persons", written))
    assert name not in left("persons", written)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seen by Jane Abernathy today", ["Jane Abernathy"]),
        ("M.ABERNATHY", ["M.ABERNATHY"]),
        ("J. K. Abernathy", ["J. K. Abernathy"]),
        ("Dr Abernathy and Vandenberg", ["Abernathy", "Vandenberg"]),
        ("Next of kin: Rashid Pemberton, tel", ["Rashid Pemberton"]),
        ("Esame eseguito da Mirella Caruso", ["Mirella Caruso"]),
    ],
)
def test_spans(text: str, expected: list[str]) -> None:
    """Initials and given names go with the name; prepositions and cues stay."""
    assert found("persons", text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Baker cyst",
            "Hodgkin disease",
            "Colles fracture",
            "Foley catheter",
            "Jackson-Pratt drain",
            "Swan-Ganz catheter",
        ),
        *("CT HEAD", "AX HEART", "T2 TSE COR", "DR CHEST", "MR KNEE", "PT CLAUSTROPHOBIC", "with contrast", "by mouth"),
        *(
            "TC tórax, cortes de 1 mm",
            "seen in clinic",
            "MS 1800",
            "1800 ms TR",
            "tech notes",
            "nurse present",
            "Morbus Crohn",
        ),
    ],
)
def test_technique_and_eponyms_stay(text: str) -> None:
    """Cues before words that are no names."""
    assert found("persons", text) == []
