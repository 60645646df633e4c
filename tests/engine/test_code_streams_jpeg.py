"""JPEG and JPEG-LS: nothing passes but what a decoder reads."""

from __future__ import annotations

from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from dicomveil_engine.code_streams.jpeg import JPEGStream, read_picture
from dicomveil_engine.errors import InvalidDataSetError
from engine.code_streams import fed

SECRET = b"Doe^Jane"


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def picture(**options: object) -> bytes:
    """A small grey JPEG."""
    file = BytesIO()
    Image.fromarray((np.arange(1024).reshape(32, 32) % 251).astype("u1")).save(file, "JPEG", **options)
    return file.getvalue()


PLAIN = picture()
HEADER = PLAIN[:20]
"""SOI and JFIF's APP0."""
REST = PLAIN[20:]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 16])
@pytest.mark.parametrize(
    "between",
    [
        *(segment(marker, b"Exif\0\0" + SECRET) for marker in range(0xE0, 0xF0)),
        segment(0xFE, SECRET),
        segment(0xFE, b""),
        segment(0xEE, SECRET),
        segment(0x02, SECRET),
        segment(0xE0, b"JFXX\0" + SECRET),
        b"\xff\xff" + segment(0xE1, SECRET),
        SECRET,
        b"\xff\xd0",
    ],
)
def test_what_goes(between: bytes, size: int) -> None:
    """Application segments, comments, reserved markers and bytes between segments go, wherever the chunks are cut."""
    assert fed(JPEGStream(), HEADER + between + REST, size) == PLAIN


@pytest.mark.parametrize("size", [1, 1 << 16])
def test_behind_the_end(size: int) -> None:
    """Nothing behind EOI is of the picture, not even another picture."""
    assert fed(JPEGStream(), PLAIN + SECRET + PLAIN, size) == PLAIN


def test_between_scans() -> None:
    """A comment between the scans of a progressive picture goes, and the picture is the same."""
    progressive = picture(progressive=True)
    second = progressive.index(b"\xff\xc4", progressive.index(b"\xff\xda"))
    dirty = progressive[:second] + segment(0xFE, SECRET) + progressive[second:]

    assert fed(JPEGStream(), dirty) == progressive


def test_standard_forms() -> None:
    """JFIF passes without its thumbnail, Adobe's segment with its colour transform alone."""
    thumbnail = segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\1\1" + b"abc")
    adobe = segment(0xEE, b"Adobe" + b"\0\x65abcd\1" + SECRET)
    cleaned = fed(JPEGStream(), b"\xff\xd8" + thumbnail + adobe + REST)

    assert cleaned.startswith(b"\xff\xd8" + segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\0\0"))
    assert segment(0xEE, b"Adobe\0\x64\0\0\0\0\1") in cleaned
    assert SECRET not in cleaned


def test_jfif_that_holds_something_else() -> None:
    """Version and density are seven bytes, enough for a name: impossible ones are replaced."""
    head, rest = PLAIN[:2], PLAIN[PLAIN.index(b"\xff\xdb") :]
    form = b"\xff\xe0\0\x10JFIF\0"
    for content in (b"Doe^Jan", b"\1\7Doe^J", b"\1\2DoeJa"):
        assert fed(JPEGStream(), head + form + content + b"\0\0" + rest, 7) == (
            head + form + b"\1\1\0\0\1\0\1\0\0" + rest
        )


def test_surplus_in_tables() -> None:
    """Tables and headers are cut to the length that their content has."""
    out = fed(JPEGStream(), longer(PLAIN))
    assert out == PLAIN


def longer(data: bytes) -> bytes:
    """The same with surplus bytes in each segment up to the scan."""
    out, position = data[:2], 2
    while data[position + 1] != 0xDA:
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        content = data[position + 4 : position + 2 + length]
        out += segment(data[position + 1], content + b"\xff" * 8 if data[position + 1] == 0xDB else content + bytes(3))
        position += 2 + length
    scan = data[position + 4 : position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")]
    return out + segment(0xDA, scan + SECRET) + data[position + 4 + len(scan) :]


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_jpeg_ls(dtype: str) -> None:
    """JPEG-LS stuffs bits instead of bytes: what looks like a marker of JPEG is data there."""
    rng = np.random.default_rng(0)
    array = rng.integers(0, 1 << 8 * int(dtype[1]), (64, 64)).astype(dtype)
    plain = fed(JPEGStream(), bytes(imagecodecs.jpegls_encode(array)))  # without the encoder's own SPIFF header
    assert np.array_equal(imagecodecs.jpegls_decode(plain), array)
    dirty = plain[:2] + segment(0xE8, b"SPIFF\0" + SECRET) + segment(0xFE, SECRET) + plain[2:] + SECRET

    assert fed(JPEGStream(), dirty, 5) == plain


def test_colour_transform_of_jpeg_ls() -> None:
    """HP's colour transform is needed to decode: it passes, and no more of its segment."""
    plain = fed(JPEGStream(), bytes(imagecodecs.jpegls_encode(np.zeros((4, 4), "u1"))))
    dirty = plain[:2] + segment(0xE8, b"mrfx\1" + SECRET) + plain[2:]

    assert fed(JPEGStream(), dirty) == plain[:2] + segment(0xE8, b"mrfx\1") + plain[2:]


def test_cut_off() -> None:
    """A code stream that is cut off passes as far as it goes; a segment that is cut off does not."""
    assert fed(JPEGStream(), PLAIN[:-2]) == PLAIN[:-2]
    assert fed(JPEGStream(), HEADER + segment(0xE1, SECRET)[:-2]) == HEADER


def test_size() -> None:
    """Rows, columns, samples, precision and colours, by the frame header."""
    assert read_picture(PLAIN)[:4] == (32, 32, 1, 8)
    red = bytes(imagecodecs.jpeg8_encode(np.zeros((8, 16, 3), "u1"), outcolorspace="RGB"))
    assert read_picture(red) == (8, 16, 3, 8, False, "RGB", False)
    lossless = bytes(imagecodecs.jpeg8_encode(np.zeros((8, 16), "u2"), lossless=True, bitspersample=12))
    assert read_picture(lossless)[:4] == (8, 16, 1, 12)
    assert read_picture(lossless).is_lossless


@pytest.mark.parametrize("data", [b"", b"abcd", b"\xff\xd8", b"\xff\xd8\xff\xd9", PLAIN[:30]])
def test_no_frame_header(data: bytes) -> None:
    """What says no size is refused."""
    with pytest.raises(InvalidDataSetError):
        read_picture(data)
