"""A data set that pydicom holds becomes what its bytes would become."""

from __future__ import annotations

import copy
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import DataElement, Dataset, dcmread
from pydicom.config import IGNORE
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset

from dicomveil_engine import InvalidDataSetError, deidentify_dataset, deidentify_instance
from engine.datasets import preset


def _doe() -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.SOPInstanceUID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3.9", "1.2.3", "1.2.3.4"
    dataset.PatientName, dataset.PatientID, dataset.Rows = "Doe^Jane", "PATIENT-1", 1
    return dataset


def test_real_instances_become_what_their_bytes_become() -> None:
    """For whatever pydicom reads and writes, both functions agree on every element."""
    compared = 0
    for name in (
        "CT_small.dcm",
        "MR_small_bigendian.dcm",
        "JPEG2000.dcm",
        "rtplan.dcm",
        "image_dfl.dcm",
        "nested_priv_SQ.dcm",
    ):
        path = get_testdata_file(name, download=False)
        original = dcmread(path)
        expected = dcmread(BytesIO(deidentify_instance(Path(path).read_bytes(), preset("default"))))

        assert deidentify_dataset(original, preset("default")) == expected, name
        compared += 1
    assert compared == 6


def test_the_original_is_not_changed() -> None:
    """What a notebook holds is still there afterwards."""
    dataset = _doe()
    before = copy.deepcopy(dataset)

    deidentify_dataset(dataset, preset("basic"))
    assert dataset == before
    assert not hasattr(dataset, "file_meta")


def test_without_file_meta_information() -> None:
    """A data set made in memory is de-identified, and gets no file meta information that it did not have."""
    output = deidentify_dataset(_doe(), preset("basic"))

    assert output.PatientName == ""
    assert output.SOPInstanceUID == preset("basic").pseudonym_uid("1.2.3.9")
    assert not hasattr(output, "file_meta")


def test_private_file_meta_information_does_not_pass() -> None:
    """File meta information is made anew; only the transfer syntax is taken from it."""
    dataset = _doe()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    dataset.file_meta.SourceApplicationEntityTitle = "DOE_JANE"
    output = deidentify_dataset(dataset, preset("basic"))

    assert output.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2"
    assert "SourceApplicationEntityTitle" not in output.file_meta


def test_what_cannot_be_encoded_is_refused_without_its_values() -> None:
    """pydicom's message would quote the value."""
    dataset = _doe()
    dataset.add(DataElement(0x00280011, "US", "Doe^Jane", validation_mode=IGNORE))

    with pytest.raises(InvalidDataSetError) as caught:
        deidentify_dataset(dataset, preset("basic"))
    assert "Doe" not in str(caught.value)
    assert caught.value.__cause__ is None
