"""A header becomes the originals': the attributes of PS3.3, and those that the tables of this module name."""

from __future__ import annotations

from io import BytesIO

import pytest
from pydicom import Dataset, config, dcmwrite
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.filereader import read_dataset

from dicomveil_engine import InvalidDataSetError, JSONDataSet, Policy, load_policy
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


@pytest.mark.parametrize("keyword", ["PatientSex", "ClinicalTrialSponsorName", "RequestingService", "SpecialNeeds"])
def test_modules_that_a_study_shares(keyword: str) -> None:
    """Attributes of the patient, the trial, the request and the visit are the study's own, in each instance."""
    vr = dictionary_VR(keyword)
    header = restored({f"{tag_for_keyword(keyword):08X}": {"vr": vr, "Value": ["OWN"]}}, **{keyword: "SENT"})

    assert header[keyword].value == "OWN"
    assert keyword not in restored({}, **{keyword: "SENT"})


def private(header: Dataset, policy: Policy) -> Dataset:
    """The restored header, after (0009,1001) and DeviceSerialNumber were added to it."""
    header.add_new(0x00091001, "SH", "20240101")
    header.DeviceSerialNumber = "20240101"
    restore(header, Original(STUDY, {}), (policy,))
    return header


@pytest.mark.parametrize("method", ["dateShift", "cryptoHash"])
@pytest.mark.parametrize(
    ("vr", "creator", "is_kept"),
    [("LO", "ONE", False), ("OB", b"ONE ", False), ("LO", "TWO", True), ("LO", ["ONE", "TWO"], True)],
)
def test_a_private_element_that_the_policy_may_shift_or_hash_is_removed(
    vr: str, creator: object, is_kept: bool, method: str
) -> None:
    """By its creator, whatever VR it has; the same element of another creator is the sender's own."""
    rules = [{"tag": "(0009,xx01:ONE)", "method": method}, {"tag": "DeviceSerialNumber", "method": "cryptoHash"}]
    policy = load_policy({"profile": "none", "rules": rules, "pixels": "keep"}, KEY)
    header = Dataset()
    header.add_new(0x00090010, vr, creator)
    header = private(header, policy)

    assert (0x00091001 in header) is is_kept
    assert header.DeviceSerialNumber != "20240101", "elements after the private ones are looked at, too"


def test_a_private_element_that_a_rule_hashes_by_its_vr_is_removed() -> None:
    """A stored guess would be confirmed by its hash."""
    policy = load_policy({"profile": "none", "rules": [{"tag": "SH", "method": "cryptoHash"}], "pixels": "keep"}, KEY)
    header = Dataset()
    header.add_new(0x00090010, "LO", "ONE")

    assert 0x00091001 not in private(header, policy)


def test_private_uids_are_the_senders_own() -> None:
    """Those of other attributes are restored, by the same rule."""
    policy = load_policy({"profile": "none", "rules": [{"tag": "UI", "method": "refreshUID"}], "pixels": "keep"}, KEY)
    pseudonym = policy.pseudonym_uid(STUDY)
    header = Dataset()
    header.add_new(0x00090010, "LO", "ONE")
    header.add_new(0x00091001, "UI", pseudonym)
    header.FrameOfReferenceUID = pseudonym
    restore(header, Original(STUDY, {}, {pseudonym: STUDY}), (policy,))

    assert (header.FrameOfReferenceUID, header[0x00091001].value) == (STUDY, pseudonym)


def test_the_studys_texts_are_cleaned_and_not_lost() -> None:
    """Names are removed from them, since the text of a re-identified instance is not cleaned again."""
    policy = load_policy({"profile": "default", "options": ["cleanDescriptors"], "pixels": "keep"}, KEY)
    original: JSONDataSet = {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]},
        "00081030": {"vr": "LO", "Value": ["Head of Doe"]},
    }
    header = Dataset()
    restore(header, Original(STUDY, original), (policy,))

    assert header.StudyDescription.startswith("Head of")
    assert "Doe" not in header.StudyDescription


@pytest.mark.parametrize(("options", "uid"), [([], STUDY), (["cleanStructuredContent"], POLICY.pseudonym_uid(STUDY))])
def test_the_uid_of_a_content_item(options: list[str], uid: str) -> None:
    """Structured content may be kept by its concept name, and the UID in it then as well; no other UID."""
    policy = load_policy({"profile": "default", "options": options, "pixels": "keep"}, KEY)
    pseudonym = policy.pseudonym_uid(STUDY)
    header = Dataset()
    header.UID = header.FrameOfReferenceUID = pseudonym
    restore(header, Original(STUDY, {}, {pseudonym: STUDY}), (policy,))

    assert (header.UID, header.FrameOfReferenceUID) == (uid, STUDY)


@pytest.mark.parametrize(("written", "vr"), [("LO", "LO"), ("UN", "LT"), (None, "LT")])
def test_the_vr_of_an_element_that_a_rule_hashes(written: str | None, vr: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that it has; in implicit VR, or with UN, that of the dictionary. It is emptied at every depth."""
    rules = [{"tag": vr, "method": "cryptoHash"}]
    policy = load_policy({"profile": "none", "rules": rules, "pixels": "keep"}, KEY)
    monkeypatch.setattr(config, "replace_un_with_known_vr", False)  # or pydicom would not write it
    item = Dataset()
    item.add_new(0x00204000, written or "LT", b"a guess " if written == "UN" else "a guess ")
    header = Dataset()
    header.ReferencedSeriesSequence = [item]
    header[0x00204000] = item[0x00204000]
    file = BytesIO()
    dcmwrite(file, header, implicit_vr=written is None, little_endian=True)
    monkeypatch.undo()
    file.seek(0)
    header = read_dataset(file, written is None, True)
    restore(header, Original(STUDY, {}), (policy,))

    assert not header[0x00204000].value
    assert not header.ReferencedSeriesSequence[0][0x00204000].value


@pytest.mark.parametrize("is_implicit", [True, False])
@pytest.mark.parametrize("tag", [0x00091001, 0x0020FFFE])
@pytest.mark.parametrize(("value", "is_kept"), [("feff00e0 10000000 08002200 08000000", False), ("00", True)])
def test_a_sequence_that_has_un_is_removed(value: str, is_kept: bool, tag: int, is_implicit: bool) -> None:
    """Private or unknown: dates in its items would be shifted when they are retrieved, and show by how many days."""
    rules = [{"tag": "AcquisitionDate", "method": "dateShift"}]
    policy = load_policy({"profile": "none", "rules": rules, "pixels": "keep"}, KEY)
    header = Dataset()
    header.add_new(0x00090010, "LO", "ONE")
    header.add_new(tag, "UN", bytes.fromhex(value) + b"20240101")
    file = BytesIO()
    dcmwrite(file, header, implicit_vr=is_implicit, little_endian=True)
    file.seek(0)
    header = read_dataset(file, is_implicit, True)
    restore(header, Original(STUDY, {}), (policy,))

    assert (tag in header) is is_kept
