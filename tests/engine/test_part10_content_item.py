"""Looking into content items in Part 10."""

from __future__ import annotations

import struct

import pytest

from dicomveil_engine.part10.content_item import Siblings, read_concept_name, read_content_item, renumbered
from dicomveil_engine.part10.encoding import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Encoding
from dicomveil_engine.structured_content.concepts import ConceptName
from dicomveil_engine.structured_content.references import Renumbering
from engine.datasets import BIG, EXPLICIT, IMPLICIT, element, item, open_sequence

ENCODINGS = [(EXPLICIT, EXPLICIT_LITTLE), (IMPLICIT, IMPLICIT_LITTLE), (BIG, EXPLICIT_BIG)]
CODECS = ("iso8859",)


def concept(syntax: str) -> bytes:
    return (
        element(0x00080100, "SH", "1", syntax)
        + element(0x00080102, "SH", "DCM", syntax)
        + element(0x00080104, "LO", "A", syntax)
    )


@pytest.mark.parametrize(("syntax", "encoding"), ENCODINGS)
def test_any_order(syntax: str, encoding: Encoding) -> None:
    """Value type and concept name are found wherever they stand, and nothing behind them is read."""
    data = (
        element(0x0040A160, "UT", "x", syntax)
        + open_sequence(0x0040A043, item(concept(syntax), syntax, is_open=True), syntax)
        + element(0x0040A040, "CS", "TEXT", syntax)
    )
    seen = read_content_item(data + b"\xff", 0, len(data) + 1, encoding, 8)

    assert (seen.value_type, seen.target) == (b"TEXT", None)
    assert read_concept_name(seen.concept, seen.concept_encoding, CODECS) == ConceptName(("1",), "DCM", "A")


@pytest.mark.parametrize(("syntax", "encoding"), ENCODINGS)
def test_references(syntax: str, encoding: Encoding) -> None:
    """An item that is nothing but a reference is renumbered in place, or goes."""
    raw = item(element(0x0040A010, "CS", "HAS", syntax) + element(0x0040DB73, "UL", [1, 3], syntax), syntax)
    seen = read_content_item(raw, 8, len(raw), encoding, 8)

    assert (seen.target, seen.after) == ((1, 3), len(raw))
    moved = renumbered(raw, encoding, Renumbering(frozenset({(1, 1)})))
    assert read_content_item(moved, 8, len(moved), encoding, 8).target == (1, 2)
    assert renumbered(raw, encoding, Renumbering(frozenset({(1, 3)}))) == b""


@pytest.mark.parametrize(
    "more", [element(0x0040A160, "UT", "Doe"), element(0x0040A010, "UT", "Doe"), element(0x0040A040, "CS", "NUM")]
)
def test_no_mere_reference(more: bytes) -> None:
    """With anything else in it, or in another VR, it is walked like any item."""
    data = more + element(0x0040DB73, "UL", [1, 3])

    assert read_content_item(data, 0, len(data), EXPLICIT_LITTLE, 8).target is None


def test_cut_off() -> None:
    """What is not there yet is asked for."""
    data = element(0x0040A160, "UT", "text")
    with pytest.raises(struct.error):
        read_content_item(data[:-1], 0, len(data), EXPLICIT_LITTLE, 8)


@pytest.mark.parametrize(
    "value", [b"", b"\xfe\xff\x00\xe0\0\0\0\0", item(b"\x08"), item(element(0x00080102, "SH", "DCM"))]
)
def test_no_concept_name(value: bytes) -> None:
    """None where it says nothing or cannot be read."""
    assert read_concept_name(value, EXPLICIT_LITTLE, CODECS) is None


def test_siblings() -> None:
    """They are counted from one, in the tree and outside it."""
    inside, outside = Siblings((1, 2)), Siblings(None)

    assert (inside.next(), inside.next(), outside.next()) == ((1, 2, 1), (1, 2, 2), None)


def test_a_relationship_alone_is_no_reference() -> None:
    """Only Referenced Content Item Identifier has a target."""
    data = element(0x0040A010, "CS", "CONTAINS")

    assert read_content_item(data, 0, len(data), EXPLICIT_LITTLE, 8).target is None
