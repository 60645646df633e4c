"""Native pixels: how long they are, and the bits that are none of theirs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.code_streams.native import PixelLayout, UnusedBits
from dicomveil_engine.code_streams.whole import clean_native

LAYOUT = PixelLayout(rows=4, columns=5, bits_allocated=16, bits_stored=12, high_bit=11)


@pytest.mark.parametrize(
    ("changes", "length"),
    [
        ({}, 40),
        ({"samples": 3}, 120),
        ({"frames": 3}, 120),
        ({"bits_allocated": 8}, 20),
        ({"bits_allocated": 1}, 3),
        ({"bits_allocated": 1, "frames": 3}, 8),
        ({"samples": 3, "bits_allocated": 8, "is_subsampled": True}, 60),
        ({"rows": 0}, 1000),
        ({"bits_allocated": 0}, 1000),
        ({"frames": 1_000_000}, 1000),
    ],
)
def test_length(changes: dict[str, int], length: int) -> None:
    """By the attributes; as it came where they do not say, or say more."""
    assert LAYOUT._replace(**changes).length(1000) == length  # type: ignore[arg-type]


def test_shared_chroma() -> None:
    """YBR_FULL_422 has two samples for each pixel; a value that fits no more is of two, one with room is of three."""
    shared = LAYOUT._replace(samples=3, bits_allocated=8, is_subsampled=True)
    assert (shared.length(40), shared.length(42), shared.length(60)) == (40, 40, 60)


def test_floating() -> None:
    """Floating point pixels have the bits of their attribute."""
    assert LAYOUT.length(1000, 32) == 80


@given(st.data())
def test_unused_bits(data: st.DataObject) -> None:
    """As numpy masks and extends signs, for every layout, order of bytes and cut."""
    width = data.draw(st.sampled_from((1, 2, 4)))
    stored = data.draw(st.integers(1, 8 * width - 1))
    high_bit = data.draw(st.integers(stored - 1, 8 * width - 1))
    big, signed = data.draw(st.booleans()), data.draw(st.booleans())
    layout = PixelLayout(bits_allocated=8 * width, bits_stored=stored, high_bit=high_bit, is_signed=signed)
    raw = data.draw(st.binary(max_size=40))
    size = data.draw(st.integers(1, 9))
    bits = UnusedBits(layout, big=big)
    out = b"".join(bytes(bits.feed(raw[at : at + size])) for at in range(0, len(raw), size)) + bits.close()

    whole = len(raw) // width * width
    values = np.frombuffer(raw[:whole], f"{'>' if big else '<'}u{width}").astype("i8")
    low = high_bit + 1 - stored
    expected = values >> low & (1 << stored) - 1
    if signed:
        expected = expected - ((expected >> stored - 1) << stored)
    expected = (expected << low) & (1 << 8 * width) - 1
    assert out == expected.astype(f"{'>' if big else '<'}u{width}").tobytes() + raw[whole:]


def test_values_without_unused_bits() -> None:
    """What has none of them is given as it came, without a copy."""
    data = np.arange(4096, dtype="<u2").tobytes()
    assert UnusedBits(LAYOUT).feed(data) is data


@pytest.mark.parametrize(
    ("layout", "removes_overlays", "are_cleared"),
    [
        (LAYOUT, True, True),
        (LAYOUT, False, False),
        (LAYOUT._replace(has_embedded_overlays=True), False, True),
        (LAYOUT._replace(bits_stored=16), True, False),
        (LAYOUT._replace(bits_stored=0), True, False),
        (LAYOUT._replace(bits_allocated=12, bits_stored=8), True, False),
    ],
)
def test_when_they_are_cleared(layout: PixelLayout, removes_overlays: bool, are_cleared: bool) -> None:
    """Where an overlay stands there, or may not come out and could."""
    assert (layout.unused_bits(removes_overlays=removes_overlays) is not None) == are_cleared


def test_whole_value() -> None:
    """Pixels, and a padding byte where their length is odd."""
    layout = PixelLayout(rows=3, columns=1, bits_allocated=8, bits_stored=8)
    assert clean_native(b"abcDoe", layout, removes_overlays=True) == b"abc\0"
    assert clean_native(b"\xff\xffDoe^", LAYOUT._replace(rows=1, columns=1), removes_overlays=True) == b"\xff\x0f"


def test_attributes() -> None:
    """Read from first values; what is not a number says nothing."""
    values = {0x00280010: 4, 0x00280011: "5", 0x00280008: "", 0x00280100: "many", 0x60040102: 12, 0x00280004: None}
    assert PixelLayout.of(values) == PixelLayout(rows=4, columns=5, has_embedded_overlays=True)
