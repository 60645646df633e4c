"""One frame: decoded to what its description says, encoded without loss, or refused."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import pytest
from PIL import Image

from dicomveil_proxy.errors import NotAcceptable
from dicomveil_proxy.pixels.frame import (
    EXPLICIT_LITTLE,
    JPEG_2000,
    JPEG_LS,
    RLE,
    PixelDescription,
    by_pixel,
    can_transcode,
    decode_frame,
    encode_frame,
)
from dicomveil_proxy.pixels.frames import silence_pydicom
from proxy.pictures import COLOUR, GREY, raw

JPEG = "1.2.840.10008.1.2.4.50"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"


@pytest.fixture(autouse=True)
def quiet() -> None:
    """As in the process that decodes."""
    silence_pydicom()


SIGNED = replace(GREY, pixel_representation=1, bits_stored=16)
SMALL = replace(GREY, bits_allocated=8, bits_stored=8)


@pytest.mark.parametrize("described", [GREY, SIGNED, SMALL, COLOUR])
@pytest.mark.parametrize("syntax", [RLE, JPEG_LS, JPEG_2000])
def test_there_and_back(syntax: str, described: PixelDescription) -> None:
    """What is encoded without loss decodes to the same bytes, and is what it was."""
    for frame in raw(described):
        encoded = encode_frame(frame, syntax, described)
        assert decode_frame(encoded, syntax, described) == (frame, described)


@pytest.mark.parametrize("interpretation", ["YBR_FULL_422", "YBR_FULL", "RGB"])
def test_jpeg(interpretation: str) -> None:
    """Shared chroma becomes RGB, since it is shared no longer; YBR_FULL stays as it is."""
    file = BytesIO()
    Image.new("RGB", (40, 32), (200, 30, 30)).save(file, "JPEG", quality=100)
    described = replace(COLOUR, photometric_interpretation=interpretation)
    frame, found = decode_frame(file.getvalue(), JPEG, described)

    assert found.photometric_interpretation == ("YBR_FULL" if interpretation == "YBR_FULL" else "RGB")
    expected = (81, 99, 213) if interpretation == "YBR_FULL" else (200, 30, 30)
    assert all(abs(value - wanted) < 6 for value, wanted in zip(frame[:3], expected, strict=True))


def test_colours_by_plane() -> None:
    """A frame goes out as its metadata says: by plane. Encoders take it by pixel."""
    planes = replace(COLOUR, planar_configuration=1)
    frame = b"".join(bytes((plane,)) * 1280 for plane in range(3))
    arranged, by_pixels = by_pixel(frame, planes)

    assert arranged == bytes((0, 1, 2)) * 1280
    assert by_pixels == COLOUR
    assert decode_frame(encode_frame(arranged, RLE, COLOUR), RLE, planes)[0] == frame


def test_values_beyond_bits_stored() -> None:
    """Bits above Bits Stored are not lost."""
    frame = b"\xff\xff" * 1280
    assert decode_frame(encode_frame(frame, JPEG_LS, GREY), JPEG_LS, GREY)[0] == frame


@pytest.mark.parametrize("frame", [b"", b"Doe^Jane", bytes(1000)])
def test_a_code_stream_that_is_none(frame: bytes) -> None:
    """Refused, in our own words and without those of the codec."""
    for syntax in (JPEG, JPEG_LS, JPEG_2000, RLE, JPEG_LOSSLESS):
        with pytest.raises(NotAcceptable, match="cannot be decoded here") as refusal:
            decode_frame(frame, syntax, SMALL)
        assert refusal.value.__suppress_context__


def test_a_code_stream_of_another_size() -> None:
    """What comes out agrees with the attributes, or does not come out."""
    encoded = encode_frame(raw(GREY)[0], JPEG_2000, GREY)
    with pytest.raises(NotAcceptable):
        decode_frame(encoded, JPEG_2000, replace(GREY, rows=31))


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("00280010", None),
        ("00280010", "many"),
        ("00280011", 70000),
        ("00280002", 4),
        ("00280100", 12),
        ("00280008", -1),
        ("00280004", "CMYK"),
    ],
)
def test_attributes_that_describe_no_picture(tag: str, value: object) -> None:
    """Refused before anything is decoded."""
    dataset = described_in_json() | {tag: {"vr": "US", "Value": [value]}}
    with pytest.raises(NotAcceptable):
        PixelDescription.from_json(dataset)


def test_description_from_metadata() -> None:
    """DICOM JSON, where numbers may be strings."""
    assert PixelDescription.from_json(described_in_json()) == GREY


def described_in_json() -> dict[str, dict[str, object]]:
    """GREY."""
    values = {
        "00280004": "MONOCHROME2",
        "00280008": "2",
        "00280010": 32,
        "00280011": 40,
        "00280100": 16,
        "00280101": 12,
    }
    return {tag: {"vr": "US", "Value": [value]} for tag, value in values.items()}


def test_a_decompression_bomb() -> None:
    """The size is reckoned from the attributes, before anything is decoded."""
    huge = replace(GREY, rows=65535, columns=65535, frames=1000)
    GREY.check_size(2 * 32 * 40 * 2)
    for described, limit in ((huge, 1 << 30), (GREY, 2 * 32 * 40 * 2 - 1)):
        with pytest.raises(NotAcceptable, match=r"limits\.decoded_bytes"):
            described.check_size(limit)


def test_what_can_be_had() -> None:
    """Nothing becomes lossy, and what no codec here decodes stays as it is."""
    assert can_transcode(JPEG, EXPLICIT_LITTLE)
    assert can_transcode(EXPLICIT_LITTLE, JPEG_2000)
    assert not can_transcode(EXPLICIT_LITTLE, JPEG)
    assert can_transcode(JPEG_LOSSLESS, EXPLICIT_LITTLE)
    assert not can_transcode("1.2.840.10008.1.2.4.92", EXPLICIT_LITTLE)
    assert not can_transcode(None, EXPLICIT_LITTLE)
