"""Which spans of an instance's texts go, and what found them."""

from __future__ import annotations

import io

import pytest
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from dicomveil_engine import deidentify_instance, load_policy
from dicomveil_engine.reports.text_explanation import explain_texts

TEXT = "CT of Jane Doe, MRN 12345, tel +1 212-555-0100"


def instance() -> bytes:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, "1.2.3.3"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3.1", "1.2.3.2"
    dataset.PatientName, dataset.StudyDescription = "Doe^Jane", TEXT
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = CTImageStorage, "1.2.3.3"
    file = io.BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


@pytest.mark.parametrize("way", ["remove", "mask", "infoType"])
def test_spans_are_those_that_go(way: str) -> None:
    """Each with its infotype and reason; no text unless it is asked for."""
    document = {"profile": "research", "text": {"transformations": [{"method": way}]}}
    policy = load_policy(document, b"k" * 32)
    spans = explain_texts(instance(), policy)
    shown = explain_texts(instance(), policy, show_values=True)
    after = deidentify_instance(instance(), policy)

    assert {"PERSON_NAME", "PHONE_NUMBER", "MEDICAL_RECORD_NUMBER"} <= {span.infotype for span in spans}
    assert {span.way for span in spans} == {way}
    assert {span.place for span in spans} == {"00081030"}
    assert all(span.text is None and span.why for span in spans)
    assert all(span.text == TEXT[span.start : span.end] for span in shown)
    assert all(str(span.text).encode() not in after for span in shown)


def test_texts_that_are_removed_have_no_spans() -> None:
    """Nothing is looked for in them."""
    assert explain_texts(instance(), load_policy({"profile": "basic"}, b"k" * 32)) == []
