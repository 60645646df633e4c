"""Keeping what is legal for its VR."""

from __future__ import annotations

import pytest

from dicomveil_engine.methods.base import Context, Element
from dicomveil_engine.methods.keep_legal import KeepLegal

METHOD = KeepLegal()


@pytest.mark.parametrize(
    ("vr", "values"),
    [
        ("AS", ["041Y"]),
        ("CS", ["LEFT", "", "HEAD_1 A"]),
        ("DS", [" 1.5", "-2e-05", "1.2345678901234567890"]),
        ("IS", ["41 ", "-3"]),
        ("IS", []),
    ],
)
def test_legal_values_stay(vr: str, values: list[str]) -> None:
    """As they are, blanks too."""
    assert METHOD.apply(Element(0x00111001, vr, values), Context()) is values


@pytest.mark.parametrize(
    ("vr", "values"),
    [
        ("AS", ["41"]),
        ("CS", ["LEFT", "Doe"]),
        ("CS", ["ABCDEFGHIJKLMNOPQ"]),
        ("DS", ["1-1-1950"]),
        ("DS", ["nan"]),
        ("IS", ["41", "Doe"]),
        ("IS", ["\u0661"]),
    ],
)
def test_anything_else_goes(vr: str, values: list[str]) -> None:
    """One illegal value is enough."""
    assert METHOD.apply(Element(0x00111001, vr, values), Context()) == []


def test_it_is_for_text_with_a_form() -> None:
    """Other text says nothing by its form, and numbers cannot be wrong."""
    assert [vr for vr in ("AS", "CS", "DS", "IS", "LO", "DA", "US") if METHOD.supports(vr)] == ["AS", "CS", "DS", "IS"]
