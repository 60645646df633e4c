"""The studies that the viewer is shown: synthetic ones of four kinds, and one that does not say its kind.

Nothing here comes from a patient: names are `Doe^...`, identifiers `PATIENT-...`, UIDs grow from `1.2.3`, and the
pictures are drawn by formulas. Each value that identifies is long enough that finding it anywhere is no accident.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    BasicTextSRStorage,
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
)

SIZE = 256
"""Rows and columns of each picture."""
CT_SLICES = 12
FINDING = "Cyst in the left kidney"
"""What the report says of the picture."""
SECRETS = (
    *("Doe^J", "Doe, J", "PATIENT-", "ACCESSION-", "Example Hospital", "1.2.3.8"),
    *("20240312", "12-Mar-2024", "19500102", "02-Jan-1950"),
)
"""What values that identify somebody in these studies are or begin with, also as the viewer writes them."""


def studies() -> dict[str, list[bytes]]:
    """Kind → the instances of one study, in Part 10 form."""
    return {
        "CT": [_ct(number) for number in range(CT_SLICES)],
        "MR": [_mr()],
        "US": [_us()],
        "SR": [_sr()],
        "unsaid": [_unsaid()],
    }


def _ct(number: int) -> bytes:
    dataset = _instance(1, CTImageStorage, "CT", "Jane", "Abdomen", number)
    dataset.SeriesDescription = "Abdomen 5 mm"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.update(_plane(number * 5, spacing="1.4"))
    dataset.SliceThickness = "5"
    dataset.RescaleIntercept = "-1024"
    dataset.RescaleSlope = "1"
    dataset.RescaleType = "HU"
    dataset.WindowCenter, dataset.WindowWidth = "40", "400"
    return _part10(dataset, _abdomen(number) + 1024)


def _mr() -> bytes:
    dataset = _instance(2, MRImageStorage, "MR", "John", "Phantom")
    dataset.SeriesDescription = "T1"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    dataset.update(_plane(0, spacing="0.9"))
    dataset.WindowCenter, dataset.WindowWidth = "500", "1000"
    x, y = _grid()
    return _part10(dataset, np.where(_disc(0, 0, 0.9, 0.9), 500 + 400 * np.sin(12 * x) * np.cos(9 * y), 0))


def _us() -> bytes:
    dataset = _instance(3, UltrasoundImageStorage, "US", "Jim", "Liver")
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "ABDOMINAL"]
    x, y = _grid()
    depth = np.hypot(x, y + 1)
    fan = (np.abs(x) < 0.8 * (y + 1)) & (depth < 1.8)
    echo = np.where(fan, 90 + 80 * np.sin(40 * depth) * np.cos(15 * x / (depth + 0.1)), 0)
    flow = _disc(0.15, 0.1, 0.2, 0.12)
    picture = np.stack([np.where(flow, 220, echo), np.where(flow, 60, echo), np.where(flow, 40, echo)], axis=-1)
    return _part10(dataset, picture)


def _sr() -> bytes:
    dataset = _instance(4, BasicTextSRStorage, "SR", "Julia", "Report")
    dataset.CompletionFlag = "COMPLETE"
    dataset.VerificationFlag = "UNVERIFIED"
    dataset.ValueType = "CONTAINER"
    dataset.ContinuityOfContent = "SEPARATE"
    dataset.ConceptNameCodeSequence = [_code("18748-4", "LN", "Diagnostic imaging report")]
    dataset.ContentSequence = [
        _item(
            RelationshipType="HAS OBS CONTEXT",
            ValueType="PNAME",
            ConceptNameCodeSequence=[_code("121008", "DCM", "Person Observer Name")],
            PersonName="Doe^Jack",
        ),
        _item(
            RelationshipType="CONTAINS",
            ValueType="TEXT",
            ConceptNameCodeSequence=[_code("121071", "DCM", "Finding")],
            TextValue=FINDING,
        ),
    ]
    return _part10(dataset)


def _unsaid() -> bytes:
    """An instance without Modality: Orthanc answers for its study with a (0008,0061) that has no value."""
    dataset = _instance(5, SecondaryCaptureImageStorage, "OT", "Joan", "Scan")
    del dataset.Modality
    x, y = _grid()
    return _part10(dataset, 500 + 200 * (x + y))


def _abdomen(number: int) -> NDArray[np.float64]:
    """A slice of a phantom in Hounsfield units: skin, organs, spine, and a cyst that grows and shrinks."""
    picture = np.full((SIZE, SIZE), -1000.0)
    for x0, y0, width, height, value in (
        (0.0, 0.0, 0.92, 0.66, -90),
        (0.0, 0.0, 0.84, 0.58, 45),
        (-0.4, -0.1, 0.34, 0.3, 75),
        (0.42, -0.12, 0.18, 0.2, 95),
        (-0.36, 0.26, 0.13, 0.16, 140),
        (0.36, 0.26, 0.13, 0.16, 140),
        (0.0, 0.4, 0.14, 0.14, 420),
        (0.0, 0.4, 0.07, 0.07, 30),
        (0.06, 0.17, 0.06, 0.06, 210),
        (0.4, 0.22, 0.06 + 0.02 * np.sin(number), 0.07, 5),
    ):
        picture[_disc(x0, y0, width, height)] = value
    noise = np.random.default_rng(number).normal(0, 6, picture.shape)
    return np.asarray(picture + noise)


def _grid() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x and y of each pixel's centre, from -1 to 1."""
    line = (np.arange(SIZE) + 0.5) / SIZE * 2 - 1
    x, y = np.meshgrid(line, line)
    return x, y


def _disc(x0: float, y0: float, width: float, height: float) -> NDArray[np.bool_]:
    x, y = _grid()
    return np.asarray(((x - x0) / max(width, 1e-6)) ** 2 + ((y - y0) / height) ** 2 < 1)


def _instance(
    study: int, sop_class_uid: str, modality: str, given_name: str, description: str, number: int = 0
) -> Dataset:
    root = f"1.2.3.8{study}"
    return _item(
        SOPClassUID=sop_class_uid,
        SOPInstanceUID=f"{root}.1.{number + 1}",
        StudyInstanceUID=root,
        SeriesInstanceUID=f"{root}.1",
        Modality=modality,
        PatientName=f"Doe^{given_name}",
        PatientID=f"PATIENT-{study}",
        PatientBirthDate="19500102",
        AccessionNumber=f"ACCESSION-{study}",
        ReferringPhysicianName="Doe^Jack",
        InstitutionName="Example Hospital",
        StudyDate="20240312",
        StudyTime=f"10{study}500",
        SeriesDate="20240312",
        ContentDate="20240312",
        StudyDescription=description,
        SeriesNumber=1,
        InstanceNumber=number + 1,
    )


def _plane(z: int, spacing: str) -> Dataset:
    return _item(
        FrameOfReferenceUID="1.2.3.8.9",
        ImagePositionPatient=["-180", "-180", str(z)],
        ImageOrientationPatient=["1", "0", "0", "0", "1", "0"],
        PixelSpacing=[spacing, spacing],
    )


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    return _item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def _item(**values: object) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _part10(dataset: Dataset, picture: NDArray[np.float64] | None = None) -> bytes:
    """Grey pictures are stored in 16 bits, those in colour in 8 for each sample."""
    if picture is not None:
        bits = 16 if picture.ndim == 2 else 8
        dataset.Rows, dataset.Columns = picture.shape[:2]
        dataset.SamplesPerPixel = 1 if bits == 16 else 3
        dataset.PhotometricInterpretation = "MONOCHROME2" if bits == 16 else "RGB"
        if bits == 8:
            dataset.PlanarConfiguration = 0
        dataset.BitsAllocated = dataset.BitsStored = bits
        dataset.HighBit = bits - 1
        dataset.PixelRepresentation = 0
        pixels = picture.clip(0, 2**bits - 1).astype(f"<u{bits // 8}").tobytes()
        dataset.add_new("PixelData", "OW" if bits == 16 else "OB", pixels)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
