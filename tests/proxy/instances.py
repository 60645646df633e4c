"""Instances for the tests of commands; nothing here comes from a patient."""

from __future__ import annotations

import io
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian


def over_attributes(preset: str) -> str:
    """The file of a profile that is `default` or `basic` over attributes alone: text in pixels passes."""
    return str(Path(__file__).parent / "profiles" / f"{preset}.json")


def instance(**attributes: object) -> bytes:
    """A Part 10 instance of the patient Doe^Jane, with attributes by keyword."""
    dataset = Dataset()
    known = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": "1.2.3.9",
        "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": "1.2.3.4",
        "StudyDate": "20200102",
        "PatientName": "Doe^Jane",
        "PatientID": "PATIENT-1",
        "Rows": 512,
    }
    for keyword, value in {**known, **attributes}.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()
