"""A value whose transfer syntax nobody declared is taken for what its first bytes say."""

from __future__ import annotations

import pytest

from dicomveil_engine.code_streams.frame import EncodedFrame, NativeFrame, UndeclaredFrame
from dicomveil_engine.code_streams.native import PixelLayout
from engine.test_code_streams_jpeg import HEADER, PLAIN, REST, SECRET, segment

LAYOUT = PixelLayout(rows=4, columns=5, bits_allocated=16, bits_stored=16, high_bit=15)
PIXELS = bytes(range(40))


def fed(frame: UndeclaredFrame | EncodedFrame, data: bytes, size: int) -> bytes:
    """What passes of the data, in pieces of a size."""
    out = [piece for start in range(0, len(data), size) for piece in frame.feed(data[start : start + size])]
    return b"".join(map(bytes, [*out, *frame.close()]))


def undeclared() -> UndeclaredFrame:
    return UndeclaredFrame(NativeFrame(LAYOUT, removes_overlays=True))


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_a_code_stream_is_cleaned(size: int) -> None:
    """A JPEG that comes as plain bytes loses what a declared one loses, although native pixels would be shorter."""
    assert fed(undeclared(), HEADER + segment(0xE1, b"Exif\0\0" + SECRET) + REST, size) == PLAIN
    assert fed(undeclared(), PLAIN, size) == fed(EncodedFrame(""), PLAIN, size)


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_pixels_are_cut_at_their_end(size: int) -> None:
    """Native pixels pass, and what stands behind them does not."""
    assert fed(undeclared(), PIXELS + SECRET, size) == PIXELS


@pytest.mark.parametrize("value", [b"", b"\xff", b"\x01\x02"])
def test_short_values(value: bytes) -> None:
    """Shorter than any signature: they pass as pixels do."""
    assert fed(undeclared(), value, 1) == value
