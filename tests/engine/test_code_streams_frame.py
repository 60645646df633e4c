"""A value whose transfer syntax nobody declared is taken for what its first bytes say."""

from __future__ import annotations

import pytest

from dicomveil_engine.code_streams.frame import EncodedFrame, HeldFrame, NativeFrame, UndeclaredFrame
from dicomveil_engine.code_streams.native import PixelLayout
from dicomveil_engine.errors import DeidentificationError
from engine.test_code_streams_jpeg import HEADER, PLAIN, REST, SECRET, segment

LAYOUT = PixelLayout(rows=4, columns=5, bits_allocated=16, bits_stored=16, high_bit=15)
PIXELS = bytes(range(40))


def fed(frame: UndeclaredFrame | EncodedFrame | HeldFrame, data: bytes, size: int) -> bytes:
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


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_a_held_frame(size: int) -> None:
    """It passes when it is whole, without what is behind it; a shorter one is refused, and so is one over the limit."""
    held = HeldFrame(LAYOUT, removes_overlays=True, limit=39)

    assert held.feed(PIXELS[:39]) == []
    assert b"".join(map(bytes, [*held.feed(PIXELS[39:] + b"behind"), *held.close()])) == PIXELS
    with pytest.raises(DeidentificationError, match="shorter than its attributes describe"):
        fed(HeldFrame(LAYOUT, removes_overlays=True, limit=1_000), PIXELS[:39], size)
    if size < len(PIXELS):
        with pytest.raises(DeidentificationError, match="over 20 bytes"):
            fed(HeldFrame(LAYOUT, removes_overlays=True, limit=20), PIXELS, size)


def test_a_held_frame_with_shared_chroma() -> None:
    """Two samples for each pixel, or three: its end tells which, and what is behind the shorter one does not pass."""
    layout = LAYOUT._replace(samples=3, is_subsampled=True, bits_allocated=8, bits_stored=8, high_bit=7)
    for length, left in ((60, 60), (59, 40), (40, 40)):
        value = bytes(range(1, length + 1))
        assert fed(HeldFrame(layout, removes_overlays=True, limit=1_000), value, 7) == value[:left]


@pytest.mark.parametrize(("length", "is_certain"), [(40, True), (41, True), (39, False), (None, False)])
def test_whether_a_value_is_nothing_but_pixels(length: int | None, is_certain: bool) -> None:
    """It is if it is as long as the attributes say, which has to be known before it passes."""
    assert NativeFrame(LAYOUT, removes_overlays=True, length=length).is_certain is is_certain
