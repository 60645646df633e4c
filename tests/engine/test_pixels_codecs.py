"""Frames: decoded to what their layout says, encoded without loss, or refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import generate_frames

from dicomveil_engine.errors import DeidentificationError, InvalidDataSetError
from dicomveil_engine.pixels import codecs
from dicomveil_engine.pixels.codecs import (
    ENCODABLE,
    EXPLICIT_LITTLE,
    HTJ2K,
    JPEG_2000,
    JPEG_LOSSLESS,
    JPEG_LS,
    RLE,
    decode_frame,
    encode_frame,
)
from dicomveil_engine.pixels.layout import FrameLayout

JPEG, JPEG_12, JPEG_XL = (f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 110))
GREY = FrameLayout(32, 40, bits_stored=12)
SIGNED = replace(GREY, pixel_representation=1)
BYTES = replace(GREY, bits_allocated=8, bits_stored=8)
BITS = replace(GREY, bits_allocated=1, bits_stored=1)
WIDE = replace(GREY, bits_allocated=32, bits_stored=32)
COLOUR = replace(BYTES, samples=3, photometric_interpretation="RGB")
YBR = replace(COLOUR, photometric_interpretation="YBR_FULL")
LAYOUTS = [GREY, SIGNED, BYTES, BITS, WIDE, COLOUR, YBR, replace(GREY, rows=1, columns=1), replace(BYTES, rows=3)]
REFUSED = {
    (RLE, BITS),
    (JPEG_LOSSLESS, YBR),
    *((syntax, WIDE) for syntax in (JPEG_LS, JPEG_2000, JPEG_LOSSLESS, HTJ2K)),
}
"""What no encoder here makes of them."""
CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
FILES = [*sorted(CORPUS.glob("*.dcm")), *sorted(Path(pydicom.data.DATA_ROOT, "test_files").glob("*.dcm"))]


def values(layout: FrameLayout) -> np.ndarray:
    """An array of the layout that uses all of Bits Stored, and no two rows of which are equal."""
    bits, count = layout.bits_stored, int(np.prod(layout.shape))
    low = -(1 << bits - 1) if layout.pixel_representation else 0
    array = np.arange(count, dtype="i8") * 37 % (1 << bits) + low
    return array.reshape(layout.shape).astype(layout.dtype)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("syntax", sorted(ENCODABLE))
def test_there_and_back(syntax: str, layout: FrameLayout) -> None:
    """What is encoded decodes to the same values, and is what it was; what cannot be encoded is refused."""
    array = values(layout)
    if (syntax, layout) in REFUSED:
        with pytest.raises(DeidentificationError, match="without loss"):
            encode_frame(array, syntax, layout)
        return
    again, found = decode_frame(encode_frame(array, syntax, layout), syntax, layout)

    assert np.array_equal(again, array)
    assert again.dtype == array.dtype
    assert found == layout


def encapsulated() -> Iterator[tuple[str, pydicom.Dataset]]:
    for path in FILES:
        dataset = pydicom.dcmread(path, force=True)
        syntax = getattr(dataset, "file_meta", pydicom.Dataset()).get("TransferSyntaxUID")
        if syntax in codecs.CODECS and syntax not in codecs.NATIVE and "PixelData" in dataset:
            yield path.name, dataset


@pytest.mark.filterwarnings("ignore")
def test_as_pydicom_decodes() -> None:
    """Every first frame that pydicom's plugins decode is decoded here, to the same values."""
    count = 0
    for name, dataset in encapsulated():
        try:
            frame = next(generate_frames(dataset.PixelData, number_of_frames=int(dataset.get("NumberOfFrames") or 1)))
            expected = {raw: pydicom.pixels.pixel_array(dataset, index=0, raw=raw) for raw in (True, False)}
        except Exception:  # noqa: BLE001 - pydicom has no plugin for it, or it is broken
            continue
        array, found = decode_frame(frame, dataset.file_meta.TransferSyntaxUID, layout_of(dataset))
        reference = expected[found.photometric_interpretation == "YBR_FULL"]
        if array.shape[2:] and "JPEG Base" in dataset.file_meta.TransferSyntaxUID.name:
            # Two versions of one library differ by one in a handful of values.
            assert np.abs(array.astype(int) - reference).max() <= 1, name
        else:
            assert np.array_equal(array, reference), name
        count += 1
    assert count > 20


def layout_of(dataset: pydicom.Dataset) -> FrameLayout:
    return FrameLayout(
        dataset.Rows,
        dataset.Columns,
        dataset.SamplesPerPixel,
        dataset.BitsAllocated,
        dataset.BitsStored,
        dataset.PixelRepresentation,
        dataset.get("PlanarConfiguration") or 0,
        dataset.PhotometricInterpretation,
    )


@pytest.mark.parametrize(
    ("attribute", "stored", "found"),
    [
        ("YBR_FULL_422", "YCBCR", "RGB"),
        ("RGB", "YCBCR", "RGB"),
        ("RGB", "RGB", "RGB"),
        ("YBR_FULL", "YCBCR", "YBR_FULL"),
        ("YBR_FULL", "RGB", "RGB"),
    ],
)
def test_colours_of_jpeg(attribute: str, stored: str, found: str) -> None:
    """The code stream's own colours count: a red picture is red, whatever the attribute says."""
    red = np.full((32, 40, 3), (200, 30, 30), "u1")
    frame = bytes(imagecodecs.jpeg8_encode(red, 100, colorspace="RGB", outcolorspace=stored))
    array, layout = decode_frame(frame, JPEG, replace(COLOUR, photometric_interpretation=attribute))

    assert layout.photometric_interpretation == found
    expected = (81, 99, 213) if found == "YBR_FULL" else (200, 30, 30)
    assert np.abs(array[0, 0].astype(int) - expected).max() < 6


def test_shared_chroma() -> None:
    """Native YBR_FULL_422 is given whole pixels, whose pairs have one chroma."""
    layout = replace(COLOUR, rows=1, columns=4, photometric_interpretation="YBR_FULL_422")
    array, found = decode_frame(bytes((1, 2, 3, 4, 5, 6, 7, 8)), EXPLICIT_LITTLE, layout)

    assert array.tolist() == [[[1, 3, 4], [2, 3, 4], [5, 7, 8], [6, 7, 8]]]
    assert found.photometric_interpretation == "YBR_FULL"


def test_colours_by_plane() -> None:
    """Native frames are arranged by Planar Configuration, arrays by pixel."""
    layout = replace(COLOUR, planar_configuration=1)
    frame = b"".join(bytes((plane,)) * 1280 for plane in range(3))
    array, found = decode_frame(frame, EXPLICIT_LITTLE, layout)

    assert array[5, 5].tolist() == [0, 1, 2]
    assert found == layout
    assert encode_frame(array, EXPLICIT_LITTLE, layout) == frame
    assert decode_frame(encode_frame(array, RLE, layout), RLE, layout)[1].planar_configuration == 0


def test_twelve_bits_of_jpeg() -> None:
    """JPEG Extended has twelve bits; what loss brought above Bits Stored is the highest value."""
    array = values(GREY)
    frame = bytes(imagecodecs.jpeg8_encode(array, 100, bitspersample=12))
    decoded, _ = decode_frame(frame, JPEG_12, GREY)
    cut, _ = decode_frame(frame, JPEG_12, replace(GREY, bits_stored=10))

    assert np.abs(decoded.astype(int) - array).max() < 40
    assert np.array_equal(cut, np.minimum(decoded, 1023))


@pytest.mark.parametrize("layout", [GREY, BYTES, COLOUR])
@pytest.mark.parametrize("container", [False, True])
def test_jpeg_xl(layout: FrameLayout, container: bool) -> None:
    """JPEG XL is decoded, bare or in its container."""
    array = values(layout)
    frame = bytes(imagecodecs.jpegxl_encode(array, lossless=True, usecontainer=container))

    assert np.array_equal(decode_frame(frame, JPEG_XL, layout)[0], array)


@pytest.mark.parametrize("frame", [b"", b"Doe^Jane", bytes(1000)])
def test_a_code_stream_that_is_not_one(frame: bytes) -> None:
    """Refused, in our own words and without those of the codec."""
    for syntax in sorted(codecs.DECODABLE):
        with pytest.raises(InvalidDataSetError, match=r"frame|code stream") as refusal:
            decode_frame(frame, syntax, GREY)
        assert b"Doe" not in str(refusal.value).encode()


@pytest.mark.parametrize("syntax", [JPEG_LS, JPEG_2000, HTJ2K, JPEG_LOSSLESS, JPEG_XL])
@pytest.mark.parametrize("change", [{"rows": 31}, {"columns": 41}])
def test_a_size_that_lies(monkeypatch: pytest.MonkeyPatch, syntax: str, change: dict[str, int]) -> None:
    """A code stream of another size is refused by its header: no codec is asked."""
    array = values(GREY)
    if syntax == JPEG_XL:
        frame = bytes(imagecodecs.jpegxl_encode(array, lossless=True))
    else:
        frame = encode_frame(array, syntax, GREY)
    for name in ("jpeg8_decode", "jpegls_decode", "jpeg2k_decode", "jpegxl_decode"):
        monkeypatch.setattr(imagecodecs, name, None)
    with pytest.raises(InvalidDataSetError, match="another size"):
        decode_frame(frame, syntax, replace(GREY, **change))  # type: ignore[arg-type]


def test_a_deflated_bomb() -> None:
    """No more is inflated than a frame has."""
    frame = encode_frame(values(replace(GREY, rows=3200)), codecs.DEFLATED_FRAMES, replace(GREY, rows=3200))
    with pytest.raises(InvalidDataSetError, match="another length"):
        decode_frame(frame, codecs.DEFLATED_FRAMES, GREY)


@pytest.mark.parametrize(
    "change",
    [
        {"rows": 0},
        {"columns": 70000},
        {"samples": 4},
        {"bits_allocated": 12},
        {"bits_stored": 17},
        {"photometric_interpretation": "CMYK"},
        {"photometric_interpretation": "RGB"},
        {"pixel_representation": 2},
    ],
)
def test_a_layout_that_is_not_one(change: dict[str, object]) -> None:
    """Refused before anything is decoded."""
    with pytest.raises(InvalidDataSetError, match="Image Pixel"):
        decode_frame(b"", EXPLICIT_LITTLE, replace(GREY, **change))  # type: ignore[arg-type]


def test_what_is_not_encoded() -> None:
    """Lossy syntaxes and unknown ones are refused; another array than the layout's is a mistake."""
    for syntax in (JPEG, "1.2.840.10008.1.2.4.100"):
        with pytest.raises(DeidentificationError, match="not encoded"):
            encode_frame(values(GREY), syntax, GREY)
    with pytest.raises(InvalidDataSetError, match="no decoder"):
        decode_frame(b"", "1.2.840.10008.1.2.4.100", GREY)
    with pytest.raises(ValueError, match="not of the layout"):
        encode_frame(values(BYTES), JPEG_LS, GREY)


def test_a_picture_of_another_library() -> None:
    """What Pillow writes is read."""
    file = BytesIO()
    Image.fromarray(values(BYTES)).save(file, "JPEG", quality=100)
    assert decode_frame(file.getvalue(), JPEG, BYTES)[0].shape == (32, 40)


def test_asked_without_codecs() -> None:
    """What is possible can be asked where neither numpy nor a codec is installed; a frame says what is missing."""
    program = """
import sys
for name in ("numpy", "imagecodecs", "PIL", "rle"):
    sys.modules[name] = None
from dicomveil_engine.pixels.codecs import DECODABLE, decode_frame
from dicomveil_engine.pixels.layout import FrameLayout
assert "1.2.840.10008.1.2.4.80" in DECODABLE
try:
    decode_frame(b"", "1.2.840.10008.1.2.4.80", FrameLayout(1, 1))
except Exception as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "dicomveil-engine[codecs]" in done.stdout
