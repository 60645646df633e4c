"""JPEG 2000: comments and boxes go, tile-parts keep their lengths."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest

from dicomveil_engine.code_streams import jpeg2000
from dicomveil_engine.code_streams.jpeg2000 import JPEG2000Stream, read_picture
from dicomveil_engine.errors import DeidentificationError, InvalidDataSetError
from engine.code_streams import fed

SECRET = b"Doe^Jane"
ARRAY = (np.arange(4096).reshape(64, 64) % 4001).astype("u2")


def comment(text: bytes) -> bytes:
    return b"\xff\x64" + (len(text) + 4).to_bytes(2, "big") + b"\0\1" + text


def box(kind: bytes, content: bytes) -> bytes:
    return (len(content) + 8).to_bytes(4, "big") + kind + content


def decoded(data: bytes) -> np.ndarray:
    return imagecodecs.jpeg2k_decode(data)


PLAIN = fed(JPEG2000Stream(), bytes(imagecodecs.jpeg2k_encode(ARRAY, codecformat="J2K", reversible=True)))
"""Without the encoder's own comment."""
SOT = PLAIN.index(b"\xff\x90")
SOD = PLAIN.index(b"\xff\x93")
LENGTH = SOT + 6
"""Of the tile-part."""


@pytest.mark.parametrize("size", [1, 5, 1 << 16])
def test_comments(size: int) -> None:
    """A comment in the main header goes, and so does a segment that no decoder knows."""
    dirty = PLAIN[:SOT] + comment(SECRET) + b"\xff\x6f\0\x0a" + SECRET + PLAIN[SOT:] + SECRET

    assert fed(JPEG2000Stream(), dirty, size) == PLAIN
    assert np.array_equal(decoded(PLAIN), ARRAY)


@pytest.mark.parametrize("size", [1, 5, 1 << 16])
def test_comment_in_a_tile_part(size: int) -> None:
    """It says nothing any more; the length of the tile-part stays right."""
    length = int.from_bytes(PLAIN[LENGTH : LENGTH + 4], "big") + len(comment(SECRET))
    dirty = PLAIN[:LENGTH] + length.to_bytes(4, "big") + PLAIN[LENGTH + 4 : SOD] + comment(SECRET) + PLAIN[SOD:]
    cleaned = fed(JPEG2000Stream(), dirty, size)

    assert len(cleaned) == len(dirty)
    assert SECRET not in cleaned
    assert np.array_equal(decoded(cleaned), ARRAY)


@pytest.mark.parametrize("size", [1, 5, 1 << 16])
def test_open_tile_part(size: int) -> None:
    """A tile-part without a length goes on to EOC."""
    opened = PLAIN[:LENGTH] + bytes(4) + PLAIN[LENGTH + 4 :]

    assert fed(JPEG2000Stream(), opened + SECRET, size) == opened
    assert fed(JPEG2000Stream(), opened[:-1], size) == opened[:-1]


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_boxes(size: int) -> None:
    """Of a JP2 file the code stream alone passes, which decodes to the same."""
    file = bytes(imagecodecs.jpeg2k_encode(ARRAY, codecformat="JP2", reversible=True))
    dirty = file[:12] + box(b"uuid", SECRET) + file[12:] + box(b"xml ", SECRET)
    cleaned = fed(jpeg2000.boxed(), dirty, size)

    assert cleaned.startswith(jpeg2000.CODE_STREAM)
    assert SECRET not in cleaned
    assert np.array_equal(decoded(cleaned), decoded(file))


def test_palette() -> None:
    """A palette in the boxes is needed to decode, and is refused."""
    with pytest.raises(DeidentificationError, match="file format"):
        fed(jpeg2000.boxed(), jpeg2000.JP2_SIGNATURE + box(b"jp2h", box(b"pclr", b"")))


def test_cut_off() -> None:
    """Packets that are cut off pass; padding where a marker should be does not."""
    assert fed(JPEG2000Stream(), PLAIN[:-20]) == PLAIN[:-20]
    assert fed(JPEG2000Stream(), PLAIN[:-2] + bytes(20)) == PLAIN[:-2]


def test_tile_part_shorter_than_its_header() -> None:
    """Where packets begin cannot be told: refused."""
    broken = PLAIN[:LENGTH] + (13).to_bytes(4, "big") + PLAIN[LENGTH + 4 :]
    with pytest.raises(DeidentificationError, match="tile-part"):
        fed(JPEG2000Stream(), broken)
    with pytest.raises(DeidentificationError, match="tile-part"):
        fed(JPEG2000Stream(), PLAIN[:SOT] + PLAIN[SOD:])


@pytest.mark.parametrize("length", [b"\0\0", b"\0\1"])
def test_segment_shorter_than_its_length(length: bytes) -> None:
    """A segment of a tile-part that counts less than its own length is refused, not a failure of the program."""
    with pytest.raises(DeidentificationError, match="shorter than its own length"):
        fed(JPEG2000Stream(), PLAIN[:SOD] + b"\xff\x64" + length + PLAIN[SOD:])


def test_size() -> None:
    """By SIZ, bare or in boxes; and by COD whether the transform is the reversible one."""
    signed = bytes(imagecodecs.jpeg2k_encode(ARRAY.astype("i2"), codecformat="JP2", reversible=True))
    lossy = bytes(imagecodecs.jpeg2k_encode(ARRAY, codecformat="J2K", reversible=False, level=40))
    assert read_picture(PLAIN)[:6] == (64, 64, 1, 16, False, None)
    assert read_picture(signed) == (64, 64, 1, 16, True, None, True)
    assert read_picture(lossy) == (64, 64, 1, 16, False, None, False)
    for data in (b"", b"abcd", PLAIN[:20], jpeg2000.JP2_SIGNATURE, jpeg2000.JP2_SIGNATURE + bytes(8)):
        with pytest.raises(InvalidDataSetError):
            read_picture(data)
