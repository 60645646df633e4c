"""A synthetic archive with an answer key: what of each instance must go, must stay, and must change consistently.

The ten actions are those that the field's benchmark of de-identification scores (Medical Image De-Identification
Benchmark, MIDI-B): tag_retained, text_notnull, text_retained, text_removed, date_shifted, uid_changed,
uid_consistent, patid_consistent, pixels_retained, pixels_hidden. Patients, texts and pictures are made here; texts are
those of `engine.text_cases` and `engine.text_wordings`. The pictures with text are `pixel_drawing`'s.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from engine.text_cases import Case, cases
from engine.text_wordings import cases as other_cases

ACTIONS = (
    *("tag_retained", "text_notnull", "text_retained", "text_removed", "date_shifted"),
    *("uid_changed", "uid_consistent", "patid_consistent", "pixels_retained", "pixels_hidden"),
)
PATIENTS, STUDIES, SERIES, INSTANCES = 24, 2, 3, 2

_CLASSES = (
    ("CT", "1.2.840.10008.5.1.4.1.1.2"),
    ("MR", "1.2.840.10008.5.1.4.1.1.4"),
    ("CR", "1.2.840.10008.5.1.4.1.1.1"),
)
_TEXTS = ("SeriesDescription", "ImageComments", "PatientComments", "RequestedProcedureDescription")
_LONGEST = {"SeriesDescription": 64, "RequestedProcedureDescription": 64}
_RETAINED = (
    *("Modality", "Rows", "Columns", "PixelSpacing", "SliceThickness", "ImageOrientationPatient", "InstanceNumber"),
    *("ImagePositionPatient", "BodyPartExamined", "KVP", "Manufacturer", "PatientSex", "PatientWeight"),
    *("RescaleSlope", "WindowCenter", "SOPClassUID", "PhotometricInterpretation", "SeriesNumber"),
)
_NOT_NULL = ("StudyInstanceUID", "SOPInstanceUID", "PatientID", "SOPClassUID", "Modality", "StudyDate")
_REMOVED = (
    *("PatientName", "PatientID", "AccessionNumber", "ReferringPhysicianName", "InstitutionName", "OperatorsName"),
    *("PatientAddress", "PatientTelephoneNumbers", "OtherPatientIDs", "PhysiciansOfRecord", "StationName"),
)
_DATES = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
_TOKEN = re.compile(r"[^\W_]+")


class Answer(NamedTuple):
    """One thing that is scored, of one attribute of one instance."""

    action: str
    kind: str
    """By what failures are grouped: the attribute, and for texts the infotype of what was planted."""
    keyword: str
    words: tuple[str, ...] = ()
    """Tokens that must be there, or must not."""
    value: str = ""
    """The original's."""


@dataclass
class Curated:
    """An instance, and all that is asked of it."""

    dataset: Dataset
    patient: str
    answers: list[Answer] = field(default_factory=list)


def tokens(text: str) -> list[str]:
    """The letters and digits of a text, in pieces, in lower case."""
    return [match[0].casefold() for match in _TOKEN.finditer(text)]


def archive(seed: int = 3) -> Iterator[Curated]:
    """All instances, patient by patient; the same for the same seed."""
    rng = random.Random(seed)
    texts = [case for case in (*cases(), *other_cases()) if len(tokens(case.text)) > 2]
    rng.shuffle(texts)
    for patient in range(PATIENTS):
        # A patient's instances carry texts of one header: what is planted as the patient's own is this patient's.
        own = texts[patient * 40 : (patient + 1) * 40]
        for study in range(STUDIES):
            for series in range(SERIES):
                for instance in range(INSTANCES):
                    yield _instance(rng, (patient, study, series, instance), own)


def _instance(rng: random.Random, place: tuple[int, int, int, int], texts: Sequence[Case]) -> Curated:
    patient, study, series, instance = place
    modality, sop_class = _CLASSES[(patient + series) % len(_CLASSES)]
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID, ds.Modality = sop_class, modality
    ds.StudyInstanceUID = f"1.2.3.{patient + 1}.{study + 1}"
    ds.SeriesInstanceUID = f"{ds.StudyInstanceUID}.{series + 1}"
    ds.SOPInstanceUID = f"{ds.SeriesInstanceUID}.{instance + 1}"
    ds.FrameOfReferenceUID = f"{ds.StudyInstanceUID}.99"
    ds.PatientID = f"PATIENT-{4000 + patient}"
    ds.PatientName = f"Doemann{'abcdefghijklmnopqrstuvwx'[patient]}^Jane"
    ds.AccessionNumber, ds.StudyID = f"ACC{patient:03d}{study:03d}", str(study + 1)
    ds.ReferringPhysicianName, ds.OperatorsName, ds.PhysiciansOfRecord = (
        "Roemer^Richard",
        "Roewell^Ann",
        "Roemer^Richard",
    )
    ds.InstitutionName, ds.StationName = "Example General Hospital", "EXAMPLEROOM7"
    ds.PatientAddress, ds.PatientTelephoneNumbers = "12 Example Street", "212-555-0100"
    ds.OtherPatientIDs, ds.PatientSex, ds.PatientWeight = f"OTHER-{7000 + patient}", "O", "71"
    date = f"20{10 + patient % 10}{1 + study * 5:02d}{10 + series:02d}"
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = date
    ds.SeriesNumber, ds.InstanceNumber, ds.Manufacturer = str(series + 1), str(instance + 1), "Acme"
    ds.BodyPartExamined, ds.KVP, ds.SliceThickness, ds.PixelSpacing = "CHEST", "120", "1.5", ["0.7", "0.7"]
    ds.ImageOrientationPatient, ds.ImagePositionPatient = ["1", "0", "0", "0", "1", "0"], ["0", "0", str(instance)]
    ds.RescaleSlope, ds.RescaleIntercept, ds.WindowCenter, ds.WindowWidth = "1", "0", "40", "400"
    _pixels(ds, rng)
    curated = Curated(ds, ds.PatientID)
    curated.answers += [Answer("tag_retained", name, name) for name in _RETAINED if name in ds]
    curated.answers += [Answer("text_notnull", name, name) for name in _NOT_NULL]
    curated.answers += [Answer("text_removed", name, name, tuple(tokens(str(ds[name].value)))) for name in _REMOVED]
    curated.answers += [Answer("date_shifted", name, name, value=date) for name in _DATES]
    for name in _UIDS:
        curated.answers += [
            Answer(f"uid_{how}", name, name, value=str(ds[name].value)) for how in ("changed", "consistent")
        ]
    curated.answers.append(Answer("patid_consistent", "PatientID", "PatientID", value=ds.PatientID))
    curated.answers.append(Answer("pixels_retained", "PixelData", "PixelData"))
    for keyword in _TEXTS:
        _plant(curated, keyword, rng.choice(texts))
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = sop_class, ds.SOPInstanceUID
    return curated


def _pixels(ds: Dataset, rng: random.Random) -> None:
    ds.Rows = ds.Columns = 32
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    ds.PixelData = rng.randbytes(32 * 32)


def _plant(curated: Curated, keyword: str, case: Case) -> None:
    """Write a text whose planted values are all of other persons, or take the patient's own name for them."""
    text, planted, shift = case.text, [], 0
    for one in case.planted:
        value = case.text[one.start : one.end]
        written = _own_value(curated.dataset, one.infotype) if one.is_own else value
        text = text[: one.start + shift] + written + text[one.end + shift :]
        planted.append((one.infotype, one.start + shift, one.start + shift + len(written)))
        shift += len(written) - len(value)
    longest = _LONGEST.get(keyword, 10_000)
    if len(text) > longest:
        return
    setattr(curated.dataset, keyword, text)
    within = [range(start, end) for _, start, end in planted]
    kept = [m[0].casefold() for m in _TOKEN.finditer(text) if not any(m.start() in one for one in within)]
    for infotype, start, end in planted:
        words = tuple(word for word in tokens(text[start:end]) if word not in kept and len(word) > 1)
        if words:
            curated.answers.append(Answer("text_removed", f"{infotype} in a text", keyword, words))
    if kept:
        curated.answers.append(Answer("text_retained", f"words of {keyword}", keyword, tuple(kept)))


def _own_value(ds: Dataset, infotype: str) -> str:
    if infotype == "PERSON_NAME":
        return str(ds.PatientName).replace("^", ", ")
    return str(ds.PatientID if infotype == "MEDICAL_RECORD_NUMBER" else ds.StudyDate)
