"""PERSON_NAME as initials behind a cue."""

from __future__ import annotations

import pytest

from engine.text_detection import found, left


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("Tech: DW", ["DW"]), ("Checked: T.R.", ["T.R."]), ("read by BK", ["BK"]), ("tech JD/RR", ["JD/RR"])),
        *(("scanned by GH", ["GH"]), ("initials DKW", ["DKW"]), ("dict. JWK", ["JWK"]), ("Diktat: GS/hb", ["GS/hb"])),
        *(("typed by kvw", ["kvw"]), ("DICT: QF TYPED: bm", ["QF", "bm"]), ("Knee 2 views QF/jt", ["QF/jt"])),
        *(("Tech: XN. QA: TO. 2 rejects", ["XN", "TO"]), ("RT/LD", ["RT/LD"])),
    ],
)
def test_behind_a_word_for_somebody(text: str, expected: list[str]) -> None:
    """Two or three letters, with full stops and without."""
    assert found("initials", text) == expected
    left("initials", text)


@pytest.mark.parametrize(
    "text",
    [
        *("Tech: CT", "read by MR", "view: AP", "checked: OK", "by ED", "Tech: ICU", "CT/MR", "AP/PA", "RL LR", "DW"),
        *("tech: dw", "Series: DWI", "read: LAT", "typed by me", "typed by hand", "Dictation: PO/iv", "Contrast IV/po"),
        *("referto: TC", "SAG/cor", "CT/hip", "gez. re", "Befund AP/LL", "checked: to be done", "MR/QX"),
    ],
)
def test_modalities_views_and_sides_stay(text: str) -> None:
    """They are never anybody's initials, nor are letters without a cue or in small letters."""
    assert found("initials", text) == []
