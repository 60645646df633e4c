"""A header becomes the originals': the attributes of PS3.3, and those that the tables of this module name."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from pydicom.datadict import keyword_for_tag

from dicomveil_engine import InvalidDataSetError, load_policy
from dicomveil_proxy.reidentification.originals import Original
from dicomveil_proxy.reidentification.restoration import GONE, SERIES_ATTRIBUTES, STUDY_ATTRIBUTES, restore
from proxy.fakes import KEY, STUDY

POLICY = load_policy({"profile": "default"}, KEY)


def restored(original: dict[str, object], **attributes: object) -> Dataset:
    """What becomes of a header with these attributes."""
    header = Dataset()
    for keyword, value in attributes.items():
        setattr(header, keyword, value)
    restore(header, Original(STUDY, original), (POLICY,))  # type: ignore[arg-type]
    return header


def test_the_originals_attributes_replace_the_senders() -> None:
    """What the original does not have goes, and what belongs to the series stays."""
    name = {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]}
    header = restored(
        {"00100010": name, "00081030": {"vr": "LO"}, "00080060": {"vr": "CS", "Value": ["CT"]}},
        PatientName="Pseudonym",
        PatientSex="F",
        StudyID="1",
        Modality="SEG",
        ClinicalTrialSeriesID="SERIES-1",
    )

    assert (header.PatientName, header.StudyDescription, header.Modality) == ("Doe^Jane", "", "SEG")
    assert header.ClinicalTrialSeriesID == "SERIES-1"
    assert "PatientSex" not in header
    assert "StudyID" not in header


def test_marks() -> None:
    """They go, unless the original was de-identified by somebody else before."""
    marked = {"PatientIdentityRemoved": "YES", "DeidentificationMethod": "dicomveil"}
    header = restored({}, LongitudinalTemporalInformationModified="MODIFIED", **marked)

    assert header.PatientIdentityRemoved == "NO"
    assert "DeidentificationMethod" not in header
    assert "LongitudinalTemporalInformationModified" not in header
    assert restored({"00120062": {"vr": "CS", "Value": ["YES"]}}).PatientIdentityRemoved == "YES"


def test_sequences_and_bulk_data() -> None:
    """Sequences come with their items; a value that is elsewhere does not come."""
    item = {"00100020": {"vr": "LO", "Value": ["PATIENT-1-OLD"]}, "00420011": {"vr": "OB", "BulkDataURI": "x"}}
    header = restored({"00101002": {"vr": "SQ", "Value": [item]}, "00104000": {"vr": "LT", "BulkDataURI": "x"}})

    assert [each.PatientID for each in header.OtherPatientIDsSequence] == ["PATIENT-1-OLD"]
    assert "PatientComments" not in header


def test_what_leads_to_the_proxy() -> None:
    """It goes, at every depth."""
    item = Dataset()
    item.RetrieveURL, item.SeriesNumber = "https://proxy.test/x", 1
    header = restored({}, RetrieveURL="https://proxy.test/x", ReferencedSeriesSequence=[item])

    assert "RetrieveURL" not in header
    assert [*header.ReferencedSeriesSequence[0].keys()] == [0x00200011]


def test_an_original_that_cannot_be_written() -> None:
    """An error without a value."""
    with pytest.raises(InvalidDataSetError) as caught:
        restored({"00101002": {"vr": "SQ", "Value": ["Doe^Jane"]}})

    assert "Doe" not in str(caught.value)


def test_the_tables_name_what_they_say() -> None:
    """The tags are those of attributes, and none is in two tables."""
    assert all(keyword_for_tag(tag) for tag in STUDY_ATTRIBUTES | SERIES_ATTRIBUTES | GONE)
    assert not STUDY_ATTRIBUTES & (SERIES_ATTRIBUTES | GONE)


def test_the_studys_attributes() -> None:
    """Those of PS3.3 Sections C.7.2.1 and C.7.2.2 that are outside of group 0010."""
    assert {keyword_for_tag(tag) for tag in STUDY_ATTRIBUTES} == {
        *("StudyDate", "StudyTime", "StudyID", "StudyDescription", "AccessionNumber", "ProcedureCodeSequence"),
        *("IssuerOfAccessionNumberSequence", "ReferencedStudySequence", "ReferencedPatientSequence"),
        *("ReferringPhysicianName", "ReferringPhysicianIdentificationSequence"),
        *("ConsultingPhysicianName", "ConsultingPhysicianIdentificationSequence"),
        *("PhysiciansOfRecord", "PhysiciansOfRecordIdentificationSequence"),
        *("NameOfPhysiciansReadingStudy", "PhysiciansReadingStudyIdentificationSequence"),
        *("AdmittingDiagnosesDescription", "AdmittingDiagnosesCodeSequence"),
        "ReasonForPerformedProcedureCodeSequence",
    }


def test_a_private_element_that_the_policy_takes_for_a_date_is_removed() -> None:
    """By its creator; the same element of another creator is the sender's own."""
    moves = load_policy(
        {"profile": "none", "rules": [{"tag": "(0009,xx01:ONE)", "method": "dateShift"}], "pixels": "keep"}, KEY
    )
    for creator, is_kept in (("ONE", False), ("TWO", True)):
        header = Dataset()
        header.add_new(0x00090010, "LO", creator)
        header.add_new(0x00091001, "LO", "20240101")
        restore(header, Original(STUDY, {}), (moves,))

        assert (0x00091001 in header) is is_kept
