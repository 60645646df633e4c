"""JPEG XL in its container, RLE and deflated frames: each passes as far as it is one."""

from __future__ import annotations

import zlib

import imagecodecs
import numpy as np
import pytest

from dicomveil_engine.code_streams import jpeg_xl
from dicomveil_engine.code_streams.deflated import DeflatedStream
from dicomveil_engine.code_streams.rle import RLEStream
from dicomveil_engine.code_streams.sniffing import image_of, stream_of
from dicomveil_engine.errors import DeidentificationError
from dicomveil_engine.pixels.codecs import RLE, encode_frame
from dicomveil_engine.pixels.layout import FrameLayout
from engine.code_streams import fed

SECRET = b"Doe^Jane"
ARRAY = (np.arange(4096).reshape(64, 64) % 4001).astype("<u2")


def box(kind: bytes, content: bytes) -> bytes:
    return (len(content) + 8).to_bytes(4, "big") + kind + content


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_jpeg_xl(size: int) -> None:
    """EXIF, XML and all other boxes go; the code stream is decoded to the same."""
    bare = bytes(imagecodecs.jpegxl_encode(ARRAY, lossless=True, usecontainer=False))
    start = jpeg_xl.code_stream_at(bare)
    assert start is not None
    stream = bare[start:] if start == 0 else imagecodecs_stream(bare)
    half = len(stream) // 2
    for boxes in (
        box(b"jxlc", stream),
        box(b"jxlp", bytes(4) + stream[:half]) + box(b"xml ", SECRET) + box(b"jxlp", b"\x80\0\0\1" + stream[half:]),
    ):
        dirty = jpeg_xl.CONTAINER + box(b"Exif", SECRET) + boxes + box(b"jbrd", SECRET)
        cleaned = fed(jpeg_xl.boxed(), dirty, size)
        assert cleaned == stream
        assert np.array_equal(imagecodecs.jpegxl_decode(cleaned + bytes(40)), ARRAY)


def imagecodecs_stream(data: bytes) -> bytes:
    """The code stream of a container."""
    return fed(jpeg_xl.boxed(), data)


@pytest.mark.parametrize("shape", [(64, 64), (33, 17), (600, 300), (8, 256)])
def test_size_of_jpeg_xl(shape: tuple[int, int]) -> None:
    """Rows and columns, by the bits of the header."""
    data = bytes(imagecodecs.jpegxl_encode(np.zeros(shape, "u1"), lossless=True))
    assert jpeg_xl.read_picture(data)[:2] == shape


@pytest.mark.parametrize("size", [1, 63, 64, 1 << 16])
def test_rle(size: int) -> None:
    """A frame passes; what stands where no segment is, does not."""
    frame = encode_frame(ARRAY, RLE, FrameLayout(64, 64))
    dirty = frame[:60] + b"Doe^" + frame[64:]

    assert fed(RLEStream(len(frame)), frame, size) == frame
    assert fed(RLEStream(len(dirty)), dirty, size) == frame


@pytest.mark.parametrize("header", [b"\0" * 64, b"\1" + b"\0" * 63, b"\2\0\0\0@\0\0\0@" + b"\0" * 55, SECRET * 8])
def test_rle_that_is_not(header: bytes) -> None:
    """A header that is none is refused."""
    with pytest.raises(DeidentificationError, match="not RLE"):
        fed(RLEStream(100), header + bytes(36))


@pytest.mark.parametrize("size", [1, 100, 1 << 16])
def test_deflated(size: int) -> None:
    """What stands behind the end of the deflate stream goes."""
    deflater = zlib.compressobj(wbits=-15)
    frame = deflater.compress(bytes(1 << 22)) + deflater.flush()

    assert fed(DeflatedStream(), frame + SECRET, size) == frame
    with pytest.raises(DeidentificationError, match="not deflated"):
        fed(DeflatedStream(), b"\xff" + SECRET)


def test_unknown() -> None:
    """A frame of an unknown kind is refused; zeros pass, as long as they are zeros."""
    assert image_of(SECRET, 8) is None
    with pytest.raises(DeidentificationError, match="PixelData"):
        stream_of(SECRET, "1.2.840.10008.1.2.4.50", 8)
    zeros = stream_of(bytes(12), "1.2.840.10008.1.2.4.50", 100)
    assert fed(zeros, bytes(100)) == bytes(100)
    with pytest.raises(DeidentificationError, match="PixelData"):
        zeros.feed(SECRET)
