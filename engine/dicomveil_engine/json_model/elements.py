"""Reading and writing elements of DICOM JSON, with errors that name the attribute but never the value."""

from __future__ import annotations

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.json_model.values import JSONDataSet, JSONElement, decode, encode, passed
from dicomveil_engine.methods.base import Values
from dicomveil_engine.rewriting.fields import Field, Item


def items_of(element: JSONElement, tag: int) -> list[JSONDataSet]:
    """The items of a sequence; null is an empty item (PS3.18 Section F.2.5)."""
    values = element.get("Value") or []
    items = [item for item in values if isinstance(item, dict | None)] if isinstance(values, list) else []
    if not isinstance(values, list) or len(items) != len(values):
        raise InvalidDataSetError(f"{dictionary.described(tag, 'SQ')} holds something that is not an item")
    return [item or {} for item in items]


def decoded(element: JSONElement, tag: int, vr: str, codecs: tuple[str, ...]) -> Values:
    """The element's values. Raises InvalidDataSetError if they are not values of the VR."""
    try:
        return decode(element, vr, codecs)
    except (ValueError, TypeError):
        raise InvalidDataSetError(f"{dictionary.described(tag, vr)} has a value that is not of its VR") from None


def kept(element: JSONElement, tag: int, vr: str) -> JSONElement:
    """The element as it is written when its value is kept. Raises InvalidDataSetError as `decoded`."""
    try:
        return passed(element, vr)
    except (ValueError, TypeError):
        raise InvalidDataSetError(f"{dictionary.described(tag, vr)} has a value that is not of its VR") from None


def may_be_items(element: JSONElement) -> bool:
    """Whether the Base64 of a value begins with an item's tag, FEFF00E0."""
    return str(element.get("InlineBinary", "")).startswith("/v8A4")


def element_of(field: Field) -> JSONElement:
    """A field as an element."""
    return sequence_of(field.items) if field.vr == "SQ" else encode(field.vr, field.values)


def item_of(fields: Item) -> JSONDataSet:
    """Fields as an item."""
    return {f"{field.tag:08X}": element_of(field) for field in fields}


def sequence_of(items: tuple[Item, ...]) -> JSONElement:
    """Items of fields as a sequence."""
    return {"vr": "SQ", "Value": [item_of(item) for item in items]} if items else {"vr": "SQ"}
