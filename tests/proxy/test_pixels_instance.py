"""A Part 10 instance in another transfer syntax: the same attributes, the same pixel values."""

from __future__ import annotations

import struct
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from dicomveil_proxy.errors import NotAcceptable, OriginMalformed
from dicomveil_proxy.pixels.frame import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    JPEG_2000,
    JPEG_LS,
    RLE,
    can_transcode,
)
from dicomveil_proxy.pixels.frames import silence_pydicom
from dicomveil_proxy.pixels.instance import transcode_instance
from proxy.fakes import instance
from proxy.pictures import COLOUR, GREY, picture, raw

BIG, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
MiB = 1 << 20


def transcoded(stored: bytes, syntax: str, decoded_bytes: int = MiB) -> Dataset:
    """Read again."""
    target = BytesIO()
    transcode_instance(BytesIO(stored), target, syntax, decoded_bytes)
    found = dcmread(BytesIO(target.getvalue()))
    assert found.file_meta.TransferSyntaxUID == syntax
    return found


def same_attributes(found: Dataset, stored: bytes) -> bool:
    """Whether everything but the pixels is as it was."""
    before = dcmread(BytesIO(stored))
    for dataset in (before, found):
        dataset.pop("PixelData", None)
    return bool(found == before)


@pytest.mark.parametrize("stored", [IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED, RLE, JPEG_LS, JPEG_2000])
@pytest.mark.parametrize("wanted", [IMPLICIT_LITTLE, EXPLICIT_LITTLE, RLE, JPEG_LS, JPEG_2000])
@pytest.mark.parametrize("described", [GREY, COLOUR], ids=["grey", "colour"])
def test_every_way(stored: str, wanted: str, described: object) -> None:
    """From each transfer syntax to each: the same frames, the same attributes, the same UID."""
    assert described in (GREY, COLOUR)
    original = picture(stored, GREY if described == GREY else COLOUR)
    found = transcoded(original, wanted)

    expected = dcmread(BytesIO(original)).pixel_array
    assert np.array_equal(found.pixel_array, expected)
    assert same_attributes(found, original)


def test_big_endian() -> None:
    """Words are swapped, in the pixels and in every other binary value at any depth."""

    def fill(dataset: Dataset) -> None:
        dataset.Rows, dataset.Columns, dataset.BitsAllocated = 1, 2, 16
        item = Dataset()
        item.add_new(0x00283006, "OW", struct.pack(">2H", 1, 2))
        item.LUTDescriptor = [2, 0, 16]
        dataset.ModalityLUTSequence = [item]
        dataset.add_new(0x7FE00010, "OW", struct.pack(">2H", 3, 4))

    found = transcoded(instance(transfer_syntax=BIG, pixels=None, change=fill), EXPLICIT_LITTLE)

    assert found.PixelData == struct.pack("<2H", 3, 4)
    assert found.ModalityLUTSequence[0][0x00283006].value == struct.pack("<2H", 1, 2)
    assert found.ModalityLUTSequence[0].LUTDescriptor == [2, 0, 16]


def test_photometric_interpretation_that_decoding_changes() -> None:
    """It is rewritten: the decoded samples of YBR_RCT are RGB."""
    coded = dcmread(BytesIO(picture(JPEG_2000, COLOUR)))
    coded.PhotometricInterpretation = "YBR_RCT"
    file = BytesIO()
    coded.save_as(file)

    assert transcoded(file.getvalue(), EXPLICIT_LITTLE).PhotometricInterpretation == "RGB"


def test_an_instance_without_pixels() -> None:
    """Its encoding changes; there is nothing to compress."""
    report = instance(pixels=None)

    assert same_attributes(transcoded(report, IMPLICIT_LITTLE), report)
    with pytest.raises(NotAcceptable, match="no pixels"):
        transcoded(report, RLE)


def test_what_stands_behind_the_pixels() -> None:
    """It stays."""

    def follow(dataset: Dataset) -> None:
        dataset.private_block(0x7FE1, "DOE", create=True).add_new(1, "LO", "last")

    original = instance(change=follow)

    assert transcoded(original, IMPLICIT_LITTLE)[0x7FE11001].value in ("last", b"last")
    assert transcoded(picture(RLE), EXPLICIT_LITTLE).PixelData == b"".join(raw(GREY))


def test_odd_length() -> None:
    """The value is padded to an even length (PS3.5 Section 7.1.1)."""
    odd = replace(COLOUR, rows=33, columns=33, samples=1, photometric_interpretation="MONOCHROME2")

    assert len(transcoded(picture(RLE, odd), EXPLICIT_LITTLE).PixelData) == 33 * 33 + 1


def test_a_decompression_bomb() -> None:
    """Refused by its attributes, before anything is written."""
    target = BytesIO()
    with pytest.raises(NotAcceptable, match=r"limits\.decoded_bytes"):
        transcode_instance(BytesIO(picture(RLE)), target, EXPLICIT_LITTLE, 100)
    assert not target.getvalue()


@pytest.mark.parametrize(
    "stored",
    [
        picture(RLE, frames=[b"Doe^Jane"] * 2),
        picture(RLE, frames=[b"Doe^Jane"]),
        picture(RLE)[:-100],
        instance(pixels=b"\0\0"),
        b"Doe^Jane" * 100,
        picture("1.2.840.10008.1.2.4.70", frames=[b"Doe^Jane"] * 2),
    ],
)
def test_what_cannot_be_transcoded(stored: bytes) -> None:
    """Refused, in our own words."""
    silence_pydicom()
    with pytest.raises((NotAcceptable, OriginMalformed)) as refusal:
        transcoded(stored, JPEG_LS)
    assert "Doe" not in str(refusal.value)


def test_real_instances(shared: Path) -> None:
    """Each that is decoded has the pixels that pydicom finds, and most are decoded."""
    silence_pydicom()
    decoded = refused = 0
    for path in sorted((shared / "corpus").glob("*.dcm"))[::3]:
        original = dcmread(path, force=True)
        syntax = original.file_meta.get("TransferSyntaxUID", "")
        if "PixelData" not in original or path.stat().st_size > MiB:
            continue
        if syntax == EXPLICIT_LITTLE or not can_transcode(syntax, EXPLICIT_LITTLE):
            continue
        try:
            found = transcoded(path.read_bytes(), EXPLICIT_LITTLE, 16 * MiB)
        except (NotAcceptable, OriginMalformed):
            refused += 1
        else:
            decoded += 1
            try:
                expected = original.pixel_array
            except Exception:  # noqa: BLE001 - pydicom has no decoder for it
                continue
            assert np.array_equal(found.pixel_array, expected), path.name
    assert decoded > 3 * refused
