"""Whether a kept value holds a word of its own data set's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.text.own_words import OwnWords

INSTITUTION = dictionary.tag_of("InstitutionName") or 0


def own(*values: tuple[str, str]) -> OwnWords:
    words = OwnWords()
    for value, vr in values:
        words.add(value, vr)
    return words


DOE = own(("Doe^Jane=山田^太郎", "PN"), ("Müller-Roe", "PN"), ("QX7719-44", "LO"), ("A12", "SH"), ("19310517", "DA"))
DOE.add("Mercy Hospital", "LO", INSTITUTION)


@pytest.mark.parametrize(
    "text",
    [
        "DOE",
        "DOE_JANE",
        "JANE DOE",
        "DOEJANE",
        "JDOE",
        "MUELLER",
        "Muller",
        "QX7719-44",
        "QX7719_44X",
        "QX771944",
        "A12",
        "19310517",
        "17051931",
        "山田",
        "MERCY",
        "x A12 y",
    ],
)
def test_own_words_are_found(text: str) -> None:
    """Names in their spellings, identifiers with or without what separates their parts, dates as numbers."""
    assert DOE.are_in(text)


@pytest.mark.parametrize(
    "text",
    ["", "HEAD", "DOES", "DO", "J", "A123", "BA12", "1931", "T1", "113100", "MERCYX", "anonymous", "771945", "1e400"],
)
def test_other_words_are_not(text: str) -> None:
    """Parts of words, short numbers, and what stands in other data sets alike."""
    assert not own(("anonymous", "PN"), ("ANONYMOUS", "LO")).are_in(text)
    assert not DOE.are_in(text)


def test_words_of_places_count_where_asked_for() -> None:
    """A coding scheme may be called as the manufacturer's hospital is."""
    assert not DOE.are_in("MERCY", places=False)
    assert DOE.are_in("DOE", places=False)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("771944", True),
        ("771944.5", True),
        ("-0771944", True),
        ("7.71944E5", True),
        ("0.771944", False),
        ("1e999", False),
    ],
)
def test_a_number_is_an_identifier_as_a_whole(number: str, expected: bool) -> None:
    """However it is written; in what is behind the decimal point it is chance."""
    assert DOE.is_number(number) is expected
    assert not own(("12345", "LO")).is_number("12345")
    assert not own().is_number(number)
    assert not own(("0000001", "LO")).is_number("1")


def test_a_uid_holds_an_identifier_as_a_component() -> None:
    """Class UIDs of organizations have numbers in them."""
    assert DOE.are_in_uid("1.2.771944.3")
    assert not DOE.are_in_uid("1.2.7719444.3")


def test_words_that_are_not_all_known() -> None:
    """Any text may hold an unknown name, any number or component of six digits an unknown identifier."""
    unknown = OwnWords(is_complete=False)

    assert [unknown.are_in(text) for text in ("KNEE", "123456", "12345", " ", "")] == [True, True, False, False, False]
    assert [unknown.is_number(text) for text in ("-123456.5", "12345.678901", "1" * 40)] == [True, False, True]
    assert [unknown.are_in_uid(uid) for uid in ("1.2.123456", "1.2.12345")] == [True, False]


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("WOLFESCHLEGELSTE", True),
        ("ADAM WOLFESCHLEG", True),
        ("SERIES_ADAM_WOLF", False),
        ("WOLFESCHLEG", False),
        ("KH20207719445566", True),
        ("KH-2020-77194455", True),
        ("CHEST_ABDOMEN_PE", False),
        ("LIST " * 10 + "WOLFESCHLEGELS", True),
    ],
)
def test_a_word_that_is_cut_off(text: str, is_found: bool) -> None:
    """At the length of the VR, where devices cut: 16 or 64 characters."""
    own = OwnWords()
    own.add("Wolfeschlegelsteinhausen^Hubert", "PN")
    own.add("KH-2020-7719445566-A", "LO")

    assert own.are_in(text) is is_found


_VALUES = st.tuples(
    st.sampled_from(["Doe^Jane", "QX7719-44", "A12", "19310517", "山田", "anonymous"]),
    st.sampled_from(["PN", "LO", "DA"]),
)


@given(st.lists(_VALUES, max_size=5), st.data())
def test_when_words_are_asked_for_does_not_matter(values: list[tuple[str, str]], data: st.DataObject) -> None:
    """They are read when they are first needed; values that come later count as if all had come before."""
    asked = OwnWords()
    for value, vr in values:
        asked.add(value, vr)
        if data.draw(st.booleans()):
            asked.are_in("HEAD")
    at_once = own(*values)
    for text in ("DOE", "QX771944", "A12", "19310517", "17051931", "山田", "ANONYMOUS", "HEAD"):
        assert asked.are_in(text) is at_once.are_in(text)
        assert asked.are_among({text.lower()}) is at_once.are_among({text.lower()})
        assert asked.has_long_word_in(text.lower()) is at_once.has_long_word_in(text.lower())
    assert asked.is_number("771944") is at_once.is_number("771944")
    assert asked.are_in_uid("1.771944") is at_once.are_in_uid("1.771944")
