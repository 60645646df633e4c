"""Which pseudonyms a header holds, of what, and where."""

from __future__ import annotations

from io import BytesIO

import pytest
from pydicom import Dataset, dcmread

from dicomveil_engine.pseudonyms.sides import PseudonymousUID
from dicomveil_proxy.reidentification.references import Reference, references
from dicomveil_proxy.translation.identity import Kind
from proxy.fakes import instance


def is_pseudonym(uid: str) -> bool:
    """For these tests, what begins so."""
    return uid.startswith("2.25.")


def nested(dataset: Dataset) -> None:
    """An item that names another study, and one that does not."""
    inner, other = Dataset(), Dataset()
    inner.ReferencedSOPInstanceUID = "2.25.4"
    other.StudyInstanceUID, other.SeriesInstanceUID = "2.25.3", "1.2.3"
    other.ReferencedSOPSequence = [inner, inner]
    dataset.CurrentRequestedProcedureEvidenceSequence = [other]
    dataset.ReferencedImageSequence = [inner]
    dataset.FailedSOPInstanceUIDList = ["2.25.5", "1.2.3.9", "2.25.6"]


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
def test_references(syntax: str) -> None:
    """Each once in its study: the nearest item's, or the instance's own."""
    data = instance("2.25.1", "1.2.3.4", "1.2.3.5", transfer_syntax=syntax, change=nested)

    assert references(dcmread(BytesIO(data)), is_pseudonym) == [
        Reference(PseudonymousUID("2.25.5"), None, PseudonymousUID("2.25.1")),
        Reference(PseudonymousUID("2.25.6"), None, PseudonymousUID("2.25.1")),
        Reference(PseudonymousUID("2.25.4"), Kind.INSTANCE, PseudonymousUID("2.25.1")),
        Reference(PseudonymousUID("2.25.1"), Kind.STUDY, PseudonymousUID("2.25.1")),
        Reference(PseudonymousUID("2.25.4"), Kind.INSTANCE, PseudonymousUID("2.25.3")),
        Reference(PseudonymousUID("2.25.3"), Kind.STUDY, PseudonymousUID("2.25.3")),
    ]


def test_kinds() -> None:
    """By the attribute: a series must be one of the origin server's as an instance and a study must."""
    found = references(dcmread(BytesIO(instance("2.25.1", "2.25.2", "2.25.3"))), is_pseudonym)

    assert {each.pseudonym: each.kind for each in found} == {
        "2.25.1": Kind.STUDY,
        "2.25.2": Kind.SERIES,
        "2.25.3": Kind.INSTANCE,
    }
