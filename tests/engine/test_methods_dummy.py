"""dummy."""

from __future__ import annotations

import pytest

from dicomveil_engine.methods.base import (
    BYTES_VRS,
    FLOAT_VRS,
    INTEGER_VRS,
    TEXT_VRS,
    Context,
    Element,
    Values,
)
from dicomveil_engine.methods.dummy import Dummy, constant
from dicomveil_engine.methods.legal import is_legal
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.pseudonyms.uids import UIDPseudonyms

KEYS = Keys(b"k" * 32)


def dummy(vr: str, values: Values) -> Values | None:
    return Dummy.of(KEYS).apply(Element(0x00100010, vr, values), Context())


@pytest.mark.parametrize("vr", sorted(TEXT_VRS))
def test_text_dummies_are_legal(vr: str) -> None:
    """Of non-zero length (PS3.15 action code D) and legal for the VR."""
    (text,) = constant(vr)

    assert is_legal(vr, str(text))


@pytest.mark.parametrize("vr", sorted(TEXT_VRS | INTEGER_VRS | FLOAT_VRS | BYTES_VRS))
def test_every_vr_has_one_and_keeps_it(vr: str) -> None:
    """The value does not show, and a second pass changes nothing."""
    first = dummy(vr, b"" if vr in BYTES_VRS else [])

    assert first
    assert Dummy.of(KEYS).supports(vr)
    assert dummy(vr, first) == first


@pytest.mark.parametrize(("vr", "size"), [("OB", 2), ("OW", 2), ("UN", 2), ("OF", 4), ("OL", 4), ("OD", 8), ("OV", 8)])
def test_bytes_are_one_zero_word(vr: str, size: int) -> None:
    """Of even length, and a whole word of the VR."""
    assert constant(vr) == bytes(size)


def test_uids_are_pseudonyms() -> None:
    """A constant UID would make all instances one; each value has its own, and nothing has one too."""
    own = UIDPseudonyms(KEYS)

    assert dummy("UI", ["1.2.3", "1.2.4"]) == [own.pseudonym("1.2.3"), own.pseudonym("1.2.4")]
    (uid,) = dummy("UI", []) or [""]
    assert own.is_pseudonym(str(uid))


def test_a_sequence_has_none() -> None:
    """Its items do."""
    assert not Dummy.of(KEYS).supports("SQ")
