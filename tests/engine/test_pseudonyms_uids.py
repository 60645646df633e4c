"""Pseudonyms for UIDs that recognise themselves."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.attributes._standard import registered_uids
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.pseudonyms.uids import UIDPseudonyms

PSEUDONYMS = UIDPseudonyms(Keys(b"k" * 32))
OTHERS = UIDPseudonyms(Keys(b"o" * 32))

uids = st.lists(st.integers(0, 10**9), min_size=2, max_size=7).map(lambda parts: ".".join(["1.2.3", *map(str, parts)]))


@given(uids)
def test_pseudonyms_are_legal(uid: str) -> None:
    """A UUID of version 8 (RFC 9562) below the root for UUIDs (PS3.5 Section B.2)."""
    pseudonym = PSEUDONYMS.pseudonym(uid)

    assert pseudonym.startswith("2.25.")
    assert len(pseudonym) <= 44
    number = uuid.UUID(int=int(pseudonym[5:]))
    assert (number.version, number.variant) == (8, uuid.RFC_4122)


@given(uids)
def test_twice_is_once(uid: str) -> None:
    """A pseudonym is recognised, by its own project only, and stays."""
    pseudonym = PSEUDONYMS.pseudonym(uid)

    assert PSEUDONYMS.is_pseudonym(pseudonym)
    assert PSEUDONYMS.pseudonym(pseudonym) == pseudonym
    assert not OTHERS.is_pseudonym(pseudonym)
    assert OTHERS.pseudonym(pseudonym) != pseudonym


@given(uids, uids)
def test_equal_originals_only(one: str, other: str) -> None:
    """Equal originals have equal pseudonyms, different ones different."""
    assert (PSEUDONYMS.pseudonym(one) == PSEUDONYMS.pseudonym(other)) == (one == other)


@pytest.mark.parametrize("uid", ["", "1.2.840.10008.1.2", "1.2.840.10008.5.1.4.1.1.2"])
def test_registered_uids_stay(uid: str) -> None:
    """What the standard registers names no instance; nothing stays nothing."""
    assert PSEUDONYMS.pseudonym(uid) == uid


def test_all_that_the_standard_registers_stays() -> None:
    """Classes, transfer syntaxes, coding schemes, and well-known frames of reference (PS3.6 Annex A)."""
    listed = [f"1.2.840.10008.{leaf}" for leaf in registered_uids._LEAVES]

    assert "1.2.840.10008.1.4.1.1" in listed
    assert {uid for uid in listed if PSEUDONYMS.pseudonym(uid) != uid} == set()


@pytest.mark.parametrize(
    "uid",
    [
        "1.2.840.100081.2",
        "1.2.840.10008",
        "1.2.840.10008.20240312",
        "1.2.840.10008.1.2.20240312",
        "1.2.840.10008.5.1.4.1.1.2.19700101",
        "1.2.840.10008.5.1.4.1.1.2.1234567",
        "1.2.840.10008.6.1.1234567",
        "1.2.840.10008.1.4.1.1.20240312.101112",
        "1.2.840.10008.01.2",
        "1.2.840.10008.1.2\\1.2.3",
    ],
)
def test_what_is_behind_the_registered_root_does_not_stay_for_it(uid: str) -> None:
    """A date or an identifier behind it becomes a pseudonym, and that stays."""
    pseudonym = PSEUDONYMS.pseudonym(uid)

    assert PSEUDONYMS.is_pseudonym(pseudonym)
    assert PSEUDONYMS.pseudonym(pseudonym) == pseudonym


@given(st.integers(20_000, 10**15), st.sampled_from(sorted(registered_uids._LEAVES)))
def test_a_long_number_behind_a_registered_uid_does_not_stay(number: int, leaf: str) -> None:
    """Whichever it is: the standard counts what it registers by ones."""
    assert PSEUDONYMS.is_pseudonym(PSEUDONYMS.pseudonym(f"1.2.840.10008.{leaf}.{number}"))


OURS = PSEUDONYMS.pseudonym("1.2.3")


@pytest.mark.parametrize(
    "uid",
    [
        "",
        "2.25.",
        "2.25.0",
        "2.25.1",
        f"2.25.{2**128}",
        "2.25.-1",
        "2.25.٣",
        "2.25.1e9",
        OURS + "0",
        OURS + " ",
        OURS[:5] + "0" + OURS[5:],
        OURS[:5] + str(int(OURS[5:]) ^ 1),
        OURS[:5] + str(int(OURS[5:]) ^ 1 << 127),
        "1" + OURS[1:],
        f"2.25.{uuid.UUID('00000000-0000-8000-8000-000000000000').int}",
        "2.25." + "9" * 5000,
    ],
)
def test_others_are_none(uid: str) -> None:
    """No other text is taken for a pseudonym: changed bits, other spellings of the number, long digits."""
    assert not PSEUDONYMS.is_pseudonym(uid)


def test_known_answer() -> None:
    """The derivation stays as it is: archives that were de-identified yesterday hold its results."""
    pseudonym = UIDPseudonyms(Keys(b"k" * 32)).pseudonym("1.2.3")

    assert pseudonym == "2.25.284008000472183733542084533904237421951"


def test_what_other_versions_of_the_key_made_stays() -> None:
    """It is recognised as the project's own; new pseudonyms are those of the key alone."""
    both = UIDPseudonyms(Keys(b"k" * 32, others=(b"o" * 32,)))
    old = OTHERS.pseudonym("1.2.3")

    assert both.is_pseudonym(old)
    assert not both.is_own(old)
    assert both.pseudonym(old) == old
    assert both.pseudonym("1.2.3") == PSEUDONYMS.pseudonym("1.2.3")
    assert both.is_own(both.pseudonym("1.2.3"))
