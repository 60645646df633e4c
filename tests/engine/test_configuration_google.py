"""Google's DeidentifyConfig: what it means, and how wrong ones are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dicomveil_engine import ConfigurationError, Policy, deidentify_metadata, lint, load_policy
from dicomveil_engine.configuration import google, read_configuration
from dicomveil_engine.configuration.google import actions, filters, inspection, profiles
from dicomveil_engine.configuration.pixels import PixelText
from dicomveil_engine.methods.base import Scope
from dicomveil_engine.methods.date_shift import ShiftDates
from dicomveil_engine.pseudonyms.keys import Keys

KEY = bytes(32)
PATIENT_NAME, PATIENT_ID, MODALITY, ROWS = 0x00100010, 0x00100020, 0x00080060, 0x00280010
STUDY_UID, FRAME_OF_REFERENCE_UID, REFERENCED_UID, SOP_CLASS_UID = 0x0020000D, 0x00200052, 0x00081155, 0x00080016
OVERLAY, STUDY_DATE, DESCRIPTION, PIXELS = 0x60023000, 0x00080020, 0x00081030, 0x7FE00010


def v1(**dicom: object) -> Policy:
    return load_policy({"dicom": dicom}, KEY)


def beta(**config: object) -> Policy:
    return load_policy({"dicomTagConfig": config}, KEY)


def method(policy: Policy, tag: int, vr: str) -> str:
    return policy.decide(tag, vr).method.name


def refusal(document: dict[str, object]) -> str:
    with pytest.raises(ConfigurationError) as error:
        load_policy(document, KEY)
    return str(error.value)


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_fields_and_enumerations_are_those_of_the_api(shared: Path, version: str) -> None:
    """Every one of the published schema is known."""
    schemas = json.loads((shared / "standard" / f"google_deid_schema_{version}.json").read_text())["schemas"]

    def fields(name: str) -> set[str]:
        return set(schemas[name]["properties"])

    def values(name: str, field: str) -> set[str]:
        return set(schemas[name]["properties"][field]["enum"])

    assert fields("DeidentifyConfig") <= set(google.NAMES)
    assert fields("DicomConfig") == set(filters.NAMES)
    assert values("DicomConfig", "filterProfile") == {filters.UNSPECIFIED, *profiles.PROFILES}
    assert fields("ImageConfig") <= set(inspection.IMAGE_NAMES)
    assert values("ImageConfig", "textRedactionMode") <= set(inspection.REDACTION_MODES)
    assert fields("TextConfig") <= set(inspection.TEXT_NAMES)
    assert fields("InfoTypeTransformation") == {"infoTypes", *inspection.PRIMITIVES}
    if version == "v1beta1":
        assert fields("DicomTagConfig") == set(actions.NAMES)
        assert values("DicomTagConfig", "profileType") == {actions.UNSPECIFIED, *profiles.PROFILES}
        assert fields("Options") == set(actions.OPTION_NAMES)
        assert values("Options", "primaryIds") == set(actions.PRIMARY_IDS)
        assert fields("Action") == {"queries", *actions.METHODS}


def test_a_keep_list_keeps_its_tags_and_what_an_image_needs() -> None:
    """Everything else goes, at every depth; UIDs are kept as pseudonyms."""
    policy = v1(keepList={"tags": ["PatientID", "00080060", "FrameOfReferenceUID", "TransferSyntaxUID"]})

    assert policy.decide(PATIENT_ID, "LO").rule == "keepList 1 (0010,0020) keep"
    assert method(policy, MODALITY, "CS") == method(policy, ROWS, "US") == method(policy, SOP_CLASS_UID, "UI") == "keep"
    assert method(policy, STUDY_UID, "UI") == method(policy, FRAME_OF_REFERENCE_UID, "UI") == "refreshUID"
    assert (
        method(policy, PATIENT_NAME, "PN")
        == method(policy, 0x00091001, "LO")
        == method(policy, 0x00081115, "SQ")
        == "remove"
    )
    assert policy.releases_pixels
    assert policy.warnings == ()


def test_a_remove_list_keeps_all_others() -> None:
    """But for overlays, which Google adds; UIDs are replaced with all references to them."""
    policy = v1(removeList={"tags": ["PatientName", "00100020"]})

    assert policy.decide(PATIENT_ID, "LO").rule == "removeList 2 (0010,0020) remove"
    assert method(policy, PATIENT_NAME, "PN") == method(policy, OVERLAY, "OW") == "remove"
    assert method(policy, 0x60000010, "US") == "remove"
    assert method(policy, MODALITY, "CS") == method(policy, SOP_CLASS_UID, "UI") == "keep"
    assert method(policy, STUDY_UID, "UI") == method(policy, REFERENCED_UID, "UI") == "refreshUID"
    assert policy.claims is None


@pytest.mark.parametrize("keyword", ["PixelData", "Rows", "SOPInstanceUID", "TransferSyntaxUID"])
def test_what_an_instance_needs_cannot_be_removed(keyword: str) -> None:
    """As Google has it."""
    assert "cannot be removed" in refusal({"dicom": {"removeList": {"tags": ["PatientID", keyword]}}})


@pytest.mark.parametrize(
    ("profile", "name", "modality", "date", "description", "reference"),
    [
        ("TAG_FILTER_PROFILE_UNSPECIFIED", "keep", "keep", "keep", "keep", "refreshUID"),
        ("KEEP_ALL_PROFILE", "keep", "keep", "keep", "keep", "refreshUID"),
        ("MINIMAL_KEEP_LIST_PROFILE", "remove", "remove", "remove", "remove", "remove"),
        ("ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE", "redact", "keep", "redact", "remove", "refreshUID"),
        ("DEIDENTIFY_TAG_CONTENTS", "clean", "keep", "redact", "clean", "refreshUID"),
    ],
)
def test_filter_profiles(profile: str, name: str, modality: str, date: str, description: str, reference: str) -> None:
    """Every value of the enumeration; what the basic profile does to a type 3 text is the profile's business."""
    policy = v1(filterProfile=profile)

    assert method(policy, PATIENT_NAME, "PN") == name
    assert method(policy, MODALITY, "CS") == modality
    assert method(policy, STUDY_DATE, "DA") == date
    assert method(policy, DESCRIPTION, "LO") in {description, "byType"}
    assert method(policy, REFERENCED_UID, "UI") == reference
    assert method(policy, ROWS, "US") == "keep"


@pytest.mark.parametrize(
    "dicom",
    [
        {"filterProfile": "MINIMAL_KEEP_LIST_PROFILE"},
        {"filterProfile": "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE"},
        {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"},
        {"keepList": {"tags": []}},
        {"removeList": {"tags": ["PatientID"]}},
    ],
)
def test_skip_id_redaction(dicom: dict[str, object]) -> None:
    """The UIDs of study, series and instance stay, or are replaced, together."""
    assert v1(**dicom).replaces_uids is True
    assert v1(**dicom, skipIdRedaction=True).replaces_uids is False
    assert beta(options={"primaryIds": "KEEP"}).replaces_uids is False
    assert beta(options={"primaryIds": "REGEN"}).replaces_uids is True


def test_actions_come_before_options_and_both_before_the_profile() -> None:
    """The precedence that Google documents; the profile is the basic one unless another is named."""
    policy = beta(
        options={"primaryIds": "KEEP"},
        actions=[
            {"queries": ["PatientID", "CS"], "keepTag": {}},
            {"queries": ["SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"], "regenUidTag": {}},
            {"queries": ["00080050"], "deleteTag": {}},
            {"queries": ["StudyID"], "resetTag": {}},
            {"queries": ["PatientSize"], "removeTag": {}},
            {"queries": ["ReferencedStudySequence"], "recurseTag": {}},
        ],
    )

    assert policy.replaces_uids is True
    assert method(policy, PATIENT_ID, "LO") == method(policy, 0x00081110, "SQ") == "keep"
    assert method(policy, 0x00080050, "SH") == "remove"
    assert method(policy, 0x00200010, "SH") == "dummy"
    assert policy.decide(0x00101020, "DS").rule == "action 5 (0010,1020) redact"
    assert method(policy, PATIENT_NAME, "PN") == "redact"


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        ("keepTag", "removeTag", "redact"),
        ("removeTag", "keepTag", "redact"),
        ("removeTag", "deleteTag", "remove"),
        ("cleanTextTag", "keepTag", "clean"),
        ("resetTag", "cleanTextTag", "dummy"),
    ],
)
def test_of_conflicting_actions_the_stronger_one_wins(first: str, second: str, outcome: str) -> None:
    """They are applied one after the other: what is gone does not come back."""
    policy = beta(actions=[{"queries": ["LO"], first: {}}, {"queries": ["00081030"], second: {}}])

    assert method(policy, DESCRIPTION, "LO") == outcome


@pytest.mark.parametrize(
    ("query", "vr", "name"),
    [
        ("StudyDescription", "LO", "clean"),
        ("UT", "UT", "clean"),
        ("PatientName", "PN", "clean"),
        ("AE", "AE", "clean"),
        ("AS", "AS", "clean"),
        ("StudyDate", "DA", "dateShift"),
    ],
)
def test_clean_text(query: str, vr: str, name: str) -> None:
    """Texts, names, titles and ages are cleaned; dates are moved."""
    policy = beta(profileType="KEEP_ALL_PROFILE", actions=[{"queries": [query], "cleanTextTag": {}}])
    decision = policy.decide(0x00081030 if vr == "LO" else 0x00080020 if vr == "DA" else 0x00100010, vr)

    assert decision.method.name == name
    if isinstance(decision.method, ShiftDates):
        assert decision.method.scope is Scope.PATIENT


def test_clean_descriptors() -> None:
    """An option over the basic profile; rules where everything is kept."""
    over_basic = read_configuration({"dicomTagConfig": {"options": {"cleanDescriptors": {}}}}, Keys(KEY))
    over_all = beta(profileType="KEEP_ALL_PROFILE", options={"cleanDescriptors": {}})

    assert [option.value for option in over_basic.options] == ["cleanDescriptors"]
    assert over_all.decide(DESCRIPTION, "LO").rule == "cleanDescriptors (0008,1030) clean"


def test_pixels_that_nobody_wants_changed() -> None:
    """Nothing is done about them, as Google says."""
    document = {
        "dicom": {"filterProfile": "MINIMAL_KEEP_LIST_PROFILE"},
        "image": {"textRedactionMode": "REDACT_NO_TEXT"},
    }
    configuration = read_configuration({**document, "text": {"profileType": "BASIC"}}, Keys(KEY))

    assert configuration.pixels.text is PixelText.KEEP
    assert configuration.text == {"profileType": "BASIC"}
    kept = beta(
        profileType="KEEP_ALL_PROFILE",
        options={"cleanImage": {}},
        actions=[{"queries": ["PixelData"], "cleanImageTag": {"textRedactionMode": "REDACT_NO_TEXT"}}],
    )
    assert kept.decide(PIXELS, "OW").rule == "action 1 (7FE0,0010) keep"


@pytest.mark.parametrize(
    ("image", "text"),
    [
        ({}, PixelText.KEEP),
        ({"textRedactionMode": "REDACT_ALL_TEXT"}, PixelText.ALL),
        ({"textRedactionMode": "redact_sensitive_text", "excludeInfoTypes": ["AGE"]}, PixelText.SENSITIVE),
        ({"textRedactionMode": "REDACT_SENSITIVE_TEXT_CLEAN_DESCRIPTORS"}, PixelText.SENSITIVE_CLEAN_DESCRIPTORS),
        ({"customRegexes": [{"pattern": "([0-9])+", "groupIndexes": [0, 1]}]}, PixelText.SENSITIVE),
        ({"additionalInfoTypes": ["DATE"]}, PixelText.SENSITIVE),
    ],
)
def test_redaction_of_pixels(image: dict[str, object], text: PixelText) -> None:
    """Each mode has one of ours, wherever it is written."""
    tag_config: dict[str, object] = {"options": {"cleanImage": image}}
    actions = {"actions": [{"queries": ["PixelData"], "cleanImageTag": image}]}

    for document in (
        {"dicom": {"keepList": {}}, "image": image},
        {"dicomTagConfig": tag_config},
        {"dicomTagConfig": actions},
    ):
        assert read_configuration(document, Keys(KEY)).pixels.text is text


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ({"textRedactionMode": "REDACT_ALL_TEXT", "additionalInfoTypes": ["DATE"]}, "additionalInfoTypes are only for"),
        ({"textRedactionMode": "REDACT_NO_TEXT", "additionalInfoTypes": ["DATE"]}, "additionalInfoTypes are only for"),
        ({"excludeInfoTypes": ["DATE"]}, "excludeInfoTypes are only for REDACT_SENSITIVE_TEXT and"),
        ({"textRedactionMode": "REDACT_NO_TEXT", "customRegexes": [{"pattern": "x"}]}, "effect with REDACT_NO_TEXT"),
    ],
)
def test_redaction_that_contradicts_itself_is_refused(image: dict[str, object], message: str) -> None:
    """As Google refuses the request."""
    assert message in refusal({"dicom": {}, "image": image})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ({}, "CT [PERSON_NAME] tel [PHONE_NUMBER]"),
        ({"profileType": "BASIC"}, "CT [PERSON_NAME] tel [PHONE_NUMBER]"),
        ({"excludeInfoTypes": ["PERSON_NAME"]}, "CT Dr. Roe tel [PHONE_NUMBER]"),
        ({"transformations": [{"redactConfig": {}}]}, "CT tel"),
        ({"transformations": [{"infoTypes": ["LAST_NAME"], "redactConfig": {}}]}, "CT tel [PHONE_NUMBER]"),
        (
            {"additionalTransformations": [{"characterMaskConfig": {"maskingCharacter": "#"}}]},
            "CT ####### tel ###############",
        ),
        (
            {
                "profileType": "EMPTY",
                "additionalTransformations": [{"infoTypes": ["PHONE_NUMBER"], "redactConfig": {}}],
            },
            "CT Dr. Roe tel",
        ),
        (
            {
                "customInfoTypes": [
                    {"infoType": {"name": "SITE"}, "dictionary": {"wordList": {"words": ["tel"]}}},
                    {"infoType": {"name": "CODE"}, "regex": {"pattern": "^C."}},
                ]
            },
            "[CODE] [PERSON_NAME] [SITE] [PHONE_NUMBER]",
        ),
    ],
)
def test_transformations_of_text(text: dict[str, object], expected: str) -> None:
    """Findings become what Google says; what no transformation names follows the profile."""
    found = cleaned_description({"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}, "text": text})

    assert found.replace("Dr. [PERSON_NAME]", "[PERSON_NAME]").replace("Dr. ###", "#######") in {
        expected,
        expected.replace("[PERSON_NAME]", "Dr. [PERSON_NAME]").replace("CT tel", "CT Dr. tel"),
    }


def test_findings_from_the_header() -> None:
    """cleanDescriptors writes [CTX]."""
    document: dict[str, object] = {"dicomTagConfig": {"options": {"cleanDescriptors": {}}}}

    assert cleaned_description(document, "CT Jane Doe, head") == "CT [CTX], head"


def contents(text: dict[str, Any] | None = None, **config: object) -> dict[str, Any]:
    """An instance as DEIDENTIFY_TAG_CONTENTS leaves it, in v1 or v1beta1; twice is once."""
    document: dict[str, Any] = (
        {"dicomTagConfig": {"profileType": "DEIDENTIFY_TAG_CONTENTS", **config}}
        if config
        else {"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}}
    )
    policy = load_policy({**document, **({} if text is None else {"text": text})}, KEY)
    dataset: dict[str, Any] = {
        "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
        "00080020": {"vr": "DA", "Value": ["20200312"]},
        "00080054": {"vr": "AE", "Value": ["ROESTATION", "CT01"]},
        "00081010": {"vr": "SH", "Value": ["ROESTATION"]},
        "00081030": {"vr": "LO", "Value": ["CT Jane Doe"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]},
        "00101010": {"vr": "AS", "Value": ["045Y"]},
        "00104000": {"vr": "LT", "Value": ["for Jane Doe"]},
    }
    [after] = deidentify_metadata([dataset], policy)
    [again] = deidentify_metadata([dict(after)], policy)
    assert again == after, "twice is once"
    return {tag: element.get("Value", [""])[0] for tag, element in after.items()}  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (None, ""),
        ({}, "[PERSON_NAME]"),
        ({"transformations": [{"redactConfig": {}}]}, ""),
        ({"transformations": [{"characterMaskConfig": {}}]}, "********"),
        ({"excludeInfoTypes": ["PERSON_NAME"]}, "Doe^Jane"),
    ],
)
def test_names_are_findings_as_a_whole(text: dict[str, object] | None, name: str) -> None:
    """What is said of PERSON_NAME holds for PN, and what is put in is a legal name."""
    found = contents(text)["00100010"]

    assert (found["Alphabetic"] if found else "") == name


def test_hash_of_a_name() -> None:
    """Without the equals sign of Base64, which would part its groups; equal names have equal hashes."""
    transformations = {"transformations": [{"cryptoHashConfig": {"cryptoKey": "a"}}]}
    found = contents(transformations)["00100010"]["Alphabetic"]

    assert len(found) == 43
    assert found == contents(transformations)["00100010"]["Alphabetic"]
    assert found != contents({"transformations": [{"cryptoHashConfig": {"cryptoKey": "b"}}]})["00100010"]["Alphabetic"]


def test_ages_are_findings_as_a_whole() -> None:
    """Google's AGE is every age; no token is a legal AS, so that only an exclusion keeps one."""
    assert contents()["00101010"] == ""
    assert contents({})["00101010"] == ""
    assert contents({"excludeInfoTypes": ["AGE"]})["00101010"] == "045Y"


def test_titles_are_inspected() -> None:
    """An AE title that holds a name of the instance loses it; others stay."""
    assert contents()["00080054"] is None  # the first of two values; its place stays


@pytest.mark.parametrize("beta_config", [{}, {"options": {}}])
def test_dates_follow_what_is_said_of_findings(beta_config: dict[str, object]) -> None:
    """DA is a finding of DATE as a whole: moved, kept where DATE is excluded, and emptied otherwise."""
    assert contents({"excludeInfoTypes": ["DATE"]}, **beta_config)["00080020"] == "20200312"
    assert contents({"transformations": [{"redactConfig": {}}]}, **beta_config)["00080020"] == ""
    assert contents({}, **beta_config)["00080020"] not in {"", "20200312"}


def test_context_is_named_in_descriptors_only() -> None:
    """[CTX] stands in the fields of cleanDescriptors and in those of cleanTextTag; elsewhere the infotype decides."""
    text: dict[str, object] = {"profileType": "BASIC"}
    options: dict[str, Any] = {"cleanDescriptors": {}}
    found = contents(text, options=options)
    added = contents(text, options=options, actions=[{"queries": ["LT"], "cleanTextTag": {}}])

    assert found["00081030"] == "CT [CTX]"
    assert found["00104000"] == "for [CTX]"  # the option lists Patient Comments
    assert found["00100010"]["Alphabetic"] == "[PERSON_NAME]"
    assert added["00104000"] == "for [CTX]"
    assert contents(text)["00081030"] == "CT [PERSON_NAME]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ({"profileType": "EMPTY"}, "nothing that is found would be changed"),
        (
            {"transformations": [{"cryptoHashConfig": {"kmsWrapped": {"cryptoKey": "a", "wrappedKey": "SECRET"}}}]},
            "text.transformations[0].cryptoHashConfig.kmsWrapped is not supported",
        ),
        ({"customInfoTypes": [{"infoType": {"name": "A"}}]}, "must have one of dictionary, regex, storedType"),
    ],
)
def test_text_that_cannot_be_honoured_is_refused(text: dict[str, object], message: str) -> None:
    """With the setting's name, and without a key."""
    said = refusal({"dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS"}, "text": text})

    assert message in said
    assert "SECRET" not in said


def cleaned_description(document: dict[str, object], text: str = "CT Dr. Roe tel +1 212-555-0100") -> str:
    policy = load_policy(document, KEY)
    dataset: dict[str, Any] = {
        "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]},
        "00081030": {"vr": "LO", "Value": [text]},
    }
    [after] = deidentify_metadata([dataset], policy)
    element: Any = after["00081030"]
    return str(element["Value"][0])


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"image": {}}, 'neither "dicom" nor "dicomTagConfig"'),
        ({"dicom": {}, "dicomTagConfig": {}}, 'both "dicom" and "dicomTagConfig"'),
        ({"dicom": 7}, "dicom must be an object"),
        ({"dicom": {}}, "dicom has no filter, so that Google would keep every tag"),
        ({"dicom": {"skipIdRedaction": True}}, "dicom has no filter"),
        ({"dicom": {"keepList": {}, "filterProfile": "KEEP_ALL_PROFILE"}}, "has keepList and filterProfile; give one"),
        ({"dicom": {"filterProfile": "KEEP_ALL_PROFIL"}}, 'did you mean "KEEP_ALL_PROFILE"?'),
        ({"dicom": {"filterProfile": "KEEP_ALL_PROFILE", "skipIdRedaction": True}}, "nothing would be de-identified"),
        ({"dicom": {"keepList": {"tags": "PatientID"}}}, "dicom.keepList.tags must be an array of strings"),
        ({"dicom": {"keepList": {"tags": [1]}}}, "dicom.keepList.tags must be an array of strings"),
        ({"dicom": {"keepList": {"tags": ["PatientNme"]}}}, 'keepList 1: "PatientNme" is not a keyword of PS3.6'),
        ({"dicom": {"keepList": {"tags": ["PN"]}}}, 'keepList 1: "PN" is a VR; name attributes here'),
        ({"dicom": {"keepList": {"tags": ["(0010,0010)"]}}}, "write a keyword or eight digits"),
        ({"dicom": {"removeList": {}}}, "dicom.removeList has no tags"),
        ({"dicom": {"removelists": {}}}, 'dicom: there is no field "removelists"; did you mean "removeList"?'),
        ({"dicom": {"keepList": {}, "keep_list": {}}}, 'dicom: "keepList" is given twice'),
        ({"dicom": {"keepList": {}, "skipIdRedaction": "yes"}}, "dicom.skipIdRedaction must be true or false"),
        ({"dicom": {"keepList": {}}, "extra": 1}, 'DeidentifyConfig: there is no field "extra"'),
        ({"dicomTagConfig": {"actions": [{"keepTag": {}}]}}, "action 1: it has no queries"),
        ({"dicomTagConfig": {"actions": [{"queries": ["PN"]}]}}, "action 1: it must have one of deleteTag"),
        (
            {"dicomTagConfig": {"actions": [{"queries": ["PN"], "regenUidTag": {}}]}},
            "refreshUID cannot be applied to VR PN",
        ),
        ({"dicomTagConfig": {"actions": [{"queries": ["PN"], "recurseTag": {}}]}}, "recurseTag is for sequences"),
        ({"dicomTagConfig": {"actions": [{"queries": ["Rows"], "cleanTextTag": {}}]}}, "cleanTextTag is for the VRs"),
        (
            {"dicomTagConfig": {"actions": [{"queries": ["Rows"], "cleanImageTag": {}}]}},
            "cleanImageTag is for PixelData",
        ),
        ({"dicomTagConfig": {"actions": {}}}, "dicomTagConfig.actions must be an array of objects"),
        ({"dicomTagConfig": {}, "image": {"customRegexes": [{"pattern": "("}]}}, "pattern is not a regular expression"),
        ({"dicomTagConfig": {}, "image": {"customRegexes": [{}]}}, "image.customRegexes[0].pattern is missing"),
        (
            {"dicomTagConfig": {}, "text": {"transformations": [{}]}},
            "text.transformations[0] must have one of redactConfig",
        ),
    ],
)
def test_wrong_documents_are_refused_with_place_and_mend(document: dict[str, object], message: str) -> None:
    """What Google refuses is refused here, and what would protect nothing."""
    assert message in refusal(document)


def test_field_names_of_either_spelling() -> None:
    """As in proto3's JSON: keepList or keep_list."""
    policy = v1(keep_list={"tags": ["PatientID"]}, skip_id_redaction=True)

    assert (method(policy, PATIENT_ID, "LO"), policy.replaces_uids) == ("keep", False)


def test_what_is_not_for_dicom_is_warned_of() -> None:
    """It has no effect here."""
    findings = lint({"dicom": {"keepList": {"tags": ["PatientID", "PatientID"]}}, "fhir": {}})

    assert [finding.location for finding in findings] == ['"fhir"', "keepList 2 (0010,0020) keep"]
