"""The JSON Schema says what the readers read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

import pytest

from dicomveil_engine import ConfigurationError, configuration_schema, load_policy
from dicomveil_engine.attributes._standard import Option
from dicomveil_engine.configuration import own, schema
from dicomveil_engine.configuration.presets import PRESETS, load_preset
from dicomveil_engine.configuration.settings import SETTING_NAMES
from dicomveil_engine.methods import METHODS
from dicomveil_engine.pseudonyms.keys import Keys
from engine.json_schema import is_valid

SCHEMA = configuration_schema()
DEFINITIONS = cast("dict[str, dict[str, object]]", SCHEMA["$defs"])

UNREAD = {("redact", "restrictedZipCodeTabulationAreas"), ("redact", "referenceDate"), ("dateshift", "referenceDate")}
"""Settings without a meaning but with `"compatibility": "microsoft"`."""


def is_configuration(document: object) -> bool:
    return is_valid(document, SCHEMA, SCHEMA)


def test_it_is_json_of_draft_2020_12() -> None:
    """Editors look at $schema; each reference leads somewhere."""
    text = json.dumps(SCHEMA)

    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert {part.split('"')[0] for part in text.split('"#/$defs/')[1:]} <= DEFINITIONS.keys()


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid(name: str) -> None:
    """The files, and their names."""
    assert is_configuration(load_preset(name))
    assert is_configuration({"profile": name.upper(), "$schema": "configuration.schema.json"})


def test_names_are_those_of_the_reader() -> None:
    """Keys, options, methods and settings."""
    properties = cast("dict[str, object]", DEFINITIONS["own"]["properties"])

    assert set(properties) == {"$schema", *own.NAMES}
    assert all(is_configuration({"options": [option.value]}) for option in Option)
    assert all(is_configuration({"rules": [{"tag": "DA", "method": name}]}) for name in METHODS)
    assert {name for names in SETTING_NAMES.values() for name in names} <= schema._SETTINGS.keys()


@pytest.mark.parametrize(
    "document",
    [
        {"rulez": []},
        {"profile": "basics"},
        {"options": ["retainUID"]},
        {"pixels": {"text": "someText"}},
        {"unlistedAttributes": True},
        {"rules": [{"method": "keep"}]},
        {"rules": [{"tag": "PatientNme", "method": "keep"}]},
        {"rules": [{"tag": "(0040)", "method": "keep"}]},
        {"rules": [{"tag": "DA", "method": "dateshif"}]},
        {"rules": [{"tag": "DA", "method": "keep", "xyz": 1}]},
        {"rules": [{"tag": "DA", "method": "dateShift", "params": {"span": 1}}]},
        {"rules": [{"tag": "DA", "method": "DATESHIFT", "params": {"dateShiftRange": 0}}]},
        {"defaultSettings": {"dateShift": {"dateShiftScope": "Hospital"}}},
        {"defaultSettings": {"dateShif": {}}},
        {"rules": [], "dicom": {"keepList": {}}},
        {"DicomTagRules": [{"name": "PatientID", "method": "remove"}]},
        {"DicomVRRules": [{"name": "PatientID", "method": "keep"}]},
        {"TagProfile": "BASIC"},
        {"dicom": {}},
        {"dicom": {"keepList": {}, "removeList": {}}},
        {"dicom": {"keepList": {}}, "dicomTagConfig": {}},
        {"dicom": {"keepList": {}}, "image": {"textRedactionMode": "REDACT"}},
        {"dicomTagConfig": {"actions": [{"queries": ["PN"], "keepTag": {}, "deleteTag": {}}]}},
        {"dicomTagConfig": {"actions": [{"queries": [], "keepTag": {}}]}},
        [],
    ],
)
def test_what_is_wrong_or_has_no_effect_is_not_valid(document: object) -> None:
    """An editor shows it before the reader does."""
    assert not is_configuration(document)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"profile": "PS3.15", "options": ["RETAINUIDS"], "unlistedAttributes": "keep"},
        {"rules": [{"tag": "(0009,xx01:ACME 1.0)", "method": "keep"}, {"tag": "0018, 1030", "method": "Redact"}]},
        {"rules": [{"tag": "60xx3000", "method": "remove", "params": None}]},
        {"rules": [{"tag": "DS", "method": "perturb", "setting": "mine"}], "customSettings": {"mine": {"span": "1"}}},
        {"defaultSettings": [{"dateshift": {"dateShiftRange": "50"}}, {"perturb": {"rangeType": "fixed"}}]},
        {"DicomTagRules": [{"name": "patientid", "method": "CryptoHash", "matchInputStringLength": True}]},
        {"parameters": {"dateShiftScope": "resource"}},
        {"pixels": "Clean", "options": ["cleanPixelData"]},
        {"pixels": {"text": "sensitiveText", "gate": "STROKES", "customRegexes": [{"pattern": "x"}]}},
        {"dicom": {"keepList": {"tags": ["PatientID", "00100010"]}, "skipIdRedaction": True}},
        {"dicomTagConfig": {}, "image": {}, "useRegionalDataProcessing": False},
        {"dicomTagConfig": {"options": {"cleanDescriptors": {}}, "actions": [{"queries": ["PN"], "keepTag": {}}]}},
    ],
)
def test_what_is_right_is_valid(document: dict[str, object]) -> None:
    """For the schema and for the reader."""
    assert is_configuration(document)
    assert load_policy(document, bytes(32)).decide(0x00100010, "PN").rule


PROBES: list[object] = [
    *(True, False, "true", "yes", 0, 1, -1, 3, 15, 16, 50, 999, 1000, 3650, 3651, 2.5, -2.5, "7", " 7", "x", "", None),
    *([], ["036"], [1, 2], [0, 18, 65], {}, {"CT": "MR"}, {"CT": 1}),
    *("Fixed", "proportional", "sha512", 32781, "Md5", "studyinstance", "Patient", "week", "Day", "redact", "keep"),
]


@pytest.mark.parametrize(
    ("method", "name"),
    [(method, name) for method, names in SETTING_NAMES.items() for name in names if (method, name) not in UNREAD],
)
def test_settings_are_what_the_methods_read(method: str, name: str) -> None:
    """What a method accepts is valid; what the schema alone lets pass, a reader refuses with its reason."""
    block = DEFINITIONS[f"settings.{method}"]
    accepted = [probe for probe in PROBES if probe is not None and _is_read(method, {name: probe})]

    assert [probe for probe in accepted if not is_valid({name: probe}, block, SCHEMA)] == []
    assert any(not is_valid({name: probe}, block, SCHEMA) for probe in PROBES)


def _is_read(method: str, settings: Mapping[str, object]) -> bool:
    try:
        METHODS[method].build(settings, Keys(bytes(32)))
    except ConfigurationError:
        return False
    return True
