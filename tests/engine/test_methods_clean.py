"""clean."""

from __future__ import annotations

from dicomveil_engine.methods.base import Context, Element
from dicomveil_engine.methods.clean import Clean

CLEAN = Clean()


def doe() -> Context:
    context = Context()
    context.identifying.add("Doe^Jane", "PN")
    return context


def test_identifying_words_and_patterns_go() -> None:
    """From each value by itself; an emptied one keeps its place."""
    element = Element(0x00081030, "LO", ["Jane Doe", "CT of 12.03.2020", "T1 ax"])

    assert CLEAN.apply(element, doe()) == ["", "CT of", "T1 ax"]


def test_nothing_left_is_zero_length() -> None:
    """Not one empty value."""
    assert CLEAN.apply(Element(0x00081030, "LO", ["Doe"]), doe()) == []


def test_unchanged_values_are_the_same_object() -> None:
    """So that the element may leave byte for byte as it came."""
    element = Element(0x00081030, "LO", ["T1 ax", ""])

    assert CLEAN.apply(element, doe()) is element.values


def test_it_is_for_free_text() -> None:
    """Names and codes are not text."""
    assert [vr for vr in ("LO", "LT", "SH", "ST", "UC", "UT", "PN", "CS", "UI") if CLEAN.supports(vr)] == [
        "LO", "LT", "SH", "ST", "UC", "UT",
    ]  # fmt: skip
