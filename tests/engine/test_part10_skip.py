"""The end of a value of undefined length."""

from __future__ import annotations

import struct

import pytest

from dicomveil_engine import InvalidDataSetError
from dicomveil_engine.part10.encoding import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Encoding
from dicomveil_engine.part10.skip import end_of_sequence
from engine.datasets import BIG, EXPLICIT, IMPLICIT, element, fragments, item, open_sequence

ENCODINGS = {EXPLICIT: EXPLICIT_LITTLE, BIG: EXPLICIT_BIG, IMPLICIT: IMPLICIT_LITTLE}


@pytest.mark.parametrize("syntax", ENCODINGS)
def test_nested(syntax: str) -> None:
    """Items and sequences of both length forms are stepped over, delimiters found."""
    head = 8 if syntax == IMPLICIT else 12
    inner = open_sequence(0x00081140, item(b"", syntax, is_open=True) + item(b"", syntax), syntax)
    content = element(0x00080060, "CS", "CT", syntax) + element(0x00204000, "UT", "text", syntax) + inner
    data = open_sequence(0x00082112, item(content, syntax) + item(content, syntax, is_open=True), syntax)

    assert end_of_sequence(data + b"behind", head, ENCODINGS[syntax], 9) == len(data)


def test_unknown_values_are_implicit() -> None:
    """UN of undefined length holds implicit VR little endian (PS3.5 Section 6.2.2)."""
    unknown = element(0x00091001, "UN", b"", EXPLICIT)[:8] + b"\xff\xff\xff\xff"
    inner = item(element(0x00100010, "PN", "Doe", IMPLICIT), IMPLICIT, is_open=True) + b"\xfe\xff\xdd\xe0\0\0\0\0"
    data = open_sequence(0x00082112, item(unknown + inner, is_open=True))

    assert end_of_sequence(data, 12, EXPLICIT_LITTLE, 9) == len(data)


def test_fragments() -> None:
    """Encapsulated values have the same form."""
    data = fragments(b"abcd", b"ef")

    assert end_of_sequence(data, 12, EXPLICIT_LITTLE, 9) == len(data)


@pytest.mark.parametrize("encoding", ENCODINGS.values())
def test_cut_off(encoding: Encoding) -> None:
    """An end that is not there yet is said as `struct` says it."""
    syntax = next(syntax for syntax, known in ENCODINGS.items() if known is encoding)
    content = element(0x00080060, "CS", "CT", syntax)
    data = open_sequence(0x00082112, item(content, syntax, is_open=True) + item(content, syntax), syntax)
    head = 8 if syntax == IMPLICIT else 12
    for at in range(head, len(data)):
        with pytest.raises(struct.error):
            end_of_sequence(data[:at], head, encoding, 9)


def test_no_item() -> None:
    """Something else among the items is refused."""
    with pytest.raises(InvalidDataSetError, match="not an item"):
        end_of_sequence(element(0x00080060, "CS", "CT"), 0, EXPLICIT_LITTLE, 9)


def test_depth() -> None:
    """Nesting beyond the limit is refused."""
    data = open_sequence(1, item(open_sequence(1, item(b"", is_open=True)), is_open=True))

    assert end_of_sequence(data, 12, EXPLICIT_LITTLE, 2) == len(data)
    with pytest.raises(InvalidDataSetError, match="more deeply"):
        end_of_sequence(data, 12, EXPLICIT_LITTLE, 1)
