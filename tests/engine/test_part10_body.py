"""Pixel Data on its way, in chunks of any size."""

from __future__ import annotations

import pytest

from dicomveil_engine import InvalidDataSetError
from dicomveil_engine.part10.body import Body
from dicomveil_engine.part10.encoding import EXPLICIT_LITTLE, UNDEFINED
from engine.datasets import fragments, item


@pytest.mark.parametrize("size", [1, 3, 8, 100])
def test_known_length(size: int) -> None:
    """So many bytes belong to it, and no more."""
    body, taken = Body(20, EXPLICIT_LITTLE), 0
    while not body.is_complete:
        taken += body.feed(bytes(size))

    assert taken == 20
    assert body.feed(b"more") == 0


def test_empty() -> None:
    """A value of no length is complete before it begins."""
    assert Body(0, EXPLICIT_LITTLE).is_complete


@pytest.mark.parametrize("size", [1, 3, 8, 100])
def test_fragments(size: int) -> None:
    """Up to the sequence delimiter, wherever the chunks are cut."""
    data = fragments(b"abcd", b"", b"efghij")[12:]
    body, taken = Body(UNDEFINED, EXPLICIT_LITTLE), 0
    padded = data + b"behind"
    while not body.is_complete:
        taken += body.feed(padded[taken : taken + size])

    assert taken == len(data)


@pytest.mark.parametrize("data", [b"\x08\0\x60\0CS\2\0CT", item(b"")[:4] + b"\xff\xff\xff\xff"])
def test_no_fragment(data: bytes) -> None:
    """Anything else between fragments is refused."""
    with pytest.raises(InvalidDataSetError, match="not a fragment"):
        Body(UNDEFINED, EXPLICIT_LITTLE).feed(data)
