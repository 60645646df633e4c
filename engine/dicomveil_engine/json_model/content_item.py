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
from dicomveil_engine.structured_content.references import ContentTree, Position, Renumbering

_REFERENCE_KEYS = {f"{tag:08X}": vr for tag, vr in REFERENCE_VRS.items()}
_REFERENCED_ITEM = f"{REFERENCED_ITEM:08X}"


class Seen(NamedTuple):
    """What an item says of itself."""

    name: ConceptName | None
    value_type: str
    target: Position | None
    """For an item that is only a reference: where its target is."""


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
    """A reference with its target's new position, None if that was removed; other items as they are."""
    target = _target(item)
    if not target:
        return item
    new = renumbering.new(target)
    return None if new is None else {**item, _REFERENCED_ITEM: {"vr": "UL", "Value": list(new)}}


class ContentReferences:
    """The content items of one data set: where they stand, and those that are nothing but a reference to another."""

    def __init__(self) -> None:
        self.tree = ContentTree()
        self._lists: dict[int, list[JSONDataSet]] = {}
        """Lists of content items, by their identity, in which some are references."""

    def refer(self, place: Position | None, target: Position, items: list[JSONDataSet]) -> None:
        """Note that the item at a place, now the last of `items`, is a reference."""
        if place is not None:
            self.tree.references.append((place, target))
            self._lists[id(items)] = items

    def renumber(self) -> None:
        """Give references their targets' new positions; one whose target is not kept is not kept, either."""
        if self._lists:
            renumbering = Renumbering(self.tree.all_removed())
            for items in self._lists.values():
                items[:] = [new for item in items if (new := renumbered(item, renumbering)) is not None]
