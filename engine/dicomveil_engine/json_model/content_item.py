"""Content items in DICOM JSON: concept names, value types, and references between items."""

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
from dicomveil_engine.structured_content.references import ContentTree, Position, Renumbering

_REFERENCE_KEYS = {f"{tag:08X}": vr for tag, vr in REFERENCE_VRS.items()}
_REFERENCED_ITEM = f"{REFERENCED_ITEM:08X}"


class ContentItem(NamedTuple):
    """The attributes of a content item on which its plan depends."""

    name: ConceptName | None
    value_type: str
    target: Position | None
    """The position of the target, for a by-reference item."""


def read_content_item(item: JSONDataSet, codecs: tuple[str, ...]) -> ContentItem:
    """Read concept name, value type and reference of an item."""
    name = None
    sequence = item.get(f"{CONCEPT_NAME:08X}")
    items = sequence.get("Value") if isinstance(sequence, Mapping) else None
    if isinstance(items, list) and items and isinstance(items[0], Mapping):
        first = items[0]
        values = [_text(first, tag, codecs) for tag in CONCEPT_TAGS]
        name = concept_name(values, _text(first, SCHEME, codecs), _text(first, MEANING, codecs))
    return ContentItem(name, _text(item, VALUE_TYPE, codecs), _target(item))


def _target(item: JSONDataSet) -> Position | None:
    elements: Mapping[str, object] = item
    for key, element in elements.items():
        if not isinstance(element, Mapping) or key not in _REFERENCE_KEYS or element.get("vr") != _REFERENCE_KEYS[key]:
            return None
    target = item.get(_REFERENCED_ITEM)
    try:
        return None if target is None else tuple(int(number) for number in decode(target, "UL", ()))
    except ValueError:
        return None


def _text(item: Mapping[str, object], tag: int, codecs: tuple[str, ...]) -> str:
    element = item.get(f"{tag:08X}")
    if not isinstance(element, Mapping):
        return ""
    try:
        return "\\".join(map(str, decode(element, "LO", codecs)))
    except ValueError:
        return ""


def renumbered(item: JSONDataSet, renumbering: Renumbering) -> JSONDataSet | None:
    """A by-reference item with its target's new position, None if the target is removed; other items unchanged."""
    target = _target(item)
    if not target:
        return item
    new = renumbering.new(target)
    return None if new is None else {**item, _REFERENCED_ITEM: {"vr": "UL", "Value": list(new)}}


class ContentReferences:
    """The content tree of a data set, and its by-reference items."""

    def __init__(self) -> None:
        self.tree = ContentTree()
        self._lists: dict[int, list[JSONDataSet]] = {}
        """Lists with by-reference items, by `id`."""

    def refer(self, place: Position | None, target: Position, items: list[JSONDataSet]) -> None:
        """Record that the last of `items`, at this position, is a by-reference item."""
        if place is not None:
            self.tree.references.append((place, target))
            self._lists[id(items)] = items

    def renumber(self) -> None:
        """Give references the new positions of their targets; remove those whose target is removed."""
        if self._lists:
            renumbering = Renumbering(self.tree.all_removed())
            for items in self._lists.values():
                items[:] = [new for item in items if (new := renumbered(item, renumbering)) is not None]
