"""Instances to measure with: synthetic, the same bytes on every run, of kinds that archives hold.

Nothing here comes from a patient: names are `Doe^Jane`, identifiers `PATIENT-1`, UIDs grow from `1.2.3`.
Each function gives one instance in Part 10 form, Explicit VR Little Endian.
"""

from __future__ import annotations

from io import BytesIO
from random import Random

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ComprehensiveSRStorage,
    CTImageStorage,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    RTStructureSetStorage,
    UltrasoundMultiFrameImageStorage,
)

from bench.attributes import CT, FRAME_OF_REFERENCE, INSTANCE, NOTE, PATIENT_AND_STUDY, PERSON, SERIES, STUDY


def ct(rows: int = 512, columns: int = 512, *, noise: int | None = None) -> bytes:
    """A CT slice of 16 bits: about 150 attributes, three private blocks, seven sequences.

    `noise` is a seed: pixels are then random values of 12 bits, which compress as badly as a scanner's.
    """
    dataset = _instance(CTImageStorage, "CT", CT)
    dataset.ProcedureCodeSequence = [_code("P-1", "CT of the abdomen")]
    dataset.OtherPatientIDsSequence = [_item(PatientID="PATIENT-1-OLD", TypeOfPatientID="TEXT")]
    dataset.ReferencedStudySequence = [_reference("1.2.840.10008.3.1.2.3.1", STUDY)]
    dataset.ReferencedPerformedProcedureStepSequence = [_reference("1.2.840.10008.3.1.2.3.3", "1.2.3.5")]
    dataset.ReferencedImageSequence = [_reference(CTImageStorage, f"{INSTANCE}.{n}") for n in range(2)]
    dataset.SourceImageSequence = [_reference(CTImageStorage, f"{INSTANCE}.90")]
    dataset.RequestAttributesSequence = [
        _item(
            RequestedProcedureDescription="CT of the abdomen",
            ScheduledProcedureStepDescription=NOTE,
            ScheduledProcedureStepID="SCHEDULED-1",
            RequestedProcedureID="REQUESTED-1",
        )
    ]
    for group in (0x0019, 0x0021, 0x0029):
        block = dataset.private_block(group, f"EXAMPLE {group:04X}", create=True)
        for offset, (vr, value) in enumerate(
            (("LO", "Doe^Jane"), ("DS", "1.5"), ("DA", "20240312"), ("UI", STUDY), ("OB", bytes(512)))
        ):
            block.add_new(offset, vr, value)
    _add_pixels(dataset, rows, columns, frames=1, samples=1, bits=16)
    if noise is not None:
        dataset.PixelData = _noise(noise, rows * columns)
    return _part10(dataset)


def enhanced_mr(frames: int = 200, rows: int = 64, columns: int = 64) -> bytes:
    """An enhanced multi-frame MR: 12 functional groups and some 50 elements for each frame."""
    dataset = _instance(EnhancedMRImageStorage, "MR", {"ImageType": ["ORIGINAL", "PRIMARY", "M", "NONE"]})
    dataset.SharedFunctionalGroupsSequence = [Dataset()]
    dataset.PerFrameFunctionalGroupsSequence = [_mr_frame(number) for number in range(1, frames + 1)]
    _add_pixels(dataset, rows, columns, frames=frames, samples=1, bits=16)
    return _part10(dataset)


def rtstruct(regions: int = 30, contours: int = 2_000) -> bytes:
    """A structure set: regions of interest whose contours, 50 points each, refer to the CT's slices."""
    dataset = _instance(RTStructureSetStorage, "RTSTRUCT", {"StructureSetLabel": "PLAN"})
    dataset.StructureSetName = "Plan for Doe"
    dataset.StructureSetDate = "20240313"
    dataset.StructureSetTime = "120000"
    slices = [_reference(CTImageStorage, f"{INSTANCE}.{n}") for n in range(200)]
    series = _item(SeriesInstanceUID=SERIES, ContourImageSequence=slices)
    study = _reference("1.2.840.10008.3.1.2.3.1", STUDY)
    study.RTReferencedSeriesSequence = [series]
    dataset.ReferencedFrameOfReferenceSequence = [
        _item(FrameOfReferenceUID=FRAME_OF_REFERENCE, RTReferencedStudySequence=[study])
    ]
    numbers = range(1, regions + 1)
    dataset.StructureSetROISequence = [
        _item(
            ROINumber=number,
            ReferencedFrameOfReferenceUID=FRAME_OF_REFERENCE,
            ROIName=f"Region {number}",
            ROIDescription="drawn by Doe",
            ROIGenerationAlgorithm="MANUAL",
        )
        for number in numbers
    ]
    dataset.RTROIObservationsSequence = [
        _item(
            ObservationNumber=number,
            ReferencedROINumber=number,
            RTROIInterpretedType="",
            ROIInterpreter=PERSON,
        )
        for number in numbers
    ]
    dataset.ROIContourSequence = [
        _item(
            ROIDisplayColor=[255, 0, number],
            ReferencedROINumber=number,
            ContourSequence=[_contour(n) for n in range(contours) if n % regions == number - 1],
        )
        for number in numbers
    ]
    return _part10(dataset)


def sr(groups: int = 400) -> bytes:
    """A structured report as a measuring station writes it: about 24,000 elements, three levels deep."""
    dataset = _instance(ComprehensiveSRStorage, "SR", {"CompletionFlag": "COMPLETE", "VerificationFlag": "VERIFIED"})
    dataset.VerifyingObserverSequence = [
        _item(
            VerifyingOrganization="Example Hospital",
            VerificationDateTime="20240312120000",
            VerifyingObserverName=PERSON,
        )
    ]
    dataset.ValueType = "CONTAINER"
    dataset.ContinuityOfContent = "SEPARATE"
    dataset.ConceptNameCodeSequence = [_code("126000", "Imaging Measurement Report")]
    dataset.ContentSequence = [_measurement_group(number) for number in range(groups)]
    return _part10(dataset)


def ultrasound(frames: int = 35, rows: int = 600, columns: int = 800) -> bytes:
    """An ultrasound loop in colour, 50 MB."""
    values = {"ImageType": ["ORIGINAL", "PRIMARY"], "FrameTime": "33.3", "PlanarConfiguration": 0}
    dataset = _instance(UltrasoundMultiFrameImageStorage, "US", values)
    _add_pixels(dataset, rows, columns, frames=frames, samples=3, bits=8)
    return _part10(dataset)


def _mr_frame(number: int) -> Dataset:
    moment = f"20240312101112.{number:06}"
    return _item(
        MRImageFrameTypeSequence=[
            _item(
                FrameType=["ORIGINAL", "PRIMARY", "M", "NONE"],
                PixelPresentation="MONOCHROME",
                VolumetricProperties="VOLUME",
                VolumeBasedCalculationTechnique="NONE",
                ComplexImageComponent="MAGNITUDE",
                AcquisitionContrast="T1",
            )
        ],
        MRTimingAndRelatedParametersSequence=[
            _item(
                RepetitionTime="500",
                FlipAngle="15",
                EchoTrainLength=1,
                RFEchoTrainLength=0,
                GradientEchoTrainLength=1,
            )
        ],
        MRFOVGeometrySequence=[
            _item(
                InPlanePhaseEncodingDirection="ROW",
                MRAcquisitionFrequencyEncodingSteps=256,
                MRAcquisitionPhaseEncodingStepsInPlane=256,
                PercentSampling="100",
                PercentPhaseFieldOfView="100",
            )
        ],
        MREchoSequence=[_item(EffectiveEchoTime=4.6)],
        MRAveragesSequence=[_item(NumberOfAverages="1")],
        MRReceiveCoilSequence=[
            _item(ReceiveCoilName="BODY", ReceiveCoilManufacturerName="Example Devices", ReceiveCoilType="BODY")
        ],
        FrameContentSequence=[
            _item(
                FrameAcquisitionNumber=1,
                FrameReferenceDateTime=moment,
                FrameAcquisitionDateTime=moment,
                FrameAcquisitionDuration=500.0,
                DimensionIndexValues=[1, number],
                StackID="1",
                InStackPositionNumber=number,
                TemporalPositionIndex=1,
                FrameComments="Doe",
            )
        ],
        PlanePositionSequence=[_item(ImagePositionPatient=["-120", "-120", str(number)])],
        PlaneOrientationSequence=[_item(ImageOrientationPatient=["1", "0", "0", "0", "1", "0"])],
        PixelMeasuresSequence=[_item(SliceThickness="1", PixelSpacing=["0.9375", "0.9375"])],
        FrameVOILUTSequence=[_item(WindowCenter="600", WindowWidth="1200")],
        PixelValueTransformationSequence=[_item(RescaleIntercept="0", RescaleSlope="1", RescaleType="US")],
        ReferencedImageSequence=[
            _item(
                ReferencedSOPClassUID=EnhancedMRImageStorage,
                ReferencedSOPInstanceUID=f"{INSTANCE}.{number}",
                PurposeOfReferenceCodeSequence=[_code("121311", "Localizer")],
            )
        ],
    )


def _contour(number: int) -> Dataset:
    return _item(
        ContourImageSequence=[_reference(CTImageStorage, f"{INSTANCE}.{number % 200}")],
        ContourGeometricType="CLOSED_PLANAR",
        NumberOfContourPoints=50,
        ContourNumber=number,
        ContourData=[f"{(number * 7 + n) % 400 - 200}.{n % 100:02}" for n in range(150)],
    )


def _measurement_group(number: int) -> Dataset:
    return _item(
        **_content("CONTAINER", "125007", "Measurement Group"),
        ContinuityOfContent="SEPARATE",
        ContentSequence=[
            _item(**_content("TEXT", "112039", "Tracking Identifier"), TextValue=f"Lesion {number} of Doe"),
            _item(**_content("UIDREF", "112040", "Tracking Unique Identifier"), UID=f"{INSTANCE}.6.{number}"),
            _item(**_content("DATETIME", "111526", "DateTime Started"), DateTime="20240312101112"),
            _item(**_content("PNAME", "121008", "Person Observer Name"), PersonName=PERSON),
            _item(**_content("CODE", "121071", "Finding"), ConceptCodeSequence=[_code("108369006", "Neoplasm")]),
            _item(
                **_content("NUM", "410668003", "Length"),
                MeasuredValueSequence=[
                    _item(NumericValue="12.5", MeasurementUnitsCodeSequence=[_code("mm", "millimeter")])
                ],
            ),
        ],
    )


def _content(value_type: str, code: str, meaning: str) -> dict[str, object]:
    return {
        "RelationshipType": "CONTAINS",
        "ValueType": value_type,
        "ConceptNameCodeSequence": [_code(code, meaning)],
    }


def _code(value: str, meaning: str) -> Dataset:
    return _item(CodeValue=value, CodingSchemeDesignator="DCM", CodeMeaning=meaning)


def _reference(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    return _item(ReferencedSOPClassUID=sop_class_uid, ReferencedSOPInstanceUID=sop_instance_uid)


def _item(**values: object) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _instance(sop_class_uid: str, modality: str, values: dict[str, object]) -> Dataset:
    dataset = _item(**PATIENT_AND_STUDY, **values)
    dataset.SOPClassUID = sop_class_uid
    dataset.SOPInstanceUID = f"{INSTANCE}.1"
    dataset.Modality = modality
    return dataset


def _add_pixels(dataset: Dataset, rows: int, columns: int, *, frames: int, samples: int, bits: int) -> None:
    dataset.SamplesPerPixel = samples
    dataset.PhotometricInterpretation = "MONOCHROME2" if samples == 1 else "RGB"
    if frames > 1:
        dataset.NumberOfFrames = frames
    dataset.Rows = rows
    dataset.Columns = columns
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = 0
    size = rows * columns * frames * samples * bits // 8
    dataset.add_new("PixelData", "OW" if bits > 8 else "OB", (bytes(range(256)) * (size // 256 + 1))[:size])


def _noise(seed: int, pixels: int) -> bytes:
    mask = int.from_bytes(b"\xff\x0f" * pixels, "little")
    return (Random(seed).getrandbits(16 * pixels) & mask).to_bytes(2 * pixels, "little")


def _part10(dataset: Dataset) -> bytes:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.ImplementationClassUID = "1.2.3.4"
    dataset.file_meta.SourceApplicationEntityTitle = "EXAMPLE-AE"
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
