"""Which texts are legal for a VR."""

from __future__ import annotations

import pytest

from dicomveil_engine.methods.legal import is_legal

LEGAL = {
    "AE": ["STORE 1"],
    "AS": ["045Y", "000D"],
    "CS": ["ORIGINAL_1 A"],
    "DA": ["20200229"],
    "DS": ["1", "-1.5E-3", " .5 ", "1."],
    "DT": ["2020", "20200101101010.5+0100"],
    "IS": ["-2147483648", "+7 "],
    "LO": ["Doe", "é" * 64],
    "LT": ["a\\b\r\nc\t"],
    "PN": ["Doe^Jane", "A^B^C^D^E=山田=", "=".join(["a" * 64] * 3)],
    "SH": ["a" * 16],
    "TM": ["10", "101530.123456", "235960"],
    "UC": ["a" * 100],
    "UI": ["1.2.3", "0", "2.25.10"],
    "UR": ["about:blank", "http://a/b?c=d#e"],
    "UT": ["a\fb" * 9999],
}
ILLEGAL = {
    "AE": ["a" * 17, "   ", "a\x00", "é"],
    "AS": ["45Y", "045y", "0045Y"],
    "CS": ["lower", "A" * 17, "A-B"],
    "DA": ["20200230", "2020.02.02", "2020"],
    "DS": ["1,5", "NaN", "1" * 17, "1_0", "1 2"],
    "DT": ["20", "20200101T10"],
    "IS": ["2147483648", "1.0", "1_0", "1" * 13],
    "LO": ["a" * 65, "a\nb"],
    "LT": ["a" * 10241, "a\x00"],
    "PN": ["a" * 65, "a=b=c=d", "a^b^c^d^e^f", "a\x1f"],
    "SH": ["a" * 17],
    "ST": ["a" * 1025],
    "TM": ["24", "1", "101561", "10:15"],
    "UI": ["1..2", "1.02", "1.a", "1." * 32 + "12", "."],
    "UR": ["http://a b", "ü"],
}


@pytest.mark.parametrize(("vr", "text"), [(vr, text) for vr, texts in LEGAL.items() for text in texts])
def test_legal(vr: str, text: str) -> None:
    """PS3.5 Table 6.2-1 allows it."""
    assert is_legal(vr, text)


@pytest.mark.parametrize(("vr", "text"), [(vr, text) for vr, texts in ILLEGAL.items() for text in texts])
def test_illegal(vr: str, text: str) -> None:
    """PS3.5 Table 6.2-1 forbids it."""
    assert not is_legal(vr, text)
