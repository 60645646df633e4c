"""Frames: cut out of an instance as they are stored, in little endian, or not at all."""

from __future__ import annotations

import logging
import struct
import warnings
import zlib
from io import BytesIO
from typing import Any

import pytest
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate

from dicomveil_proxy.errors import OriginMalformed, UnknownResource
from dicomveil_proxy.pixels.frames import StoredFrames, StoredInstance, malformed, silence_pydicom, to_little_endian
from proxy.fakes import instance

IMPLICIT, EXPLICIT, BIG, DEFLATED = (f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".2", ".1.99"))
JPEG = "1.2.840.10008.1.2.4.50"


def stored(syntax: str, pixels: bytes, *, vr: str = "OW", frames: int = 2, **attributes: Any) -> BytesIO:
    """An instance with frames of 2 by 2, of 16 bits unless told otherwise."""
    dataset = Dataset()
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel, dataset.BitsAllocated = 2, 2, 1, 16
    dataset.PhotometricInterpretation, dataset.NumberOfFrames = "MONOCHROME2", frames
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.add_new(0x7FE00010, vr, pixels)
    dataset["PixelData"].is_undefined_length = syntax == JPEG
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    file = BytesIO()
    dcmwrite(file, dataset)
    return file


WORDS = struct.pack("<8H", *range(8))


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
def test_native_frames(syntax: str) -> None:
    """They leave in explicit VR little endian, whatever they are stored in."""
    frames = StoredFrames(stored(syntax, struct.pack(">8H", *range(8)) if syntax == BIG else WORDS))

    assert (frames.count, frames.encapsulated) == (2, False)
    assert [frames.frame(1), frames.frame(2)] == [WORDS[:8], WORDS[8:]]
    assert b"".join(frames.value()) == WORDS
    assert frames.content_type == f"application/octet-stream; transfer-syntax={EXPLICIT}"


def test_encapsulated_frames() -> None:
    """They leave as they are stored, with what they are stored in."""
    frames = StoredFrames(stored(JPEG, encapsulate([b"one!", b"two!"]), vr="OB"))

    assert [frames.frame(1), frames.frame(2)] == [b"one!", b"two!"]
    assert frames.content_type == f"image/jpeg; transfer-syntax={JPEG}"


@pytest.mark.parametrize("syntax", [EXPLICIT, JPEG])
def test_all_frames_one_after_the_other(syntax: str) -> None:
    """The same as each by its number; what follows them is found."""
    pixels = encapsulate([b"one!", b"two!"]) if syntax == JPEG else WORDS
    file = stored(syntax, pixels, vr="OB" if syntax == JPEG else "OW", DataSetTrailingPadding=b"\1\2")
    opened = StoredInstance(file)
    frames = StoredFrames(opened)

    assert list(frames.frames()) == [frames.frame(1), frames.frame(2)]
    assert opened.read(frames.end).DataSetTrailingPadding == b"\1\2"
    assert opened.read().Rows == 2


@pytest.mark.parametrize("frames", [1, 3])
def test_another_number_of_frames_than_said(frames: int) -> None:
    """Malformed: nobody can tell which frame is which."""
    with pytest.raises(OriginMalformed):
        list(StoredFrames(stored(JPEG, encapsulate([b"one!", b"two!"]), vr="OB", frames=frames)).frames())


def test_pixel_data_without_an_end() -> None:
    """Malformed, where its end is asked for."""
    file = stored(JPEG, encapsulate([b"one!", b"two!"]), vr="OB")
    for cut in (1, 9, 30):
        with pytest.raises(OriginMalformed):
            _ = StoredFrames(BytesIO(file.getvalue()[:-cut] + (b"rubbish!" * 9 if cut == 9 else b""))).end


def test_frames_of_single_bits() -> None:
    """Each begins at a byte, though in the file they follow each other without padding."""
    frames = StoredFrames(stored(EXPLICIT, b"\x5a\x00", vr="OB", BitsAllocated=1))

    assert [frames.frame(1), frames.frame(2)] == [b"\x0a", b"\x05"]


def test_two_pixels_that_share_their_chroma() -> None:
    """YBR_FULL_422 has two samples a pixel: PS3.3 Section C.7.6.3.1.2."""
    shared: dict[str, Any] = {"PhotometricInterpretation": "YBR_FULL_422", "SamplesPerPixel": 3, "BitsAllocated": 8}

    assert StoredFrames(stored(EXPLICIT, WORDS, vr="OB", **shared)).frame(2) == WORDS[8:]


@pytest.mark.parametrize("number", [0, 3, -1])
def test_frames_that_are_not_there(number: int) -> None:
    """Unknown."""
    with pytest.raises(UnknownResource):
        StoredFrames(stored(EXPLICIT, WORDS)).frame(number)


def test_no_pixel_data() -> None:
    """Unknown too."""
    with pytest.raises(UnknownResource):
        StoredFrames(BytesIO(instance(pixels=None)))


@pytest.mark.parametrize(
    "file",
    [
        stored(EXPLICIT, WORDS[:10]),
        stored(EXPLICIT, WORDS, Rows=3),
        stored(JPEG, encapsulate([b"one!"]), vr="OB", frames=3),
    ],
)
def test_pixel_data_that_is_too_short(file: BytesIO) -> None:
    """Malformed, never a piece of something else."""
    with pytest.raises(OriginMalformed):
        StoredFrames(file).frame(2)


def test_rubbish() -> None:
    """Malformed, or without pixel data."""
    for data in (b"", b"Doe^Jane" * 99, instance()[:300]):
        with pytest.raises((OriginMalformed, UnknownResource)) as caught:
            StoredFrames(BytesIO(data))
        assert "Doe" not in str(caught.value)


def test_an_instance_that_inflates_without_end() -> None:
    """The limit holds."""
    with pytest.raises(OriginMalformed, match="larger than the limit"):
        StoredFrames(stored(DEFLATED, bytes(100_000)), inflated_limit=1000)
    assert len(zlib.compress(bytes(100_000))) < 1000


@pytest.mark.parametrize(
    ("vr", "expected"), [("OB", b"12345678"), ("OW", b"21436587"), ("OF", b"43218765"), ("OD", b"87654321")]
)
def test_words(vr: str, expected: bytes) -> None:
    """The VR gives their length."""
    assert to_little_endian(b"12345678", vr) == expected


def test_the_border_to_pydicom() -> None:
    """What it raises, logs and warns goes no further."""
    silence_pydicom()
    with pytest.raises(OriginMalformed, match=r"^it cannot be read$") as caught, malformed("it cannot be read"):
        raise KeyError("Doe^Jane")
    assert caught.value.__suppress_context__
    with pytest.raises(UnknownResource), malformed("it cannot be read"):
        raise UnknownResource("ours")
    assert not logging.getLogger("pydicom").isEnabledFor(logging.CRITICAL)
    with warnings.catch_warnings(record=True) as caught_warnings:
        silence_pydicom()
        warnings.warn_explicit("Doe^Jane", UserWarning, "x.py", 1, module="pydicom.valuerep")
    assert caught_warnings == []
