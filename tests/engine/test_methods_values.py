"""What several methods ask of values."""

from __future__ import annotations

from dicomveil_engine.methods.base import Element
from dicomveil_engine.methods.values import inapplicable, positions_kept, utf8


def test_positions_are_kept_while_anything_is_left() -> None:
    """A dropped value leaves its place empty; nothing left is zero length."""
    assert positions_kept(["", "a"]) == ["", "a"]
    assert positions_kept(["", ""]) == []


def test_an_error_names_the_element_and_no_value() -> None:
    """Tag and VR are enough to find it."""
    error = inapplicable("perturb", Element(0x00101030, "DS", ["Doe^Jane"]), "no number")

    assert str(error) == "perturb cannot be applied to (0010,1030) PatientWeight DS: no number"


def test_lone_surrogates_have_bytes() -> None:
    r"""JSON's "\ud800" must not end in an error that quotes the text."""
    assert utf8("\ud800é") == b"\xed\xa0\x80\xc3\xa9"
