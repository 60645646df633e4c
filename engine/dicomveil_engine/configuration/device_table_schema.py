"""The JSON Schema of device tables, for editors, from the tables that their reader uses."""

from __future__ import annotations

from dicomveil_engine.configuration.device_table import KEYS, LARGEST, MOST_BOXES, NUMBERS, TABLE_KEYS, TEXTS, UNMATCHED

Schema = dict[str, object]

_TEXT: Schema = {"type": "string"}
_PLACE: Schema = {"type": "integer", "minimum": 0, "maximum": LARGEST}
_SIZE: Schema = {"type": "integer", "minimum": 1, "maximum": LARGEST}
_BOX: Schema = {"type": "array", "prefixItems": [_PLACE, _PLACE, _SIZE, _SIZE], "items": False, "minItems": 4}
_BOXES: Schema = {"type": "array", "items": _BOX, "maxItems": MOST_BOXES}


def device_table_schema() -> Schema:
    """The JSON Schema (draft 2020-12) of a device table."""
    properties: dict[str, Schema] = {
        "version": {},
        "unmatched": {"enum": list(UNMATCHED)},
        "device": {"type": "array", "items": _device()},
    }
    assert tuple(properties) == TABLE_KEYS
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dicomveil device table",
        "description": "Where devices write text into their frames: docs/pixels.md.",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


def _device() -> Schema:
    match: Schema = {
        "type": "object",
        "properties": {**dict.fromkeys(TEXTS, _TEXT), **dict.fromkeys(NUMBERS, _SIZE)},
        "additionalProperties": False,
        "minProperties": 1,
    }
    properties: dict[str, Schema] = {
        "name": {"type": "string"},
        "match": match,
        "mask": _BOXES,
        "keep": _BOXES,
        "look": {"type": "boolean"},
    }
    assert tuple(properties) == KEYS
    holds = {key: {"required": [key], "properties": {key: {"minItems": 1}}} for key in ("mask", "keep")}
    blind = {"required": ["look"], "properties": {"look": {"const": False}}}
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "required": ["match"],
        "oneOf": [holds["mask"], holds["keep"]],
        "if": blind,
        "then": {"properties": {"match": {"required": list(NUMBERS)}}},
    }
