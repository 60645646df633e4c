"""Identifying words are found in binary values, whatever is around them, and rarely by chance."""

from __future__ import annotations

import random

import pytest

from dicomveil_engine.text.in_bytes import SHORTEST_IN_LONG, has_word_within, holds_own_words, may_hold_words
from dicomveil_engine.text.own_words import OwnWords

NAME = "Müller-Lüdenscheidt^Jane"


def own() -> OwnWords:
    """The words of a name and of two identifiers."""
    words = OwnWords()
    words.add(NAME, "PN")
    words.add("PATIENT-4711", "LO")
    words.add("0077123456", "LO")
    return words


@pytest.mark.parametrize(
    "value",
    [
        b"\x01\x02Jane\x00\xff",
        b"\x00desc\x00\x00\x00\x08Ludenscheidt\x00",
        b"LBMuellerLuedenscheidt\x03;PU;",
        b"\x01id\x000077123456\x00",
        b"\x00PATIENT4711\x00",
        "jane".encode("utf-16-le"),
        b"\x07" + "JANE".encode("utf-16-be") + b"\x00",
        "Müller".encode(),
        "Müller".encode("latin-1"),
        "Frau Müller".encode("utf-16-le"),
        b"\0" * 5000 + b"LUEDENSCHEIDT" + b"\0" * 5000,
    ],
)
def test_own_words_are_found(value: bytes) -> None:
    """In 8 and 16 bits per character, as the whole value or within other bytes, in each spelling."""
    assert may_hold_words(value)
    assert holds_own_words(value, own())


@pytest.mark.parametrize(
    "value", [b"", b"\0\1", bytes(range(256)), b"\x01Janet\x00", b"acsp\0\0\0\0RGB XYZ", b"12\0" * 40, b"\xff\xfe" * 9]
)
def test_other_bytes_are_not(value: bytes) -> None:
    """Numbers, tables, other words."""
    assert not holds_own_words(value, own())


@pytest.mark.parametrize("value", [b"", b"\0\1", b"\1\0\2\0\3\0", b"\x00\x02\x10\x00A", bytes(1000)])
def test_short_numbers_hold_no_words(value: bytes) -> None:
    """They need no comparison, so that they are kept at once."""
    assert not may_hold_words(value)


def test_a_short_word_does_not_count_in_a_long_value() -> None:
    """Four letters occur by chance in a megabyte; seven hardly ever."""
    noise = random.Random(1).randbytes(1 << 20)

    assert not holds_own_words(noise + b"\0jane\0", own())
    assert holds_own_words(noise + b"\0ludenscheidt\0", own())
    assert not has_word_within(noise, own(), SHORTEST_IN_LONG)


def test_words_that_are_not_all_known() -> None:
    """A value that is text may hold an unknown name; other bytes have letters by chance."""
    unknown = OwnWords(is_complete=False)

    assert [holds_own_words(value, unknown) for value in (b"Jane\0", b"\x01\x02Jane\x00\xff", b"\0")] == [
        True,
        False,
        False,
    ]
