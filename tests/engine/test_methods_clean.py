"""clean."""

from __future__ import annotations

import pytest

from dicomveil_engine.methods.base import Context, Element
from dicomveil_engine.methods.clean import Clean
from dicomveil_engine.text.own_words import OwnWords
from dicomveil_engine.text.words import IdentifyingWords

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


def test_it_is_for_texts_names_titles_and_ages() -> None:
    """Codes, UIDs and dates are none."""
    vrs = ("AE", "AS", "CS", "DA", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT")
    assert [vr for vr in vrs if CLEAN.supports(vr)] == ["AE", "AS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"]


def test_names_and_ages_are_findings_as_a_whole() -> None:
    """Whatever name it is; an age where it is over 89; what is not an age is emptied."""
    assert CLEAN.apply(Element(0x00100010, "PN", ["Roe^Richard"]), Context()) == []
    assert CLEAN.apply(Element(0x00101010, "AS", ["089Y", "090Y", "040M", "old"]), Context()) == [
        "089Y",
        "",
        "040M",
        "",
    ]
    assert CLEAN.apply(Element(0x00080055, "AE", ["DOE", "CT01"]), doe()) == ["", "CT01"]


@pytest.mark.parametrize(
    ("vr", "text", "left"),
    [
        ("SH", "SCAN WOLFESCHLEG", "SCAN"),
        ("SH", "WOLFESCHLEGELSTE", ""),
        ("LO", "T1 " * 16 + "T2 AX SE WOLFESC", "T1 " * 16 + "T2 AX SE"),
        ("SH", "AP VIEW OF CHEST", "AP VIEW OF CHEST"),
    ],
)
def test_a_name_that_is_cut_off_at_the_length_of_the_vr(vr: str, text: str, left: str) -> None:
    """What devices leave of a long name at the end of 16 or 64 characters is removed; words of images stay."""
    own, words = OwnWords(), IdentifyingWords()
    for value in ("Wolfeschlegelsteinhausen^Hubert", "Chestnut^Jane"):
        own.add(value, "PN")
        words.add(value, "PN")
    element = Element(0x0008103E, vr, [text])

    assert Clean().apply(element, Context(identifying=words, own=own)) == ([left] if left else [])
