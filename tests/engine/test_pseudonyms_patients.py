"""Pseudonyms for patients."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.pseudonyms.patients import PatientPseudonyms

PSEUDONYMS = PatientPseudonyms(Keys(b"k" * 32))
OTHERS = PatientPseudonyms(Keys(b"l" * 32))


@given(st.text())
def test_pseudonyms_recognise_themselves(original: str) -> None:
    """A pseudonym is 16 characters of Crockford's base 32, and its own pseudonym; nothing stays nothing."""
    pseudonym = PSEUDONYMS.pseudonym(original)

    if original.strip(" \0"):
        assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{16}", pseudonym)
        assert PSEUDONYMS.is_pseudonym(pseudonym)
        assert not OTHERS.is_pseudonym(pseudonym)
    assert PSEUDONYMS.pseudonym(pseudonym) == pseudonym


@given(st.text(), st.text(min_size=1))
def test_what_is_longer_or_shorter_is_no_pseudonym(original: str, more: str) -> None:
    """A text of another length is not tried with the key."""
    pseudonym = PSEUDONYMS.pseudonym(original)

    assert not PSEUDONYMS.is_pseudonym(pseudonym + more)
    assert not PSEUDONYMS.is_pseudonym(pseudonym[1:])


def test_padding_does_not_count() -> None:
    """The same identifier with other padding is the same patient."""
    assert PSEUDONYMS.pseudonym(" PATIENT-1 \0") == PSEUDONYMS.pseudonym("PATIENT-1")


def test_patients_and_projects_are_kept_apart() -> None:
    """Other identifiers and other keys have other pseudonyms."""
    names = {p.pseudonym(f"PATIENT-{n}") for p in (PSEUDONYMS, OTHERS) for n in range(100)}

    assert len(names) == 200


@pytest.mark.parametrize("text", ["", "PATIENT-1", "0" * 16, "O" * 16, "0" * 17, "é" * 16])
def test_strangers_are_not_recognised(text: str) -> None:
    """What the key did not make is not a pseudonym."""
    assert not PSEUDONYMS.is_pseudonym(text)


def test_each_character_counts() -> None:
    """A pseudonym with one character changed is none."""
    pseudonym = PSEUDONYMS.pseudonym("PATIENT-1")

    for place, character in enumerate(pseudonym):
        other = "1" if character == "0" else "0"
        assert not PSEUDONYMS.is_pseudonym(pseudonym[:place] + other + pseudonym[place + 1 :])


def test_what_other_versions_of_the_key_made_stays() -> None:
    """It is recognised as the project's own; new pseudonyms are those of the key alone."""
    both = PatientPseudonyms(Keys(b"k" * 32, others=(b"l" * 32,)))
    old = OTHERS.pseudonym("PATIENT-1")

    assert both.is_pseudonym(old)
    assert both.pseudonym(old) == old
    assert both.pseudonym("PATIENT-1") == PSEUDONYMS.pseudonym("PATIENT-1")
