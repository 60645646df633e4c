"""Whole instances come out covered where there are boxes, unchanged elsewhere, and say so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.multival import MultiValue

from dicomveil_engine import (
    DeidentificationError,
    InvalidDataSetError,
    deidentify_instance,
    load_policy,
)
from dicomveil_engine.configuration.pixels import read_pixels
from dicomveil_engine.pixels.boxes import Box, Boxes
from dicomveil_engine.pixels.claims import claimed_metadata, claims_of
from dicomveil_engine.pixels.elements import read_instance
from dicomveil_engine.pixels.frames import InstanceFrames
from dicomveil_engine.pixels.gate import PixelAction, PixelVerdict, gate
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_engine.pixels.instance import InstanceCover, cover_instance
from dicomveil_engine.pixels.layout import PixelLimits
from engine.pixel_instances import BIG, CT, IMPLICIT, JPEG_LS, NATIVE, RLE, SC, Array, instance

CLEAN = read_pixels("clean")
POLICY = load_policy({"profile": "basic", "pixels": "keep"}, b"k" * 32)
RANDOM = np.random.default_rng(1)
GREY: Array = RANDOM.integers(1, 255, (32, 48), np.uint8)
WORDS: Array = RANDOM.integers(1, 4095, (32, 48)).astype(np.uint16)
COLOURS: Array = RANDOM.integers(1, 255, (32, 48, 3), np.uint8)
BOX = Box(5, 6, 20, 10)
BOXES = Boxes((BOX,))
LOOK = PixelVerdict(PixelAction.LOOK, "a test", claims=True)


def frames_of(data: bytes) -> list[Array]:
    elements = read_instance(data)
    assert elements is not None
    header = PixelHeader.from_elements(elements)
    frames = InstanceFrames(elements, header, PixelLimits())
    return [frames.decoded(number)[0] for number in range(1, header.frames + 1)]


def covered(array: Array) -> Array:
    out = array.copy()
    out[BOX.y : BOX.bottom, BOX.x : BOX.right] = 0
    return out


@pytest.mark.parametrize("syntax", [NATIVE, BIG, IMPLICIT, RLE, JPEG_LS])
@pytest.mark.parametrize("array", [GREY, WORDS, COLOURS], ids=["grey", "words", "colours"])
@pytest.mark.parametrize("encode", ["jpegls", "j2k", "rle", "native"])
def test_only_the_box_changes(syntax: str, array: Array, encode: str) -> None:
    """In each encoding, and in each that the policy may name; pydicom finds the instance in order."""
    bits = {"BitsStored": 12, "HighBit": 11} if array is WORDS else {}
    data = deidentify_instance(instance([array, array], syntax=syntax, **bits), POLICY)
    out = cover_instance(data, BOXES, LOOK, read_pixels({"encode": encode}))
    dataset = dcmread(DicomBytesIO(out))

    assert all((frame == covered(array)).all() for frame in frames_of(out))
    assert dataset.BurnedInAnnotation == "NO"
    assert [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence] == ["113100", "113101"]
    if syntax in {NATIVE, BIG, IMPLICIT}:
        assert dataset.file_meta.TransferSyntaxUID == syntax
        assert len(out) - len(data) < 200
    elif encode == "native":
        assert len(dataset.PixelData) == 2 * array.nbytes
    else:
        assert dataset.file_meta.TransferSyntaxUID.is_encapsulated
        assert dataset["PixelData"].is_undefined_length


@pytest.mark.parametrize("syntax", [NATIVE, RLE])
@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
def test_however_the_bytes_are_cut(syntax: str, size: int) -> None:
    """A stream gives what the whole gives."""
    data = deidentify_instance(instance([GREY], syntax=syntax), POLICY)
    cover = InstanceCover(BOXES, LOOK, CLEAN)
    pieces = [piece for at in range(0, len(data), size) for piece in cover.feed(data[at : at + size])]

    assert b"".join([*pieces, *cover.close()]) == cover_instance(data, BOXES, LOOK, CLEAN)


def test_what_has_no_boxes_passes_bit_for_bit() -> None:
    """Pixel Data is the same; only the claims are new."""
    data = deidentify_instance(instance([GREY], syntax=JPEG_LS), POLICY)
    out = cover_instance(data, Boxes(), LOOK, CLEAN)
    before, after = dcmread(DicomBytesIO(data)), dcmread(DicomBytesIO(out))

    assert before.PixelData == after.PixelData
    assert after.BurnedInAnnotation == "NO"
    assert "DerivationDescription" not in after


def test_nothing_is_claimed_where_nothing_was_done() -> None:
    """An instance that the gate lets pass stays as it is."""
    data = deidentify_instance(instance([WORDS], SOPClassUID=CT, Modality="CT"), POLICY)
    verdict = gate(PixelHeader(has_pixel_data=True), read_pixels("keep"))

    assert cover_instance(data, Boxes(), verdict, CLEAN) == data


@pytest.mark.parametrize("boxes", [Boxes(), BOXES])
@pytest.mark.parametrize("syntax", [NATIVE, JPEG_LS])
def test_metadata_says_what_the_instance_says(boxes: Boxes, syntax: str) -> None:
    """The claims are the same in DICOM JSON and in Part 10."""
    original = instance([COLOURS], syntax=syntax, BurnedInAnnotation="NO")
    data = deidentify_instance(original, POLICY)
    elements = read_instance(data)
    assert elements is not None
    header = PixelHeader.from_elements(elements)
    claims = claims_of(header, LOOK, boxes, CLEAN)
    metadata = claimed_metadata(dcmread(DicomBytesIO(data)).to_json_dict(), claims)
    from_instance = dcmread(DicomBytesIO(cover_instance(data, boxes, LOOK, CLEAN))).to_json_dict()

    assert {**metadata, "7FE00010": 0} == {**from_instance, "7FE00010": 0}


def both(original: bytes, boxes: Boxes) -> tuple[Dataset, Dataset]:
    """The released instance, and the metadata with the same claims."""
    data = deidentify_instance(original, POLICY)
    elements = read_instance(data)
    assert elements is not None
    claims = claims_of(PixelHeader.from_elements(elements), LOOK, boxes, CLEAN)
    without_pixels = dcmread(DicomBytesIO(data), stop_before_pixels=True)
    metadata = claimed_metadata(without_pixels.to_json_dict(), claims)
    return dcmread(DicomBytesIO(cover_instance(data, boxes, LOOK, CLEAN))), Dataset.from_json(metadata)


OF_VALUES = [
    *("SmallestImagePixelValue", "LargestImagePixelValue", "SmallestPixelValueInSeries", "LargestPixelValueInSeries"),
    *("SmallestImagePixelValueInPlane", "LargestImagePixelValueInPlane"),
]


@pytest.mark.parametrize("boxes", [Boxes(), BOXES])
def test_what_was_computed_from_values_is_removed(boxes: Boxes) -> None:
    """From the instance and its metadata alike, whether or not something was covered; other numbers stay."""
    present: dict[str, Any] = dict.fromkeys(OF_VALUES, 7) | {"PixelPaddingValue": 3, "HistogramSequence": [Dataset()]}
    for found in both(instance([WORDS], **present), boxes):
        assert not {*OF_VALUES, "HistogramSequence"} & set(found.dir())
        assert found.PixelPaddingValue == 3


@pytest.mark.parametrize("name", ["MR_small.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm"])
def test_real_values(name: str) -> None:
    """An instance of a scanner: what it says of its values is removed, and nothing else that metadata would keep."""
    original = Path(get_testdata_file(name)).read_bytes()
    before = dcmread(DicomBytesIO(deidentify_instance(original, POLICY)))
    released, metadata = both(original, BOXES)
    removed = {"SmallestImagePixelValue", "LargestImagePixelValue"}

    assert removed <= set(before.dir())
    for found in (released, metadata):
        assert set(before.dir()) - set(found.dir()) - {"PixelData"} == removed


@pytest.mark.parametrize(
    ("name", "methods", "ratios"),
    [
        ("693_J2KI.dcm", ["ISO_15444_1"], 1),
        ("SC_rgb_dcmtk_+eb+cr.dcm", ["ISO_10918_1"], 1),
        ("SC_jpeg_no_color_transform.dcm", ["ISO_10918_1"], 0),
        ("examples_ybr_color.dcm", ["ISO_10918_1"], 1),
    ],
)
def test_the_history_of_compression(name: str, methods: list[str], ratios: int) -> None:
    """Real instances that were compressed with loss say so, and by which method, when their frames are encoded again.

    A ratio is kept.
    """
    original = Path(get_testdata_file(name)).read_bytes()
    before = dcmread(DicomBytesIO(original), stop_before_pixels=True)
    for found in both(original, BOXES):
        assert found.LossyImageCompression == "01"
        assert listed(found, "LossyImageCompressionMethod") == methods
        assert listed(found, "LossyImageCompressionRatio") == listed(before, "LossyImageCompressionRatio")
        assert len(listed(found, "LossyImageCompressionRatio")) == ratios
    released = both(original, BOXES)[0]
    assert released.file_meta.TransferSyntaxUID == JPEG_LS


@pytest.mark.parametrize("ratios", [[], [12.5], [12.5, 30]])
@pytest.mark.parametrize("lossy", [None, "00", "01"])
def test_each_ratio_has_a_method(ratios: list[float], lossy: str | None) -> None:
    """Where a method is added, ratios that belong to others are removed."""
    dataset = dcmread(DicomBytesIO(instance([COLOURS], syntax=RLE)))
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50"
    dataset.PixelData = encapsulate(
        [bytes(imagecodecs.jpeg8_encode(COLOURS, 90, colorspace="RGB", outcolorspace="RGB"))]
    )
    if ratios:
        dataset.LossyImageCompressionRatio = ratios
    if lossy:
        dataset.LossyImageCompression = lossy
    file = DicomBytesIO()
    dataset.save_as(file)
    for found in both(bytes(file.getvalue()), BOXES):
        assert found.LossyImageCompression == "01"
        assert listed(found, "LossyImageCompressionMethod") == ["ISO_10918_1"]
        assert listed(found, "LossyImageCompressionRatio") == (ratios if len(ratios) == 1 else [])


def listed(dataset: Dataset, keyword: str) -> list[object]:
    """The values, none where there is no attribute."""
    value = dataset.get(keyword)
    if value is None:
        return []
    return list(value) if isinstance(value, MultiValue) else [value]


def test_icons_go() -> None:
    """They would still show what was covered, and go even where a rule keeps them."""
    policy = load_policy(
        {"profile": "basic", "rules": [{"tag": "IconImageSequence", "method": "keep"}], "pixels": "keep"}, b"k" * 32
    )
    data = deidentify_instance(instance([GREY], IconImageSequence=[Dataset()]), policy)
    out = dcmread(DicomBytesIO(cover_instance(data, BOXES, LOOK, CLEAN)))

    assert "IconImageSequence" in dcmread(DicomBytesIO(data))
    assert "IconImageSequence" not in out


def test_single_bits() -> None:
    """Scanned pages of one bit a pixel, packed without a gap between frames."""
    bits = RANDOM.integers(0, 2, (2, 5, 7), np.uint8)
    packed = np.packbits(bits.reshape(-1), bitorder="little").reshape(1, -1)
    data = instance(
        [packed], SOPClassUID=SC, Rows=5, Columns=7, NumberOfFrames=2, BitsAllocated=1, BitsStored=1, HighBit=0
    )
    out = frames_of(cover_instance(deidentify_instance(data, POLICY), Boxes((Box(1, 1, 3, 2),)), LOOK, CLEAN))
    bits[:, 1:3, 1:4] = 0

    assert all((frame == expected).all() for frame, expected in zip(out, bits, strict=True))


def test_a_code_stream_of_other_colours() -> None:
    """Frames that are RGB inside, and YBR_FULL by the header, come out as the header says and look the same."""
    encoded = bytes(imagecodecs.jpeg8_encode(COLOURS // 4, 100, colorspace="RGB", outcolorspace="RGB"))
    stream = DicomBytesIO(instance([COLOURS], syntax=RLE, PhotometricInterpretation="YBR_FULL"))
    dataset = dcmread(stream)
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50"
    dataset.PixelData = encapsulate([encoded])
    out = DicomBytesIO()
    dataset.save_as(out)
    result = dcmread(
        DicomBytesIO(cover_instance(deidentify_instance(bytes(out.getvalue()), POLICY), BOXES, LOOK, CLEAN))
    )
    shown = result.pixel_array  # pydicom gives RGB

    assert result.PhotometricInterpretation == "YBR_FULL"
    assert np.abs(shown.astype(int) - covered(COLOURS // 4)).max() <= 4


def test_refused_instances_have_no_output() -> None:
    """Whoever asks for the cover of a refused instance gets the reason."""
    with pytest.raises(DeidentificationError, match="video"):
        InstanceCover(Boxes(), PixelVerdict(PixelAction.REFUSE, "video"), CLEAN)


@pytest.mark.parametrize(
    "changes",
    [{"Rows": 60000, "Columns": 60000}, {"Rows": 33}, {"NumberOfFrames": 9}, {"NumberOfFrames": 2**31 - 1},
     {"Rows": 0}, {"BitsStored": 60}, {"PhotometricInterpretation": "HSV"}, {"SamplesPerPixel": 4}],
)  # fmt: skip
@pytest.mark.parametrize("syntax", [NATIVE, RLE, JPEG_LS])
def test_sizes_that_lie(changes: dict[str, object], syntax: str) -> None:
    """What a header claims is held against the bytes before anything is decoded."""
    stream = DicomBytesIO(instance([GREY], syntax=syntax))
    dataset = dcmread(stream)
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    out = DicomBytesIO()
    dataset.save_as(out)
    lying = bytes(out.getvalue())

    with pytest.raises((InvalidDataSetError, DeidentificationError)):
        frames_of(lying)
    with pytest.raises((InvalidDataSetError, DeidentificationError)):
        cover_instance(deidentify_instance(lying, POLICY), BOXES, LOOK, CLEAN)


@pytest.mark.parametrize("cut", [1, 40, 300])
@pytest.mark.parametrize("syntax", [NATIVE, RLE, JPEG_LS])
def test_cut_streams(cut: int, syntax: str) -> None:
    """A stream that ends too early gives an error, never a shorter instance."""
    data = deidentify_instance(instance([GREY], syntax=syntax), POLICY)[:-cut]

    with pytest.raises(InvalidDataSetError):
        cover_instance(data, BOXES, LOOK, CLEAN)


@pytest.mark.parametrize("syntax", [NATIVE, JPEG_LS])
def test_where_a_doubt_is_left_nothing_is_claimed(syntax: str) -> None:
    """The box is covered, icons and overlays are gone, and a NO of the original is emptied; the code is not added."""
    icon = Dataset()
    icon.Rows = icon.Columns = 1
    original = instance([GREY], syntax=syntax, BurnedInAnnotation="NO", IconImageSequence=[icon])
    data = deidentify_instance(original, POLICY)
    doubtful = Boxes(BOXES.every, leaves_doubt=True)
    out = cover_instance(data, doubtful, LOOK, CLEAN)
    dataset = dcmread(DicomBytesIO(out))

    assert (frames_of(out)[0] == covered(GREY)).all()
    assert not dataset.get("BurnedInAnnotation")
    assert "IconImageSequence" not in dataset
    assert "113101" not in [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence]
    assert Boxes.from_json(doubtful.as_json()) == doubtful
    assert Boxes.from_json(BOXES.as_json()) == BOXES


def test_boxes_of_an_unknown_age_leave_a_doubt() -> None:
    """What was written before doubts were is not taken for certain."""
    assert Boxes.from_json({"every": []}).leaves_doubt
