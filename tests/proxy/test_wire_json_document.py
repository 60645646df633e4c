"""JSON documents: what they say survives."""

from __future__ import annotations

import json

import pytest

from dicomveil_proxy.wire.json_document import decoded, encoded


@pytest.mark.parametrize(
    "text", ["Doe^Jane", "Müller^Ägir", "\N{PERSONAL COMPUTER}", "half \udc80 a pair", 'a\\ud800"']
)
def test_round_trip(text: str) -> None:
    """Any text that a JSON reader can give is written so that it reads the same."""
    assert json.loads(encoded({"Value": [text]})) == decoded(encoded({"Value": [text]})) == {"Value": [text]}


def test_utf_8_and_no_blanks() -> None:
    """Nothing is escaped that need not be."""
    assert encoded({"a": ["ä", 1]}) == '{"a":["ä",1]}'.encode()


def test_no_number() -> None:
    """JSON has no word for what is not a number (RFC 8259 Section 6)."""
    assert encoded([float("nan"), float("inf")]) == b"[null,null]"


@pytest.mark.parametrize("document", [b"", b"{", b"[1,]", b"\xff", b"x"])
def test_no_document(document: bytes) -> None:
    """What is none is a ValueError."""
    with pytest.raises(ValueError):  # noqa: PT011 - each has its own words
        decoded(document)
