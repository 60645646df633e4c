"""Content items in DICOM JSON: what they are about, and references between them. Takes no decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from dicomveil_engine.json_model.values import JSONDataSet, decode
from dicomveil_engine.structured_content.concepts import ConceptName, concept_name
from dicomveil_engine.structured_content.content_items import (
    CONCEPT_NAME,
    CONCEPT_TAGS,
    MEANING,
    REFERENCE_VRS,
    REFERENCED_ITEM,
    SCHEME,
    VALUE_TYPE,
)
from dicomveil_engine.structured_content.references import Position, Renumbering

_REFERENCE_KEYS = {f"{tag:08X}": vr for tag, vr in REFERENCE_VRS.items()}
_REFERENCED_ITEM = f"{REFERENCED_ITEM:08X}"


class Seen(NamedTuple):
    """What an item says of itself."""

    name: ConceptName | None
    value_type: str
    target: Position | None
    """Of an item that is nothing but a reference: where its target stands."""


def read_content_item(item: JSONDataSet, codecs: tuple[str, ...]) -> Seen:
    """Look into an item."""
    name = None
    sequence = item.get(f"{CONCEPT_NAME:08X}")
    items = sequence.get("Value") if isinstance(sequence, Mapping) else None
    if isinstance(items, list) and items and isinstance(items[0], Mapping):
        first = items[0]
        values = [_text(first, tag, codecs) for tag in CONCEPT_TAGS]
        name = concept_name(values, _text(first, SCHEME, codecs), _text(first, MEANING, codecs))
    return Seen(name, _text(item, VALUE_TYPE, codecs), _target(item))


def _target(item: JSONDataSet) -> Position | None:
    elements: Mapping[str, object] = item
    for key, element in elements.items():
        if not isinstance(element, Mapping) or key not in _REFERENCE_KEYS or element.get("vr") != _REFERENCE_KEYS[key]:
            return None
    target = item.get(_REFERENCED_ITEM)
    try:
        return None if target is None else tuple(int(number) for number in decode(target, "UL", ()))
    except (ValueError, TypeError):
        return None


def _text(item: Mapping[str, object], tag: int, codecs: tuple[str, ...]) -> str:
    element = item.get(f"{tag:08X}")
    if not isinstance(element, Mapping):
        return ""
    try:
        return "\\".join(map(str, decode(element, "LO", codecs)))
    except (ValueError, TypeError):
        return ""


def renumbered(item: JSONDataSet, renumbering: Renumbering) -> JSONDataSet | None:
    """An item that is a reference with its target's new position, None if the target has gone; others as they are."""
    target = _target(item)
    if not target:
        return item
    new = renumbering.new(target)
    return None if new is None else {**item, _REFERENCED_ITEM: {"vr": "UL", "Value": list(new)}}
