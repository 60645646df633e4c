"""refreshUID."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.methods.base import Context, Element, Values
from dicomveil_engine.methods.legal import is_legal
from dicomveil_engine.methods.refresh_uid import RefreshUID, uid_pseudonyms
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.pseudonyms.uids import UIDPseudonyms

KEYS = Keys(b"k" * 32)
OWN = UIDPseudonyms(KEYS)


def refreshed(values: Values) -> Values | None:
    return RefreshUID.of(KEYS).apply(Element(0x0020000D, "UI", values), Context())


def test_each_value_is_replaced_by_itself() -> None:
    """A multi-value does not collapse into one, and empty stays empty."""
    assert refreshed(["1.2.3", "", "1.2.3.4"]) == [OWN.pseudonym("1.2.3"), "", OWN.pseudonym("1.2.3.4")]
    assert refreshed([]) == []


def test_registered_uids_and_own_pseudonyms_stay() -> None:
    """A SOP class names no instance; de-identifying twice changes nothing."""
    values: Values = ["1.2.840.10008.5.1.4.1.1.2", OWN.pseudonym("1.2.3")]

    assert refreshed(values) == values


def test_padding_does_not_count() -> None:
    """References agree however they were padded."""
    assert refreshed(["1.2.3\0", " 1.2.3 "]) == refreshed(["1.2.3", "1.2.3"])


@pytest.mark.parametrize("text", ["1.2.840.10008.Doe^Jane", "Doe^Jane", "1." * 40 + "1", "1.2.840.10008.5.\ud800"])
def test_what_is_no_uid_is_replaced_all_the_same(text: str) -> None:
    """A name does not pass behind the registered root."""
    (uid,) = refreshed([text]) or [""]

    assert OWN.is_pseudonym(str(uid))


@given(st.text(min_size=1))
def test_the_result_is_legal_and_stays(text: str) -> None:
    """Whatever stood there."""
    first = refreshed([text])

    assert first
    assert not first[0] or is_legal("UI", str(first[0]))
    assert refreshed(first) == first


def test_rules_of_a_project_share_what_they_remember() -> None:
    """One cache for each project, which is dropped with its keys."""
    assert uid_pseudonyms(KEYS) is uid_pseudonyms(KEYS)
    assert uid_pseudonyms(KEYS) is not uid_pseudonyms(Keys(b"k" * 32))


def test_it_is_for_uids() -> None:
    """And for nothing else."""
    method = RefreshUID.of(KEYS)

    assert method.supports("UI")
    assert not method.supports("LO")
