"""The JSON Schema of the configuration dialects, for editors, from the tables that their readers use.

With it, editors complete names in their documented spelling and mark what the readers would refuse or ignore. Readers
accept keys in any case, which a schema cannot express.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes._standard import Option
from dicomveil_engine.configuration import google, own, pixels, tag_rules, text
from dicomveil_engine.configuration.google import actions, filters, inspection
from dicomveil_engine.configuration.google.profiles import PROFILES
from dicomveil_engine.configuration.microsoft import COMPATIBILITIES
from dicomveil_engine.configuration.settings import SETTING_NAMES
from dicomveil_engine.methods import METHODS
from dicomveil_engine.methods.clean_document import MOST_BYTES
from dicomveil_engine.methods.date_shift import LONGEST_RANGE, SCOPES
from dicomveil_engine.pseudonyms.dates import Period

Schema = dict[str, object]

DRAFT = "https://json-schema.org/draft/2020-12/schema"

_WHOLE = r"^\s*[+-]?[0-9]{1,18}\s*$"
_DECIMAL = r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$"
_DIGITS = "[0-9A-Fa-fxX]{4}"
_TAG = rf"^\s*(\(\s*{_DIGITS}\s*,?\s*{_DIGITS}\s*(:[^\\]*)?\)|{_DIGITS}\s*,?\s*{_DIGITS}(\s*:[^\\]*)?)\s*$"

_STRING: Schema = {"type": "string"}
_BOOLEAN: Schema = {"anyOf": [{"type": "boolean"}, {"enum": ["true", "false"]}]}
_STRINGS: Schema = {"type": "array", "items": _STRING}
_NUMBER: Schema = {"type": ["number", "string"], "pattern": _DECIMAL}
_EMPTY: Schema = {"type": "object", "additionalProperties": False}


def configuration_schema() -> Schema:
    """The JSON Schema (draft 2020-12) of a configuration in any dialect."""
    return {
        "$schema": DRAFT,
        "title": "dicomveil configuration",
        "description": "What to do with which attributes of a DICOM instance: docs/policy.md, docs/dialects/.",
        "type": "object",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in ("own", "tagRules", "deidentifyConfig")],
        "$defs": {
            "own": _document(_own()),
            "tagRules": _document(_tag_rules()),
            "deidentifyConfig": _document(_google()),
            "tag": _tag(),
            "rule": _rule(),
            "settingsOfMethods": _settings_of_methods(),
            **{f"settings.{name}": _settings_of(name) for name in METHODS},
        },
    }


def setting(name: str) -> Schema:
    """The schema of a method's setting; any value for a setting that is not in this table."""
    return _SETTINGS.get(name, {})


def _whole(minimum: int, maximum: int) -> Schema:
    return {"type": ["integer", "string"], "minimum": minimum, "maximum": maximum, "pattern": _WHOLE}


def _one_of(names: Iterable[str], *, also: Iterable[object] = ()) -> Schema:
    """The schema of a name in any case, for which editors offer the documented spelling."""
    names = list(names)
    return {"anyOf": [{"enum": [*names, *also]}, {"type": "string", "pattern": _any_case(names)}]}


def _any_case(names: Iterable[str]) -> str:
    """A regular expression for names in any case, since those of JSON Schema have no flags."""
    return f"^({'|'.join(''.join(map(_letter, name)) for name in names)})$"


def _letter(character: str) -> str:
    return f"[{character.upper()}{character.lower()}]" if character.isalpha() else re.escape(character)


_SETTINGS: Mapping[str, Schema] = {
    "enablePartialAgesForRedact": _BOOLEAN,
    "enablePartialDatesForRedact": _BOOLEAN,
    "enablePartialZipCodesForRedact": _BOOLEAN,
    "restrictedZipCodeTabulationAreas": _STRINGS,
    "referenceDate": _STRING,
    "span": {**_NUMBER, "minimum": 0},
    "roundTo": _whole(0, 15),
    "rangeType": _one_of(("Fixed", "Proportional"), also=(0, 1, "0", "1")),
    "dateShiftRange": _whole(1, LONGEST_RANGE),
    "dateShiftKey": _STRING,
    "dateShiftScope": _one_of(SCOPES),
    "cryptoHashKey": _STRING,
    "cryptoHashType": _one_of(("Sha256", "Sha384", "Sha512"), also=(32780, 32781, 32782)),
    "matchInputStringLength": _BOOLEAN,
    "encryptKey": _STRING,
    "replaceWith": {"type": ["string", "number", "boolean"]},
    "dateTo": _one_of(period.value for period in Period),
    "ageBin": _whole(0, 999),
    "ageCap": _whole(1, 999),
    "step": _NUMBER,
    "bins": {"type": "array", "items": _NUMBER},
    "zipCodes": _BOOLEAN,
    "values": {"type": "object", "additionalProperties": _STRING},
    "maxBytes": _whole(1, MOST_BYTES),
    "otherValues": _one_of(("redact", "keep")),
}
"""Setting of a method → its schema; a test compares it with the readers of the methods."""


def _document(schema: Schema) -> Schema:
    """The schema of a whole document, which may have "$schema"."""
    properties = schema["properties"]
    assert isinstance(properties, dict)
    return {**schema, "properties": {"$schema": _STRING, **properties}}


_MEANINGS = {
    "profile": "What happens to attributes that no rule names: a preset, PS3.15, or none (they are kept).",
    "options": "Options of PS3.15 Annex E, in addition to those of the preset.",
    "unlistedAttributes": "Attributes that Table E.1-1 does not list: protected by VR (the default), or kept.",
    "pixels": "What happens to text burnt into pixels: keep, refuse, clean, or settings (docs/pixels.md).",
    "text": "How free text is cleaned (docs/cleaning.md).",
    "encryptOriginals": "For whom export and anonymize encrypt originals into the output (docs/policy.md).",
    "compatibility": "microsoft: the results of Microsoft's tool, bit for bit.",
    "rules": "The first rule that matches an element decides, at every depth.",
    "defaultSettings": "Settings for all rules of a method, by the method's name.",
    "customSettings": "Named settings, to which rules refer by setting.",
    "tag": "A tag, a mask such as (50xx,xxxx), a keyword, a VR, or (gggg,xxee:CREATOR).",
    "method": "What happens to the element.",
    "setting": "The name of an entry in customSettings, instead of the default settings.",
    "params": "Settings of this rule, which have precedence.",
}
"""Descriptions of keys, which editors show."""


def _own() -> Schema:
    blocks: Schema = {"$ref": "#/$defs/settingsOfMethods"}
    names = {name for names in SETTING_NAMES.values() for name in names}
    custom: Schema = {
        "type": "object",
        "additionalProperties": {"type": "object", "properties": {name: setting(name) for name in sorted(names)}},
    }
    properties: dict[str, Schema] = {
        "profile": _one_of(own.PROFILES),
        "options": {"type": "array", "items": _one_of((*(option.value for option in Option), *own.PIXEL_OPTIONS))},
        "unlistedAttributes": _one_of(own.UNLISTED),
        "compatibility": _one_of(COMPATIBILITIES),
        "rules": {"type": "array", "items": {"$ref": "#/$defs/rule"}},
        "defaultSettings": {"anyOf": [blocks, {"type": "array", "items": blocks}]},
        "pixels": _pixels(),
        "text": _text(),
        "encryptOriginals": _object({"recipients": {**_STRINGS, "minItems": 1}}, required=("recipients",)),
        "customSettings": {"anyOf": [custom, {"type": "array", "items": custom}]},
    }
    return _object({name: {**properties[name], "description": _MEANINGS[name]} for name in own.NAMES})


def _rule() -> Schema:
    return {
        **_object(
            {
                "tag": {"$ref": "#/$defs/tag", "description": _MEANINGS["tag"]},
                "method": {**_one_of(method.name for method in METHODS.values()), "description": _MEANINGS["method"]},
                "setting": {**_STRING, "description": _MEANINGS["setting"]},
                "params": {"type": ["object", "null"], "description": _MEANINGS["params"]},
            },
            required=("tag", "method"),
        ),
        "allOf": [
            {
                "if": {"properties": {"method": _one_of([method.name])}},
                "then": {"properties": {"params": {"anyOf": [{"type": "null"}, {"$ref": f"#/$defs/settings.{name}"}]}}},
            }
            for name, method in METHODS.items()
        ],
    }


def _tag() -> Schema:
    keywords = sorted(keyword for keyword in dictionary.keywords() if keyword.isalnum())
    return {"anyOf": [{"enum": [*sorted(dictionary.VRS), *keywords]}, {"type": "string", "pattern": _TAG}]}


def _settings_of(method: str) -> Schema:
    names = SETTING_NAMES[method]
    if not names:
        return _EMPTY
    return {
        "type": "object",
        "properties": {name: setting(name) for name in names},
        "propertyNames": {"pattern": _any_case(names)},
    }


def _settings_of_methods() -> Schema:
    return {
        "type": "object",
        "properties": {method.name: {"$ref": f"#/$defs/settings.{name}"} for name, method in METHODS.items()},
        "propertyNames": {"pattern": _any_case(method.name for method in METHODS.values())},
    }


def _tag_rules() -> Schema:
    names = {name for method in tag_rules.METHOD_NAMES for name in SETTING_NAMES[method]}
    settings = {name: setting(name) for name in sorted(names)}
    scope = _one_of((*tag_rules.SCOPES, *SCOPES))
    if "dateShiftScope" in settings:
        settings["dateShiftScope"] = scope
    rule = _object(
        {"name": _STRING, "method": _one_of(tag_rules.METHOD_NAMES), "params": {"type": "object"}, **settings},
        required=("name", "method"),
    )
    vr_rule = {**rule, "allOf": [{"properties": {"name": _one_of(sorted(dictionary.VRS))}}]}
    properties: dict[str, Schema] = {
        "DicomTagRules": {"type": "array", "items": rule},
        "DicomVRRules": {"type": "array", "items": vr_rule},
        "DicomInfoTypeRules": {"type": "array", "items": rule},
        "TagProfile": _one_of(PROFILES),
        "parameters": {"type": "object", "properties": settings},
    }
    shape = {"anyOf": [{"required": [name]} for name in tag_rules.NAMES]}
    return {**_object({name: properties[name] for name in tag_rules.NAMES}), **shape}


def _google() -> Schema:
    anything: Schema = {"type": "object"}
    properties: dict[str, Schema] = {
        "dicom": _filters(),
        "dicomTagConfig": _actions(),
        "text": _text_config(),
        "image": _image(),
        "fhir": anything,
        "fhirFieldConfig": anything,
        "operationMetadata": anything,
        "useRegionalDataProcessing": {"type": "boolean"},
    }
    return {
        **_object({name: properties[name] for name in google.NAMES}),
        "oneOf": [{"required": ["dicom"]}, {"required": ["dicomTagConfig"]}],
    }


def _filters() -> Schema:
    tags = _object({"tags": _STRINGS})
    properties: dict[str, Schema] = {
        "keepList": tags,
        "removeList": tags,
        "filterProfile": _one_of((filters.UNSPECIFIED, *PROFILES)),
        "skipIdRedaction": {"type": "boolean"},
    }
    one = [{"required": [name]} for name in filters.NAMES if name != "skipIdRedaction"]
    return {**_object({name: properties[name] for name in filters.NAMES}), "oneOf": one}


def _actions() -> Schema:
    messages: dict[str, Schema] = {name: _image() if name == "cleanImageTag" else _EMPTY for name in actions.METHODS}
    action = _object({"queries": {**_STRINGS, "minItems": 1}, **messages}, required=("queries",))
    action["oneOf"] = [{"required": [name]} for name in actions.METHODS]
    options: dict[str, Schema] = {
        "primaryIds": _one_of(actions.PRIMARY_IDS),
        "cleanImage": _image(),
        "cleanDescriptors": _EMPTY,
    }
    properties: dict[str, Schema] = {
        "profileType": _one_of((actions.UNSPECIFIED, *PROFILES)),
        "options": _object({name: options[name] for name in actions.OPTION_NAMES}),
        "actions": {"type": "array", "items": action},
    }
    return _object({name: properties[name] for name in actions.NAMES})


def _image() -> Schema:
    regex = _object(
        {"pattern": _STRING, "groupIndexes": {"type": "array", "items": {"type": "integer"}}}, required=("pattern",)
    )
    return _object(
        {
            "textRedactionMode": _one_of(inspection.REDACTION_MODES),
            "customRegexes": {"type": "array", "items": regex},
            "additionalInfoTypes": _STRINGS,
            "excludeInfoTypes": _STRINGS,
        }
    )


def _text() -> Schema:
    """The schema of the key "text"."""
    regions: Schema = {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "^[A-Za-z]{2}$"}}
    custom: Schema = {
        "name": {"type": "string", "pattern": "^[A-Z][A-Z0-9_]*$"},
        "words": _STRINGS,
        "regex": _STRING,
        "groups": {"type": "array", "items": {"type": "integer"}},
        "list": _STRING,
    }
    choice: Schema = {
        "infoTypes": _STRINGS,
        "tags": _STRINGS,
        "method": _one_of(text.WAYS),
        "maskWith": {"type": "string", "minLength": 1, "maxLength": 1},
        **{name: setting(name) for name in text.METHOD_SETTINGS},
    }
    return _object(
        {
            "regions": regions,
            "ages": _one_of(text.AGES),
            "vocabulary": _STRING,
            "strictPatients": {"type": "integer", "minimum": 0},
            "transformations": {
                "type": "array",
                "items": _object({name: choice[name] for name in text.CHOICE_NAMES}, required=("method",)),  # type: ignore[misc]
            },
            "customInfoTypes": {
                "type": "array",
                "items": _object({name: custom[name] for name in text.CUSTOM_NAMES}, required=("name",)),  # type: ignore[misc]
            },
            "detectors": _STRINGS,
            "ner": {"anyOf": [_STRING, _STRINGS]},
        }
    )


def _text_config() -> Schema:
    """The schema of Google's TextConfig."""
    primitives = {name: _object(dict.fromkeys(fields, _STRING)) for name, fields in inspection.PRIMITIVES.items()}
    transformations: Schema = {"type": "array", "items": _object({"infoTypes": _STRINGS, **primitives})}
    return _object(
        {
            "profileType": _one_of(inspection.TEXT_PROFILES),
            "additionalTransformations": transformations,
            "excludeInfoTypes": _STRINGS,
            "transformations": transformations,
            "customInfoTypes": {"type": "array", "items": {"type": "object"}},
        }
    )


def _pixels() -> Schema:
    """The schema of the key "pixels": a word, or settings."""
    settings: dict[str, Schema] = {
        **{name: _one_of(member.value for member in members) for name, members in pixels.ENUMS.items()},
        "masks": {"type": "array", "items": _one_of(pixels.MASKS)},
        "additionalInfoTypes": _STRINGS,
        "excludeInfoTypes": _STRINGS,
        "customRegexes": _image()["properties"]["customRegexes"],  # type: ignore[index]
        "deviceTable": _STRING,
    }
    return {"anyOf": [_one_of(pixels.SHORT), _object({name: settings[name] for name in pixels.NAMES})]}


def _object(properties: Mapping[str, Schema], *, required: Iterable[str] = ()) -> Schema:
    schema: Schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    if required := list(required):
        schema["required"] = required
    return schema
