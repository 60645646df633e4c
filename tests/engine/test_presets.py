"""The presets against what they stand for: HIPAA's identifiers, and The Cancer Imaging Archive's table.

`microsoft` has tests of its own; `basic` and `default` are Table E.1-1, which `test_profile_table` goes through.
"""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pydicom
import pytest

from dicomveil_engine import deidentify_instance, deidentify_metadata, load_policy
from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes.dictionary import tag_of
from engine.datasets import CT_IMAGE, EXPLICIT, KEY, element, instance, preset, read
from engine.leak import leaks, part10, planted

ROOT = Path(__file__).parents[2]
HIPAA = ("safe-harbor", "limited-data-set")
OWN = ("research", "tcia", *HIPAA)

IDENTIFIERS: dict[str, list[tuple[str, str, object]]] = {
    "A names": [
        ("PatientName", "PN", "Zzyzx^Jane"),
        ("OtherPatientNames", "PN", "Zzyzx^Jane"),
        ("PatientBirthName", "PN", "Zzyzx^Jane"),
        ("PatientMotherBirthName", "PN", "Zzyzx^Jane"),
        ("ResponsiblePerson", "PN", "Zzyzx^John"),
        ("ReferringPhysicianName", "PN", "Zzyzx^Ann"),
        ("OperatorsName", "PN", "Zzyzx^Ann"),
        ("NameOfPhysiciansReadingStudy", "PN", "Zzyzx^Ann"),
        ("PatientComments", "LT", "Zzyzx was late"),
        ("SeriesDescription", "LO", "knee of Zzyzx"),
    ],
    "B geography": [
        ("PatientAddress", "LO", "1 Zzyzx Street, Zzyzx MA 02115"),
        ("InstitutionName", "LO", "Zzyzx Hospital"),
        ("InstitutionAddress", "ST", "1 Zzyzx Street"),
        ("CurrentPatientLocation", "LO", "Zzyzx ward"),
    ],
    "D and E telephone and fax": [
        ("PatientTelephoneNumbers", "SH", "Zzyzx 5550100"),
        ("ReferringPhysicianTelephoneNumbers", "SH", "Zzyzx 5550100"),
    ],
    "F e-mail": [("PatientTelecomInformation", "LT", "jane@Zzyzx.example")],
    "G social security number": [("OtherPatientIDs", "LO", "Zzyzx-1")],
    "H medical record number": [
        ("PatientID", "LO", "Zzyzx-2"),
        ("IssuerOfPatientID", "LO", "Zzyzx"),
        ("MedicalRecordLocator", "LO", "Zzyzx-3"),
        ("ClinicalTrialSubjectID", "LO", "Zzyzx-4"),
    ],
    "I health plan": [("InsurancePlanIdentification", "LO", "Zzyzx-5")],
    "J accounts": [
        ("AccessionNumber", "SH", "Zzyzx-6"),
        ("AdmissionID", "LO", "Zzyzx-7"),
        ("RequestedProcedureID", "SH", "Zzyzx-8"),
        ("FillerOrderNumberImagingServiceRequest", "LO", "Zzyzx-9"),
        ("StudyID", "SH", "Zzyzx-10"),
    ],
    "K licences": [("PersonIdentificationCodeSequence", "SQ", [element(0x00080100, "SH", "Zzyzx-11")])],
    "L vehicles": [("AdditionalPatientHistory", "LT", "hit by a car, 1ZZYZX82633A00435")],
    "M devices": [
        ("DeviceSerialNumber", "LO", "Zzyzx-12"),
        ("StationName", "SH", "Zzyzx-13"),
        ("PlateID", "LO", "Zzyzx-14"),
        ("DetectorID", "SH", "Zzyzx-15"),
        ("GantryID", "LO", "Zzyzx-16"),
        ("UniqueDeviceIdentifier", "UT", "Zzyzx-17"),
    ],
    "N URLs": [("RetrieveURL", "UR", "http://Zzyzx.example/1"), ("ContactURI", "UR", "http://Zzyzx.example/2")],
    "O addresses": [
        ("NetworkID", "AE", "Zzyzx"),
        ("StationAETitle", "AE", "Zzyzx"),
        ("RetrieveAETitle", "AE", "Zzyzx"),
    ],
    "R other numbers": [("AcquisitionUID", "UI", "1.2.3.424242"), ("FrameOfReferenceUID", "UI", "1.2.3.424242")],
}
"""The eighteen identifiers of 45 CFR 164.514(b)(2)(i) where DICOM has them, without (C) dates, which have tests of
their own, and (P) and (Q) pictures, which no preset looks at."""

_CASES = [(name, identifier) for name in OWN for identifier in IDENTIFIERS]
# DICOM has no attribute for it. In free text it is known by nothing; the archive has people read what is left.
_CASES.remove(("tcia", "L vehicles"))


def ct(*attributes: tuple[str, str, object]) -> bytes:
    """A CT image of a patient of 45 at the study, with these attributes besides."""
    known: list[tuple[str, str, object]] = [
        ("SOPClassUID", "UI", CT_IMAGE),
        ("SOPInstanceUID", "UI", "1.2.3.4"),
        ("StudyDate", "DA", "20200315"),
        ("PatientName", "PN", "Doe^Jane"),
        ("PatientID", "LO", "PATIENT-1"),
        ("StudyInstanceUID", "UI", "1.2.3"),
        ("SeriesInstanceUID", "UI", "1.2.3.1"),
    ]
    by_tag = {tag_of(keyword) or 0: (vr, value) for keyword, vr, value in (*known, *attributes)}
    return instance(*(element(tag, vr, value) for tag, (vr, value) in sorted(by_tag.items())))


def deidentified(name: str, *attributes: tuple[str, str, object]) -> pydicom.Dataset:
    """What a preset leaves of a CT image."""
    return read(deidentify_instance(ct(*attributes), preset(name)))


@pytest.mark.parametrize(("name", "identifier"), _CASES)
def test_identifiers_do_not_come_out(name: str, identifier: str) -> None:
    """Nowhere in the bytes, at the top level or nested."""
    inner = ct(*IDENTIFIERS[identifier])[len(instance()) :]
    for data in (
        ct(*IDENTIFIERS[identifier]),
        ct(*IDENTIFIERS[identifier], ("SharedFunctionalGroupsSequence", "SQ", [inner])),
    ):
        output = deidentify_instance(data, preset(name))

        assert b"zzyzx" not in output.lower()
        assert b"424242" not in output


@pytest.mark.parametrize("name", OWN)
def test_the_identifiers_are_attributes(name: str) -> None:
    """A mistyped keyword would test nothing."""
    keywords = [keyword for rows in IDENTIFIERS.values() for keyword, _, _ in rows]

    assert [keyword for keyword in keywords if tag_of(keyword) is None] == []
    assert preset(name).warnings == ()


@pytest.mark.parametrize("name", OWN)
def test_a_patient_has_one_pseudonym(name: str) -> None:
    """Studies of a patient stay together, and no two patients become one."""
    first, again = deidentified(name), deidentified(name, ("StudyInstanceUID", "UI", "1.2.9"))
    other = deidentified(name, ("PatientID", "LO", "PATIENT-2"))

    assert first.PatientID == again.PatientID != other.PatientID


def test_safe_harbor_keeps_years() -> None:
    """(C): all elements of dates except year; what has no year to keep is gone, and so are times."""
    dataset = deidentified(
        "safe-harbor",
        ("PatientBirthDate", "DA", "19750612"),
        ("AcquisitionDate", "DA", "20200316"),
        ("AcquisitionDateTime", "DT", "20200316101530.5+0100"),
        ("AdmittingDate", "DA", "20200314"),
        ("DischargeDate", "DA", "20200320"),
        ("StudyTime", "TM", "101530"),
        ("TimezoneOffsetFromUTC", "SH", "+0100"),
    )

    assert (dataset.StudyDate, dataset.PatientBirthDate) == ("20200101", "19750101")
    assert (dataset.AcquisitionDate, dataset.AcquisitionDateTime) == ("20200101", "2020")
    assert not dataset.StudyTime
    assert not {"AdmittingDate", "DischargeDate", "TimezoneOffsetFromUTC"} & set(dataset.dir())


def test_safe_harbor_makes_one_of_all_ages_over_89() -> None:
    """(C): "except that such ages and elements may be aggregated into a single category of age 90 or older"."""
    old = deidentified("safe-harbor", ("PatientAge", "AS", "093Y"), ("PatientBirthDate", "DA", "19260612"))
    young = deidentified("safe-harbor", ("PatientAge", "AS", "018M"), ("PatientBirthDate", "DA", "20180915"))

    assert (old.PatientAge, old.PatientBirthDate) == ("090Y", "")
    assert (young.PatientAge, young.PatientBirthDate) == ("018M", "20180101")


def test_safe_harbor_keeps_what_is_no_identifier() -> None:
    """Sex, size, weight; not the free text beside them."""
    dataset = deidentified(
        "safe-harbor",
        ("PatientSex", "CS", "F"),
        ("PatientSize", "DS", "1.7"),
        ("PatientWeight", "DS", "60"),
        ("Allergies", "LO", "nuts"),
        ("Manufacturer", "LO", "ACME"),
    )

    assert (dataset.PatientSex, dataset.PatientSize, dataset.PatientWeight) == ("F", 1.7, 60)
    assert dataset.Manufacturer == "ACME"
    assert "Allergies" not in dataset


def test_limited_data_set_keeps_dates_and_regions() -> None:
    """45 CFR 164.514(e)(2) has neither dates nor ages among its identifiers, and of addresses not town, state, ZIP."""
    dataset = deidentified(
        "limited-data-set",
        ("PatientBirthDate", "DA", "19260612"),
        ("PatientAge", "AS", "093Y"),
        ("AdmittingDate", "DA", "20200314"),
        ("StudyTime", "TM", "101530"),
        ("PatientAddress", "LO", "1 Main Street, Anytown VT 03601"),
        ("RegionOfResidence", "LO", "VERMONT"),
        ("CountryOfResidence", "LO", "US"),
    )

    assert (dataset.StudyDate, dataset.AdmittingDate, dataset.StudyTime) == ("20200315", "20200314", "101530")
    assert (dataset.PatientBirthDate, dataset.PatientAge) == ("19260612", "093Y")
    assert (dataset.PatientAddress, dataset.RegionOfResidence, dataset.CountryOfResidence) == ("036", "VERMONT", "US")


def test_tcia_keeps_what_research_needs() -> None:
    """Dates of a patient move together, characteristics and descriptions stay, comments and serial numbers go."""
    more = (("PatientAge", "AS", "045Y"), ("StudyDescription", "LO", "CT knee"), ("PatientBirthDate", "DA", "19750612"))
    first = deidentified("tcia", *more, ("ImageComments", "LT", "knee"), ("DeviceSerialNumber", "LO", "1"))
    second = deidentified("tcia", ("StudyInstanceUID", "UI", "1.2.9"), ("StudyDate", "DA", "20200415"))

    # 31 days from 15 March to 15 April.
    assert (_days(second.StudyDate) - _days(first.StudyDate), first.StudyDate != "20200315") == (31, True)
    assert (first.PatientAge, first.StudyDescription, first.PatientBirthDate) == ("045Y", "CT knee", "")
    assert not {"ImageComments", "DeviceSerialNumber"} & set(first.dir())


def _days(text: str) -> int:
    return date.fromisoformat(text).toordinal()


@pytest.mark.parametrize(
    ("name", "codes", "dates"),
    [
        ("research", ["113100", "113103", "113104", "113105", "113107", "113108", "113111"], "MODIFIED"),
        ("tcia", ["113100", "113104", "113105", "113107", "113108", "113111"], "MODIFIED"),
        ("safe-harbor", ["113100", "113108"], "MODIFIED"),
        ("limited-data-set", ["113100", "113106", "113108"], "UNMODIFIED"),
    ],
)
def test_instances_say_what_was_done(name: str, codes: list[str], dates: str) -> None:
    """The codes of CID 7050, and what became of the dates."""
    dataset = deidentified(name)

    assert sorted(item.CodeValue for item in dataset.DeidentificationMethodCodeSequence) == codes
    assert dataset.LongitudinalTemporalInformationModified == dates


@pytest.mark.parametrize("name", OWN)
def test_json_and_a_second_pass_agree(name: str) -> None:
    """Part 10 and DICOM JSON give the same data set, and twice is once."""
    data = ct(
        ("PatientBirthDate", "DA", "19750612"),
        ("PatientAge", "AS", "045Y"),
        ("PatientAddress", "LO", "Boston MA 02115"),
        ("SeriesDescription", "LO", "knee of Doe"),
    )
    output = deidentify_instance(data, preset(name))

    assert deidentify_metadata([read(data).to_json_dict()], preset(name)) == [read(output).to_json_dict()]
    assert deidentify_instance(output, preset(name)) == output


_TIMES = (("DA",), ("DT",), ("TM",))
_LEFT: dict[str, set[str]] = {
    "tcia": {"PatientAge", "SelectorASValue"},
    "research": {"PatientAge", "SelectorASValue"},
    "safe-harbor": set(),
    "limited-data-set": {
        *("PatientAge", "SelectorASValue", "TimezoneOffsetFromUTC", "RegionOfResidence", "CountryOfResidence"),
        *(keyword for keyword in dictionary.keywords() if dictionary.vrs_of(tag_of(keyword) or 0) in _TIMES),
    },
}
"""Where something may come out as it was."""


def _leaking(dataset: pydicom.Dataset) -> Iterator[str]:
    """The keywords of elements in which a sentinel stands, at any depth."""
    for found in dataset:
        if found.VR == "SQ":
            for one in found.value:
                yield from _leaking(one)
        elif leaks(str(found.value)):
            yield found.keyword or str(found.tag)


@pytest.mark.parametrize("name", OWN)
def test_nothing_else_comes_out(name: str) -> None:
    """Of sentinels in every attribute of PS3.6, nested ones and private ones too."""
    data = part10(planted(times=name == "safe-harbor"), EXPLICIT)
    assert len(set(_leaking(read(data)))) > 900

    output = deidentify_instance(data, preset(name))

    assert set(_leaking(read(output))) <= _LEFT[name]
    assert b"SENTINEL" not in output[:400]


# The Cancer Imaging Archive's own table

_EXPECTED: dict[str, Callable[[str], set[str]]] = {
    # Where PS3.15 asks for a dummy or for the attribute's type to be minded, that is done: nothing is left either.
    "remove": lambda vr: {"remove", "byType", "dummy", "redact"},
    "incrementdate": lambda vr: {"keep"} if vr == "TM" else {"dateShift"},
    "time": lambda vr: {"dateShift"} if vr == "DT" else {"keep"},
    "hashuid": lambda vr: {"refreshUID", "remove", "dummy"},
    "empty": lambda vr: {"redact", "byType"},
    "replace": lambda vr: {"dummy", "byType", "cleanRequired", "clean"},
    "lookup": lambda vr: {"pseudonym"},
    "hashname": lambda vr: {"redact", "byType"},
    # Not looked up one by one: what PS3.15 has for the sequence.
    "process": lambda vr: {"keep", "cleanContent", "dummy", "redact", "byType"},
}


def _kept(vr: str) -> set[str]:
    """Free text is cleaned, and dates are moved, where the archive keeps them for somebody to read."""
    if vr in {"DA", "DT"}:
        return {"dateShift"}
    if vr in {"LO", "LT", "SH", "ST", "UC", "UT"}:
        return {"clean", "cleanRequired", "keep"}
    return {"keep", "keepLegal"}


STRICTER = {"MakerNote", "DeviceSettingDescription", "ReasonForTheAttributeModification"}
"""The archive keeps them for somebody to read; bytes and a code cannot be cleaned, and PS3.15 has them removed."""


def test_tcia_does_what_the_archive_does(shared: Path) -> None:
    """All 610 rows of its table."""
    policy = preset("tcia")
    wrong = []
    rows = json.loads((shared / "standard" / "tcia_profile.json").read_text())
    for row in rows:
        digits = row["tag"].strip("()").replace(",", "").replace("x", "0")
        if len(digits) != 8:
            continue  # "where gggg is odd": test_profile_private has those
        tag = int(digits, 16)
        (vr, *_) = dictionary.vrs_of(tag) or ("UN",)
        done, expected = policy.decide(tag, vr).method.name, _EXPECTED.get(row["tcia_implementation"], _kept)(vr)
        if done not in expected and dictionary.keyword_of(tag) not in STRICTER:
            wrong.append((row["tag"], dictionary.keyword_of(tag), vr, row["tcia_implementation"], done))

    assert len(rows) == 610
    assert wrong == []


def test_tcia_is_current(shared: Path) -> None:
    """The file is what the script makes of the table; `python scripts/generate_presets.py` makes it so."""
    script = runpy.run_path(str(ROOT / "scripts" / "generate_presets.py"))
    rows = json.loads((shared / "standard" / "tcia_profile.json").read_text())
    policy = load_policy({"profile": "PS3.15", "options": list(script["OPTIONS"])}, KEY)
    written = (ROOT / "engine" / "dicomveil_engine" / "presets" / "tcia.json").read_text(encoding="utf-8")

    assert script["preset"](script["removed"](rows, policy)) == written
