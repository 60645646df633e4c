"""A small validator of JSON Schema: the keywords that the configuration's schema uses, and no others.

It is here so that the tests need no further package; a keyword that it does not know is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

Schema = Mapping[str, object]

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
_KEYWORDS = frozenset(
    (
        *("type", "enum", "pattern", "minimum", "maximum", "minItems", "items", "properties", "required"),
        *("additionalProperties", "propertyNames", "anyOf", "oneOf", "allOf", "if", "then", "$ref"),
        *("$schema", "$defs", "title", "description"),
    )
)


def is_valid(value: object, schema: object, root: Schema) -> bool:
    """Whether the value is one of the schema's; `root` has the definitions."""
    if isinstance(schema, bool):
        return schema
    assert isinstance(schema, Mapping)
    assert schema.keys() <= _KEYWORDS, schema.keys() - _KEYWORDS
    reference = schema.get("$ref")
    if isinstance(reference, str):
        definitions = cast("Schema", root["$defs"])
        if not is_valid(value, definitions[reference.removeprefix("#/$defs/")], root):
            return False
    return _is_simple(value, schema) and _is_combined(value, schema, root) and _is_structured(value, schema, root)


def _is_simple(value: object, schema: Schema) -> bool:
    if "type" in schema:
        names = cast("list[str]", schema["type"] if isinstance(schema["type"], list) else [schema["type"]])
        if not any(_has_type(value, name) for name in names):
            return False
    if "enum" in schema and value not in cast("list[object]", schema["enum"]):
        return False
    if isinstance(value, str) and not re.search(cast("str", schema.get("pattern", "")), value):
        return False
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        return cast("float", low) <= value <= cast("float", high)
    return True


def _has_type(value: object, name: str) -> bool:
    return isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _is_combined(value: object, schema: Schema, root: Schema) -> bool:
    def count(keyword: str) -> int:
        return sum(is_valid(value, part, root) for part in cast("list[object]", schema[keyword]))

    if "anyOf" in schema and not count("anyOf"):
        return False
    if "oneOf" in schema and count("oneOf") != 1:
        return False
    if "allOf" in schema and count("allOf") != len(cast("list[object]", schema["allOf"])):
        return False
    return "if" not in schema or not is_valid(value, schema["if"], root) or is_valid(value, schema["then"], root)


def _is_structured(value: object, schema: Schema, root: Schema) -> bool:
    if isinstance(value, list):
        items = schema.get("items", True)
        return len(value) >= cast("int", schema.get("minItems", 0)) and all(
            is_valid(item, items, root) for item in value
        )
    if not isinstance(value, dict):
        return True
    properties = cast("Schema", schema.get("properties", {}))
    others = schema.get("additionalProperties", True)
    return (
        all(name in value for name in cast("list[str]", schema.get("required", [])))
        and all(is_valid(name, schema.get("propertyNames", True), root) for name in value)
        and all(is_valid(item, properties.get(name, others), root) for name, item in value.items())
    )
