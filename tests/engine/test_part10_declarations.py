"""Reading what an instance declares of its private blocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.attributes.characters import DEFAULT
from dicomveil_engine.part10.declarations import read_private_blocks
from dicomveil_engine.part10.encoding import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Encoding
from dicomveil_engine.profile.private import PrivateBlock
from engine.datasets import BIG, EXPLICIT, IMPLICIT, element, header, item, open_sequence

ENCODINGS = {EXPLICIT: EXPLICIT_LITTLE, IMPLICIT: IMPLICIT_LITTLE, BIG: EXPLICIT_BIG}


def block(syntax: str, *more: bytes) -> bytes:
    """The elements of an item about group 0011 of ACME."""
    return b"".join(
        (
            element(0x00080301, "US", [0x11], syntax),
            element(0x00080302, "LO", "ACME", syntax),
            element(0x00080303, "CS", "MIXED", syntax),
            element(0x00080304, "US", [2, 0xFF], syntax),
            *more,
        )
    )


@pytest.mark.parametrize(("syntax", "encoding"), ENCODINGS.items())
def test_items(syntax: str, encoding: Encoding) -> None:
    """Of defined and undefined length, with other sequences in them, in order."""
    inner = item(element(0x00080307, "CS", "X", syntax), syntax, is_open=True)
    more = (
        open_sequence(0x00080305, inner, syntax),
        element(0x00080310, "SQ", [], syntax),
    )
    items = item(block(syntax, *more), syntax) + item(block(syntax, *more), syntax, is_open=True)
    expected = PrivateBlock(0x11, "ACME", "MIXED", frozenset((2, 0xFF)))

    assert read_private_blocks(items, encoding, DEFAULT) == (expected, expected)
    assert read_private_blocks(items + header(0xFFFEE0DD, "", 0, syntax), encoding, DEFAULT) == (expected, expected)


def test_other_vrs_say_nothing() -> None:
    """Neither a group in text nor a creator in bytes is read."""
    group = element(0x00080301, "US", [0x11])
    creator = element(0x00080302, "LO", "ACME")

    assert read_private_blocks(item(group + element(0x00080302, "UN", b"ACME")), EXPLICIT_LITTLE, DEFAULT) == ()
    assert read_private_blocks(item(element(0x00080301, "LO", "17") + creator), EXPLICIT_LITTLE, DEFAULT) == ()
    assert read_private_blocks(item(group + creator), EXPLICIT_LITTLE, DEFAULT) == (PrivateBlock(0x11, "ACME"),)


@pytest.mark.parametrize("cut", range(1, 56))
def test_what_is_cut_off_declares_nothing(cut: int) -> None:
    """All or nothing: a second item might have contradicted."""
    items = item(block(EXPLICIT)) * 2

    assert read_private_blocks(items[:-cut], EXPLICIT_LITTLE, DEFAULT) == ()


@given(st.binary(max_size=64), st.sampled_from(list(ENCODINGS)))
def test_any_bytes_are_read(value: bytes, syntax: str) -> None:
    """Or declare nothing; no error comes of them."""
    items = item(block(syntax)[:-4] + value, syntax)

    assert len(read_private_blocks(items, ENCODINGS[syntax], DEFAULT)) <= 1
