"""Covered instances against a plain reference: pydicom decodes, numpy covers, and both must be the same pixels.

Every photometric interpretation, sign, byte order, planar configuration and encoding, odd sizes, unused bits that hold
something, several frames with boxes of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate_extended
from pydicom.filebase import DicomBytesIO
from pydicom.pixels import convert_color_space

from dicomveil_engine.configuration.pixels import PixelEncoding, PixelSettings, PixelText
from dicomveil_engine.errors import DeidentificationError
from dicomveil_engine.pixels.boxes import Box, Boxes
from dicomveil_engine.pixels.claims import DERIVATION, SYNTAXES, claimed_metadata, claims_of
from dicomveil_engine.pixels.codecs import (
    DEFLATED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    JPEG_2000,
    JPEG_LS,
    NATIVE,
    RLE,
    encode_frame,
)
from dicomveil_engine.pixels.elements import read_instance
from dicomveil_engine.pixels.frames import InstanceFrames
from dicomveil_engine.pixels.gate import PixelAction, PixelVerdict
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_engine.pixels.instance import InstanceCover
from dicomveil_engine.pixels.layout import FrameLayout, PixelLimits

Array = npt.NDArray[Any]

SYNTAX = (EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED, RLE, JPEG_LS, JPEG_2000)
GREYS = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
VERDICT = PixelVerdict(PixelAction.LOOK, "a test", claims=True)


@dataclass(frozen=True)
class Case:
    """One instance to be made."""

    syntax: str
    photometric: str
    allocated: int
    stored: int
    signed: bool
    planar: int
    rows: int
    columns: int
    frames: int
    seed: int
    boxes: Boxes
    encode: PixelEncoding
    has_unused: bool

    @property
    def samples(self) -> int:
        return 1 if self.photometric in GREYS else 3


@st.composite
def cases(draw: st.DrawFn) -> Case:
    photometric = draw(st.sampled_from([*GREYS, "RGB", "YBR_FULL"]))
    allocated = draw(st.sampled_from([8, 16] if photometric in GREYS else [8]))
    stored = draw(st.integers(2, allocated)) if photometric in GREYS else 8
    syntax = draw(st.sampled_from(SYNTAX))
    rows, columns, frames = draw(st.integers(1, 13)), draw(st.integers(1, 13)), draw(st.integers(1, 3))
    box = st.builds(Box, st.integers(-3, 12), st.integers(-3, 12), st.integers(1, 9), st.integers(1, 9))
    single = draw(st.dictionaries(st.integers(1, frames), st.lists(box, min_size=1, max_size=2).map(tuple), max_size=2))
    return Case(
        syntax,
        photometric,
        allocated,
        stored,
        draw(st.booleans()) if photometric in GREYS[:2] else False,
        draw(st.integers(0, 1)) if photometric not in GREYS and syntax in NATIVE else 0,
        rows,
        columns,
        frames,
        draw(st.integers(0, 99)),
        Boxes(tuple(draw(st.lists(box, max_size=2))), single),
        draw(st.sampled_from(PixelEncoding)),
        # Overlays in the unused bits; a lossless encoder keeps them.
        draw(st.booleans()),
    )


def values_of(case: Case) -> list[Array]:
    """Frames by pixel, with values of Bits Stored, and something in the unused bits."""
    random = np.random.default_rng(case.seed)
    shape = (case.rows, case.columns, 3) if case.samples == 3 else (case.rows, case.columns)
    kind = f"{'i' if case.signed else 'u'}{case.allocated // 8}"
    low, high = (-(1 << case.stored - 1), 1 << case.stored - 1) if case.signed else (0, 1 << case.stored)
    frames = [random.integers(low, high, shape).astype(kind) for _ in range(case.frames)]
    if case.has_unused and case.stored < case.allocated:
        for frame in frames:
            frame.view(f"u{case.allocated // 8}")[0, 0] ^= 1 << case.allocated - 1
    return frames


def ramp_of(case: Case) -> Array:
    """A palette, alike for the three colours: index 0 is bright, and the darkest is somewhere else."""
    return np.roll(np.linspace(65535, 900, 1 << case.stored).astype("<u2"), 3)


def written(case: Case, frames: list[Array]) -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = case.syntax
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    dataset.Modality, dataset.BurnedInAnnotation = "OT", "YES"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = case.rows, case.columns, case.samples
    dataset.PhotometricInterpretation = case.photometric
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = case.allocated, case.stored, case.stored - 1
    dataset.PixelRepresentation, dataset.NumberOfFrames = int(case.signed), case.frames
    if case.samples == 3:
        dataset.PlanarConfiguration = case.planar
    if case.photometric == "PALETTE COLOR":
        ramp = ramp_of(case)
        for name in ("Red", "Green", "Blue"):
            setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [len(ramp) % 65536, 0, 16])
            setattr(dataset, f"{name}PaletteColorLookupTableData", ramp.tobytes())
            if case.syntax == EXPLICIT_BIG:
                setattr(dataset, f"{name}PaletteColorLookupTableData", ramp.byteswap().tobytes())
    if case.syntax in NATIVE:
        order: Literal[">", "<"] = ">" if case.syntax == EXPLICIT_BIG else "<"
        arranged = [frame.transpose(2, 0, 1) if case.planar else frame for frame in frames]
        value = b"".join(frame.astype(frame.dtype.newbyteorder(order)).tobytes() for frame in arranged)
        dataset.PixelData = value + bytes(len(value) % 2)
        dataset["PixelData"].VR = "OW" if case.allocated > 8 or case.syntax == IMPLICIT_LITTLE else "OB"
    else:
        layout = FrameLayout(
            case.rows,
            case.columns,
            case.samples,
            case.allocated,
            case.allocated,  # so that what stands in unused bits is encoded, too
            int(case.signed),
            0,
            case.photometric,
        )
        encoded = [encode_frame(np.ascontiguousarray(frame), case.syntax, layout) for frame in frames]
        dataset.PixelData, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = encapsulate_extended(
            encoded
        )
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    stream = DicomBytesIO()
    dcmwrite(stream, dataset, enforce_file_format=True)
    return bytes(stream.getvalue())


def plain(case: Case, frame: Array) -> Array:
    """Without the unused bits: a naive reference."""
    kept = frame.astype(np.int64) & (1 << case.stored) - 1
    if case.signed:
        kept -= (kept >> case.stored - 1) << case.stored
    return kept


def covered(case: Case, frame: Array, number: int) -> Array:
    """Which pixels are covered: a naive reference."""
    inside = np.zeros((case.rows, case.columns), bool)
    for box in case.boxes.of(number):
        for row in range(case.rows):
            for column in range(case.columns):
                inside[row, column] |= box.x <= column < box.right and box.y <= row < box.bottom
    return inside


def released(case: Case, data: bytes, chunk: int) -> bytes:
    cover = InstanceCover(case.boxes, VERDICT, settings_of(case))
    pieces = [piece for at in range(0, len(data), chunk) for piece in cover.feed(data[at : at + chunk])]
    return b"".join([*pieces, *cover.close()])


def settings_of(case: Case) -> PixelSettings:
    return PixelSettings(text=PixelText.ALL, encode=case.encode)


def frames_in(dataset: Dataset, case: Case) -> list[Array]:
    """As stored, by pixel; pydicom decodes."""
    from pydicom.pixels import pixel_array

    values = pixel_array(dataset, raw=True)
    return list(values) if case.frames > 1 else [values]


@given(cases(), st.integers(1, 700))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(
    Case(EXPLICIT_BIG, "MONOCHROME2", 16, 6, True, 0, 3, 5, 2, 7, Boxes((Box(1, 1, 2, 1),)), PixelEncoding.RLE, True),
    11,
)
@example(Case(EXPLICIT_LITTLE, "MONOCHROME1", 8, 7, False, 0, 3, 5, 1, 7, Boxes(), PixelEncoding.JPEG_LS, True), 9)
def test_covered_instances(case: Case, chunk: int) -> None:
    """Boxes are shown black, all else is what it was without its unused bits, and the attributes are right."""
    before = values_of(case)
    data = written(case, before)
    if case.syntax not in NATIVE:  # what the look says
        case = replace(case, boxes=replace(case.boxes, clears_unused_bits=_has_unused(case, before)))
    again = case.syntax not in NATIVE and bool(case.boxes)
    result = dcmread(DicomBytesIO(released(case, data, chunk)))
    after = frames_in(result, case)

    assert len(after) == case.frames
    for number, (old, new) in enumerate(zip(before, after, strict=True), 1):
        inside = covered(case, old, number)
        assert (new.astype(np.int64)[~inside] == plain(case, old)[~inside]).all()
        assert _looks_black(result, case, new)[inside].all()
    _check_attributes(result, case, again=again)
    _check_metadata(data, result, case)


def test_the_look_sees_unused_bits() -> None:
    """In every encoding that keeps them; none where there are none."""
    for syntax in (RLE, JPEG_LS, JPEG_2000):
        for has_unused in (False, True):
            case = Case(syntax, "MONOCHROME2", 16, 12, False, 0, 9, 9, 2, 1, Boxes(), PixelEncoding.JPEG_LS, has_unused)
            instance = read_instance(written(case, values_of(case)))
            assert instance is not None
            frames = InstanceFrames(instance, PixelHeader.from_elements(instance), PixelLimits())
            assert frames.has_unused_bits() is has_unused


def _has_unused(case: Case, frames: list[Array]) -> bool:
    return any((plain(case, frame) != frame).any() for frame in frames)


def _looks_black(result: Dataset, case: Case, frame: Array) -> Array:
    if result.PhotometricInterpretation == "PALETTE COLOR":
        return np.asarray(frame == int(np.argmin(ramp_of(case))))
    if result.PhotometricInterpretation == "MONOCHROME1":
        return np.asarray(frame == (1 << case.stored - int(case.signed)) - 1)
    if result.PhotometricInterpretation == "YBR_FULL":
        return np.asarray((convert_color_space(frame, "YBR_FULL", "RGB") == 0).all(axis=2))
    if case.samples == 3:
        return np.asarray((frame == 0).all(axis=2))
    return np.asarray(frame == 0)


def _check_attributes(result: Dataset, case: Case, *, again: bool) -> None:
    assert result.BurnedInAnnotation == "NO"
    assert [item.CodeValue for item in result.DeidentificationMethodCodeSequence] == ["113101"]
    syntax = str(result.file_meta.TransferSyntaxUID)
    if again:
        fits = case.stored > 1
        assert syntax == (SYNTAXES[case.encode] if fits else SYNTAXES[PixelEncoding.NATIVE])
        assert "ExtendedOffsetTable" not in result
        assert "ExtendedOffsetTableLengths" not in result
        assert result.DerivationDescription == DERIVATION
        assert "LossyImageCompression" not in result  # nothing was lost
    else:
        # A deflated data set comes inflated.
        assert syntax == (EXPLICIT_LITTLE if case.syntax == DEFLATED else case.syntax)
        assert "DerivationDescription" not in result
        assert ("ExtendedOffsetTable" in result) is (case.syntax not in NATIVE)
    assert (result.Rows, result.Columns, result.get("NumberOfFrames", 1)) == (case.rows, case.columns, case.frames)


def _check_metadata(data: bytes, result: Dataset, case: Case) -> None:
    """Metadata say what the instance says."""
    instance = read_instance(data)
    assert instance is not None
    header = PixelHeader.from_elements(instance)
    claims = claims_of(header, VERDICT, case.boxes, settings_of(case))
    original = dcmread(DicomBytesIO(data), stop_before_pixels=True)
    metadata = claimed_metadata(original.to_json_dict(suppress_invalid_tags=True), claims)
    expected = {
        key: element for key, element in result.to_json_dict(suppress_invalid_tags=True).items() if key < "7FE0"
    }

    assert {key: element for key, element in metadata.items() if key < "7FE0"} == expected


def _before_pixels(metadata: dict[str, Any]) -> dict[str, Any]:
    return {key: element for key, element in metadata.items() if key < "7FE0"}


@pytest.mark.parametrize("existing", ["Scanned", ""])
def test_a_derivation_that_is_there_is_kept(existing: str) -> None:
    """What was done before is not forgotten, and instance and metadata say the same."""
    case = Case(
        JPEG_LS, "MONOCHROME2", 8, 8, False, 0, 6, 6, 1, 3, Boxes((Box(0, 0, 2, 2),)), PixelEncoding.JPEG_LS, False
    )
    dataset = dcmread(DicomBytesIO(written(case, values_of(case))))
    dataset.DerivationDescription = existing
    stream = DicomBytesIO()
    dcmwrite(stream, dataset)
    data = bytes(stream.getvalue())
    result = dcmread(DicomBytesIO(released(case, data, 1 << 16)))

    assert result.DerivationDescription == (f"{existing}; {DERIVATION}" if existing else DERIVATION)
    _check_metadata(data, result, case)


@pytest.mark.parametrize("syntax", [EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG, JPEG_LS])
def test_pictures_within_sequences(syntax: str) -> None:
    """An icon of the instance is removed; one that stands deeper is refused, since nobody looks at it."""
    case = Case(syntax, "MONOCHROME2", 8, 8, False, 0, 6, 6, 1, 3, Boxes(), PixelEncoding.JPEG_LS, False)
    dataset = dcmread(DicomBytesIO(written(case, values_of(case))))
    icon = Dataset()
    icon.Rows = icon.Columns = 2
    icon.PixelData = b"Doe^"
    icon["PixelData"].VR = "OB"
    dataset.IconImageSequence = [icon]
    assert b"Doe^" not in released(case, bytes_of(dataset), 1 << 16)

    outer = Dataset()
    outer.ReferencedSOPInstanceUID = "1.2.3.4.5"
    outer.IconImageSequence = [icon]
    dataset.ReferencedImageSequence = [outer]
    with pytest.raises(DeidentificationError, match=r"\(0008,1140\).* holds a picture"):
        released(case, bytes_of(dataset), 1 << 16)


def bytes_of(dataset: Dataset) -> bytes:
    stream = DicomBytesIO()
    dcmwrite(stream, dataset)
    return bytes(stream.getvalue())
