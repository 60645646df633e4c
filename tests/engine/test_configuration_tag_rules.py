"""The dialect of DicomTagRules."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from dicomveil_engine import ConfigurationError, Policy, deidentify_metadata, lint, load_policy, to_own_dialect
from dicomveil_engine.methods.base import Scope
from dicomveil_engine.methods.date_shift import ShiftDates
from dicomveil_engine.methods.encrypt import decrypt_text

KEY = bytes(32)
SAMPLE: dict[str, object] = {
    "DicomTagRules": [
        {"name": "PatientName", "method": "redact"},
        {"name": "ImageType", "method": "keep"},
        {"name": "PatientID", "method": "cryptoHash"},
    ],
    "DicomVRRules": [{"name": "DA", "method": "dateshift"}],
    "TagProfile": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE",
    "parameters": {"dateShiftKey": "", "dateShiftScope": "resource", "cryptoHashKey": ""},
}


def policy(**document: object) -> Policy:
    return load_policy({"TagProfile": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE", **document}, KEY)


def refusal(**document: object) -> str:
    with pytest.raises(ConfigurationError) as error:
        policy(**document)
    return str(error.value)


def test_the_sample_of_the_study() -> None:
    """Rules for tags, then for VRs, then the Basic Profile; messages name the places of the file."""
    sample = load_policy(SAMPLE, KEY)

    assert sample.decide(0x00100010, "PN").rule == "DicomTagRules 1 (0010,0010) redact"
    assert sample.decide(0x00080008, "CS").rule == "DicomTagRules 2 (0008,0008) keep"
    assert sample.decide(0x00100020, "LO").rule == "DicomTagRules 3 (0010,0020) cryptoHash"
    assert sample.decide(0x00100030, "DA").rule == "DicomVRRules 1 DA dateShift"
    assert sample.decide(0x00080090, "PN").rule.startswith("PS3.15 Table E.1-1")
    assert sample.claims is not None
    assert lint(SAMPLE) == []


@pytest.mark.parametrize(
    ("written", "scope"),
    [
        ("resource", Scope.INSTANCE),
        ("Series", Scope.SERIES),
        ("study", Scope.STUDY),
        ("PATIENT", Scope.PATIENT),
        ("SeriesInstance", Scope.SERIES),
    ],
)
def test_scopes(written: str, scope: Scope) -> None:
    """The dialect's names, in any case, and our own."""
    read = policy(DicomVRRules=[{"name": "da", "method": "DATESHIFT"}], parameters={"DateShiftScope": written})
    method = read.decide(0x00080020, "DA").method

    assert isinstance(method, ShiftDates)
    assert method.scope is scope


def test_rules_for_tags_come_first_wherever_they_stand() -> None:
    """A file may write its VR rules above."""
    read = policy(
        DicomVRRules=[{"name": "DA", "method": "dateshift"}], DicomTagRules=[{"name": "studydate", "method": "keep"}]
    )

    assert read.decide(0x00080020, "DA").method.name == "keep"
    assert read.decide(0x00080021, "DA").method.name == "dateShift"


def test_settings_stand_in_the_rule_in_params_or_in_parameters() -> None:
    """A rule's own count first."""
    rules: list[object] = [
        {"name": "PatientWeight", "method": "perturb", "span": 3, "rangeType": "fixed"},
        {"name": "PatientSize", "method": "perturb", "params": {"span": 4}},
        {"name": "PixelSpacing", "method": "perturb"},
    ]
    own = to_own_dialect({"DicomTagRules": rules, "TagProfile": "KEEP_ALL_PROFILE", "parameters": {"span": 5}})

    assert own["defaultSettings"] == {"perturb": {"span": 5}}
    assert isinstance(own["rules"], list)
    assert own["rules"][:3] == [
        {"tag": "PatientWeight", "method": "perturb", "params": {"span": 3, "rangeType": "fixed"}},
        {"tag": "PatientSize", "method": "perturb", "params": {"span": 4}},
        {"tag": "PixelSpacing", "method": "perturb"},
    ]


@pytest.mark.parametrize("method", ["redact", "keep", "cryptohash", "encrypt", "substitute"])
def test_methods_for_a_name(method: str) -> None:
    """Each is that of the rule language."""
    read = policy(DicomTagRules=[{"name": "(0010,0010)", "method": method.upper()}])

    assert read.decide(0x00100010, "PN").method.name.lower() == method


def test_generalize() -> None:
    """Dates to their year, say."""
    read = policy(DicomTagRules=[{"name": "PatientBirthDate", "method": "generalize", "dateTo": "Year"}])

    assert read.decide(0x00100030, "DA").method.name == "generalize"


@pytest.mark.parametrize(
    ("profile", "patient_name", "rows", "referenced_uid"),
    [
        ("attribute_confidentiality_basic_profile", "redact", "keep", "refreshUID"),
        ("MINIMAL_KEEP_LIST_PROFILE", "remove", "keep", "remove"),
        ("KEEP_ALL_PROFILE", "keep", "keep", "refreshUID"),
        ("DEIDENTIFY_TAG_CONTENTS", "clean", "keep", "refreshUID"),
    ],
)
def test_profiles(profile: str, patient_name: str, rows: str, referenced_uid: str) -> None:
    """They have the names of Google's."""
    read = load_policy({"TagProfile": profile}, KEY)

    assert read.decide(0x00100010, "PN").method.name == patient_name
    assert read.decide(0x00280010, "US").method.name == rows
    assert read.decide(0x00081155, "UI").method.name == referenced_uid


def test_without_a_profile_the_basic_one_holds() -> None:
    """What nobody thought of is not let out."""
    read = load_policy({"DicomTagRules": [{"name": "ImageType", "method": "keep"}]}, KEY)

    assert read.decide(0x00080090, "PN").method.name == "redact"
    assert 'write "KEEP_ALL_PROFILE" to keep them' in read.warnings[0]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"DicomTagRules": {}}, '"DicomTagRules" must be an array'),
        ({"DicomTagRules": [7]}, "DicomTagRules 1: it must be an object"),
        ({"DicomTagRules": [{"method": "keep"}]}, 'DicomTagRules 1: "name" is missing'),
        ({"DicomTagRules": [{"name": "PatientID"}]}, 'DicomTagRules 1: "method" is missing'),
        ({"DicomTagRules": [{"name": "PatientID", "method": 5}]}, '"method" must be a string'),
        ({"DicomTagRules": [{"name": "PatientNme", "method": "keep"}]}, 'did you mean "PatientName"?'),
        ({"DicomTagRules": [{"name": "DA", "method": "keep"}]}, 'rules for VRs belong in "DicomVRRules"'),
        ({"DicomVRRules": [{"name": "PatientID", "method": "keep"}]}, 'rules for attributes belong in "DicomTagRules"'),
        ({"DicomTagRules": [{"name": "PatientID", "method": "cryptohas"}]}, 'did you mean "cryptohash"?'),
        ({"DicomTagRules": [{"name": "PatientID", "method": "remove"}]}, "there is no such method in this dialect"),
        ({"DicomTagRules": [{"name": "PatientID", "method": "keep", "span": 1}]}, 'a rule for keep has no "span"'),
        ({"DicomTagRules": [{"name": "PatientID", "method": "keep", "params": 1}]}, '"params" must be an object'),
        ({"DicomTagRules": [{"name": "PatientID", "method": "perturb"}]}, "(0010,0020): perturb cannot be applied"),
        ({"TagProfile": "BASIC"}, '"TagProfile" must be one of ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE'),
        ({"parameters": []}, '"parameters" must be an object'),
        ({"parameters": {"dateShiftScope": "hospital"}}, 'the setting "dateShiftScope" must be one of'),
        ({"dicomTagRules": [], "DicomTagRules": []}, '"DicomTagRules": it is given twice'),
    ],
)
def test_wrong_documents_are_refused_with_place_and_mend(document: dict[str, object], message: str) -> None:
    """As in every dialect."""
    assert message in refusal(**document)


def test_what_has_no_effect_is_warned_of() -> None:
    """Mistyped keys and parameters, and rules behind others."""
    rule = {"name": "PatientID", "method": "keep"}
    document = {"DicomTagRule": [], "DicomTagRules": [rule, rule], "parameters": {"dateShiftScop": "study"}}

    assert policy(**document).warnings == (
        '"DicomTagRule": there is no such key, so it has no effect; did you mean "DicomTagRules"?',
        'parameters: no method reads "dateShiftScop", so it has no effect; did you mean "dateShiftScope"?',
        (
            "DicomTagRules 2 (0010,0020) keep: can never apply: DicomTagRules 1 (0010,0020) keep comes first; "
            "move it up, or leave it out"
        ),
    )


@pytest.mark.parametrize("value", ["SECRET-KEY", ["SECRET-KEY"], {"a": "SECRET-KEY"}])
def test_no_message_holds_a_key(value: object) -> None:
    """Neither errors nor warnings."""
    findings = lint(
        {
            "DicomTagRules": [{"name": "PatientID", "method": "cryptohash", "cryptoHashKey": value, "odd": value}],
            "parameters": {"encryptKey": value, "dateShiftKey": value, "mistyped": value},
        }
    )

    assert findings
    assert "SECRET-KEY" not in " ".join(map(str, findings))


STUDY: dict[str, Any] = {
    "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
    "00080020": {"vr": "DA", "Value": ["20200312"]},
    "00081030": {"vr": "LO", "Value": ["CT Jane Doe"]},
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]},
    "00101010": {"vr": "AS", "Value": ["093Y"]},
    "00104000": {"vr": "LT", "Value": ["93-year-old seen on 12 Mar 2020"]},
}


def by_infotype(*rules: dict[str, object], **more: object) -> dict[str, Any]:
    """The study, cleaned by rules for infotypes; twice is once."""
    document = {"DicomInfoTypeRules": list(rules), "TagProfile": "DEIDENTIFY_TAG_CONTENTS", **more}
    policy = load_policy(document, KEY)
    [after] = deidentify_metadata([STUDY], policy)
    [again] = deidentify_metadata([dict(after)], policy)
    assert again == after, "twice is once"
    return {tag: element.get("Value", [""])[0] for tag, element in after.items()}  # type: ignore[index]


def test_rules_for_infotypes() -> None:
    """Each method of the dialect acts on findings; what no rule names is removed."""
    name = "PERSON_NAME"
    assert by_infotype({"name": name, "method": "redact"})["00081030"] == "CT"
    assert by_infotype({"name": name, "method": "keep"})["00081030"] == "CT Jane Doe"
    substituted = by_infotype({"name": name, "method": "Substitute", "replaceWith": "SOMEBODY"})
    assert substituted["00081030"] == "CT SOMEBODY"
    assert substituted["00100010"]["Alphabetic"] == "SOMEBODY"
    assert re.fullmatch("CT [A-Za-z0-9+/]{43}=", by_infotype({"name": name, "method": "cryptohash"})["00081030"])
    assert re.fullmatch("CT [A-Za-z0-9+/]{43}=", by_infotype({"name": name, "method": "encrypt"})["00081030"])


def test_ages_and_dates_by_infotype() -> None:
    """In texts and in the attributes that are nothing else, alike."""
    coarse = by_infotype(
        {"name": "AGE", "method": "generalize", "ageBin": 10}, {"name": "DATE", "method": "generalize"}
    )
    assert coarse["00101010"] == "090Y"
    assert coarse["00104000"] == "90-year-old seen on 2020"
    assert coarse["00080020"] == "20200101"

    near = by_infotype({"name": "AGE", "method": "perturb", "params": {"span": 4, "rangeType": "Fixed"}})
    years = int(near["00104000"].partition("-")[0])
    assert abs(years - 93) <= 2
    assert near["00101010"] == f"{years:03}Y"

    moved = by_infotype({"name": "DATE", "method": "dateshift"}, parameters={"dateShiftScope": "patient"})
    day = date.fromisoformat(moved["00080020"])
    assert f"{day:%d %b %Y}" in moved["00104000"]
    assert day.isoformat() != "2020-03-12"


def test_encrypted_findings_can_be_read_again() -> None:
    """By the holder of the key."""
    found = by_infotype({"name": "PERSON_NAME", "method": "encrypt", "encryptKey": "k" * 16})["00081030"]

    assert decrypt_text(b"k" * 16, found.removeprefix("CT ")) == "Jane Doe"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"name": "PERSON_NAMES", "method": "redact"}, 'nothing finds "PERSON_NAMES"; did you mean "PERSON_NAME"?'),
        ({"name": "PERSON_NAME", "method": "perturb"}, '"perturb" is for "AGE" alone'),
        ({"name": "PERSON_NAME", "method": "generalize"}, '"generalize" is for "DATE" and "AGE" alone'),
        ({"name": "DATE", "method": "remove"}, "there is no such method in this dialect"),
        ({"name": "AGE", "method": "generalize", "zipCodes": True}, 'has no "zipCodes"'),
        ({"name": "PERSON_NAME", "method": "substitute", "replaceWith": "A\\B"}, '"replaceWith" must have'),
    ],
)
def test_wrong_rules_for_infotypes_are_refused(rule: dict[str, object], message: str) -> None:
    """With their place."""
    with pytest.raises(ConfigurationError) as error:
        by_infotype(rule)
    assert message in str(error.value)


def test_rules_for_infotypes_that_have_no_effect() -> None:
    """A profile that cleans nothing has no findings."""
    rules = [{"name": "DATE", "method": "redact"}]
    read = load_policy({"DicomInfoTypeRules": rules, "TagProfile": "KEEP_ALL_PROFILE"}, KEY)

    assert "KEEP_ALL_PROFILE cleans no text" in read.warnings[0]
