"""The three element encodings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import DeidentificationError
from dicomveil_engine.methods.base import Values
from dicomveil_engine.part10.encoding import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Encoding
from dicomveil_engine.rewriting.fields import Field, code_item
from engine.datasets import BIG, EXPLICIT, IMPLICIT, element

ENCODINGS = [(EXPLICIT_LITTLE, EXPLICIT), (IMPLICIT_LITTLE, IMPLICIT), (EXPLICIT_BIG, BIG)]


@pytest.mark.parametrize(("encoding", "syntax"), ENCODINGS)
@pytest.mark.parametrize(
    ("vr", "values"),
    [
        ("CS", ["A"]),
        ("UI", ["1.2.3"]),
        ("UT", ["text"]),
        ("US", [1, 65535]),
        ("SS", [-1]),
        ("UL", [4294967295]),
        ("SL", [-2]),
        ("UV", [1 << 63]),
        ("SV", [-1]),
        ("FL", [0.5]),
        ("FD", [0.1, -1.5]),
        ("AT", [0x00100010]),
    ],
)
def test_fields(encoding: Encoding, syntax: str, vr: str, values: Values) -> None:
    """An element of our own is encoded as by hand, and read back."""
    field = encoding.encode_field(Field(0x00080060, vr, values))
    written = values if vr in {"US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT"} else str(values[0])

    assert field == element(0x00080060, vr, written, syntax)
    assert encoding.decode(vr, encoding.encode(vr, values, ("iso8859",)), ("iso8859",)) == values


@pytest.mark.parametrize(("encoding", "syntax"), ENCODINGS)
def test_items(encoding: Encoding, syntax: str) -> None:
    """Items of our own have defined lengths."""
    content = b"".join(
        element(tag, vr, value, syntax)
        for tag, vr, value in ((0x00080100, "SH", "A"), (0x00080102, "SH", "B"), (0x00080104, "LO", "C"))
    )
    field = encoding.encode_field(Field(0x00120064, "SQ", [], (code_item("A", "B", "C"), ())))

    assert field == element(0x00120064, "SQ", [content, b""], syntax)


@pytest.mark.parametrize(("vr", "width"), [("OB", 1), ("OW", 2), ("OF", 4), ("OL", 4), ("OD", 8), ("OV", 8), ("UN", 1)])
def test_words(vr: str, width: int) -> None:
    """Methods see O* values in little endian, whatever the data set's byte order."""
    value = bytes(range(16))
    words = [value[at : at + width][::-1] for at in range(0, 16, width)]

    assert EXPLICIT_BIG.decode(vr, value, ()) == b"".join(words)
    assert EXPLICIT_BIG.encode(vr, b"".join(words), ()) == value
    assert EXPLICIT_LITTLE.decode(vr, value, ()) == value


@pytest.mark.parametrize(
    ("vr", "value", "texts"),
    [
        ("LO", b"A \\ B \\", ["A", " B", ""]),
        ("LO", b"  ", []),
        ("LO", b"\\", ["", ""]),
        ("LT", b"A\\B ", ["A\\B"]),
        ("UI", b"1.2.3\0", ["1.2.3"]),
        ("PN", b"Doe^Jane=B ", ["Doe^Jane=B"]),
        ("CS", b"\xe9", ["é"]),
        ("DS", b" 1.5\\2 ", [" 1.5", "2"]),
    ],
)
def test_texts(vr: str, value: bytes, texts: list[str]) -> None:
    """Text is split where its VR has several values, and loses its padding."""
    assert EXPLICIT_LITTLE.decode(vr, value, ("iso8859",)) == texts


@pytest.mark.parametrize(("vr", "value"), [("US", b"123"), ("FD", b"1234"), ("AT", b"12")])
def test_numbers_of_wrong_length(vr: str, value: bytes) -> None:
    """A length that does not fit the VR is an error."""
    with pytest.raises(ValueError, match=r"length|shorter|argument|zip"):
        EXPLICIT_BIG.decode(vr, value, ())


def test_words_of_wrong_length() -> None:
    """In big endian, words must be whole to be turned round."""
    with pytest.raises(ValueError, match="length"):
        EXPLICIT_BIG.decode("OW", b"123", ())


def test_too_long() -> None:
    """A short explicit head has 16 bits for the length: refused, never cut."""
    key = EXPLICIT_LITTLE.key_of(0x00080060, "LO")
    with pytest.raises(DeidentificationError, match="too long for its VR LO"):
        EXPLICIT_LITTLE.element_head(key, 65536)

    assert IMPLICIT_LITTLE.element_head(IMPLICIT_LITTLE.key_of(0x00080060, "LO"), 65536).hex() == "0800600000000100"


@given(st.sampled_from(["OB", "UN", "LO", "UI"]), st.binary(max_size=9))
def test_values_are_even(vr: str, value: bytes) -> None:
    """Every value that is written has an even length (PS3.5 Section 7.1.1)."""
    values: Values = value if vr in {"OB", "UN"} else [value.hex()]

    assert len(EXPLICIT_LITTLE.encode(vr, values, ("iso8859",))) % 2 == 0
