"""What becomes of UIDs, and which instance an output is."""

from __future__ import annotations

import pytest

from dicomveil_engine.part10 import new_uids
from dicomveil_engine.part10.new_uids import USUAL_BYTES, NewIdentities, NewUIDs
from dicomveil_engine.policy import Policy
from dicomveil_engine.pseudonyms.identity import InstanceIdentity
from engine.datasets import preset, rule, rules

BASIC = preset("basic")


def padded(text: str) -> bytes:
    """A UI value of an even length."""
    return text.encode() + bytes(len(text) % 2)


def identities(policy: Policy) -> NewIdentities:
    """Those of a policy."""
    return NewIdentities(policy, NewUIDs(policy))


def test_new_values() -> None:
    """Each UID of a value becomes its pseudonym; what stays as it is, is said by None."""
    uids = NewUIDs(BASIC)
    one, two = BASIC.pseudonym_uid("1.2.3"), BASIC.pseudonym_uid("1.2.4")

    assert uids[b"1.2.3"] == padded(one)
    assert uids[b"1.2.3\\1.2.4"] == uids[b"1.2.3 \\ 1.2.4"] == padded(f"{one}\\{two}")
    assert uids[one.encode()] is None
    assert uids[b"1.2.840.10008.1.2"] is None
    assert uids[b"1.2.840.10008.1.2 \\1.2.840.10008.1.2.1"] is None
    assert uids[b""] is None
    assert uids["1.2.3ä".encode("latin-1")] == padded(BASIC.pseudonym_uid("1.2.3\xe4"))


def test_usual_length() -> None:
    """Most pseudonyms are as long as the heads that are made in advance expect."""
    uids = NewUIDs(BASIC)
    lengths = [len(uids[f"1.2.{number}".encode()] or b"") for number in range(1_000)]

    assert lengths.count(USUAL_BYTES) > 900


def test_values_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many UIDs come, and however long they are, so much is remembered."""
    monkeypatch.setattr(new_uids, "_VALUES_CACHED", 100)
    uids = NewUIDs(BASIC)
    for number in range(250):
        assert uids[b"1.2.%d" % number] == padded(BASIC.pseudonym_uid(f"1.2.{number}"))
        assert len(uids) <= 100
    long = b"\\".join(b"1.2.%d" % number for number in range(300))
    known = len(uids)

    assert (uids[long] or b"").startswith(b"2.25.")
    assert len(uids) == known


def test_identity_of_an_output() -> None:
    """Pseudonyms where UIDs are replaced, the same UIDs where they are kept, and none where they go."""
    original = InstanceIdentity("1.2.840.10008.5.1.4.1.1.2", "1.2.3", "1.2.3.1", "1.2.3.1.1")
    keeping = rules(rule("StudyInstanceUID", "keep"), rule("SeriesInstanceUID", "remove"))

    assert identities(BASIC).of(original) == (original[0], *map(BASIC.pseudonym_uid, original[1:]))
    assert identities(keeping).of(original) == (original[0], "1.2.3", "", "1.2.3.1.1")
    assert identities(BASIC).of(InstanceIdentity()) == InstanceIdentity()


def test_pseudonym_of_a_uid_that_is_kept() -> None:
    """A file whose data set has no UID gets one that nobody had."""
    keeping = rules(rule("UI", "keep"))

    assert identities(keeping).pseudonym("1.2.3") == keeping.pseudonym_uid("1.2.3")
    assert identities(keeping).pseudonym("") == ""
    assert identities(keeping).pseudonym("1.2.3\\1.2.4") == keeping.pseudonym_uid("1.2.3\\1.2.4")
