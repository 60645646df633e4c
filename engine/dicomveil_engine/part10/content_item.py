"""Content items in Part 10: concept name, value type and reference, which are read before the item is walked."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import NamedTuple

from dicomveil_engine.attributes import characters
from dicomveil_engine.part10.encoding import DELIMITER_GROUP, UNDEFINED, Encoding, read_head
from dicomveil_engine.part10.skip import end_of_sequence
from dicomveil_engine.structured_content.concepts import ConceptName, concept_name
from dicomveil_engine.structured_content.content_items import (
    CONCEPT_NAME,
    CONCEPT_TAGS,
    MEANING,
    REFERENCE_VRS,
    REFERENCED_ITEM,
    RELATIONSHIP_TYPE,
    SCHEME,
    VALUE_TYPE,
)
from dicomveil_engine.structured_content.references import Position, Renumbering

_SHORTEST_USUAL = 64
"""Bytes of an item that is long enough for three heads, so that these can be read without checks of the length."""


class ContentItem(NamedTuple):
    """The attributes of a content item on which its plan depends, as encoded."""

    value_type: bytes
    concept: bytes
    """The value of the Concept Name Code Sequence; empty if it is absent."""
    concept_encoding: Encoding
    target: Position | None
    """The position of the target, for a by-reference item."""
    after: int
    """The end of what was read; for a by-reference item, the end of the item."""


class Siblings:
    """The position among the content items of one sequence, as they are walked."""

    __slots__ = ("kept", "number", "parent")

    def __init__(self, parent: Position | None) -> None:
        self.parent = parent
        """The position of the parent item; None outside the content tree."""
        self.number = 0
        """The number of the current item, from 1."""
        self.kept = 0
        """How many items were kept."""

    def next(self) -> Position | None:
        """The position of the next item."""
        self.number += 1
        return None if self.parent is None else (*self.parent, self.number)


def read_content_item(buffer: bytes, position: int, end: int, encoding: Encoding, depth: int) -> ContentItem:
    """Read the item whose elements begin at `position`, no further than needed.

    Raises struct.error if the buffer ends too early, InvalidDataSetError if a sequence in the item is invalid.
    """
    usual = _read_usual(buffer, position, end, encoding)
    if usual is not None:
        return usual
    value_type = concept = b""
    concept_encoding, target, only_reference = encoding, None, True
    while position < end:
        tag, key, value_at, length, inner = read_head(buffer, position, encoding)
        if tag >> 16 == DELIMITER_GROUP:
            position = value_at
            break
        after = value_at + length
        if length == UNDEFINED:
            after = end_of_sequence(buffer, value_at, inner, depth)
        if after > len(buffer):
            raise struct.error
        if tag == VALUE_TYPE:
            value_type = buffer[value_at:after]
        elif tag == CONCEPT_NAME:
            concept, concept_encoding = buffer[value_at:after], inner
        elif tag == REFERENCED_ITEM and length % 4 == 0:
            target = struct.unpack_from(f"{'>' if encoding.big else '<'}{length // 4}I", buffer, value_at)
        if only_reference:
            vr = REFERENCE_VRS.get(tag)
            only_reference = vr is not None and (encoding.implicit or key[4:] == vr.encode())
        position = after
        if value_type and concept:
            break
    return ContentItem(value_type, concept, concept_encoding, target if only_reference else None, position)


def _read_usual(buffer: bytes, position: int, end: int, encoding: Encoding) -> ContentItem | None:
    """Read the usual beginning of an item faster: relationship type, value type, concept name of defined length."""
    if end - position < _SHORTEST_USUAL:
        return None
    relationship, value_type, concept = _usual_keys(encoding)
    read = encoding.head.unpack_from
    key, length = read(buffer, position)
    if key == relationship:
        position += 8 + length
        key, length = read(buffer, position)
    if key != value_type:
        return None
    type_at, position = position + 8, position + 8 + length
    key, length = read(buffer, position)
    if key != concept:
        return None
    concept_at = position + 8
    if not encoding.implicit:
        (length,) = encoding.u32.unpack_from(buffer, concept_at)
        concept_at += 4
    after = concept_at + length
    if not length or after > end or after > len(buffer):
        return None
    return ContentItem(buffer[type_at:position], buffer[concept_at:after], encoding, None, after)


@lru_cache(8)
def _usual_keys(encoding: Encoding) -> tuple[bytes, bytes, bytes]:
    return (
        encoding.key_of(RELATIONSHIP_TYPE, "CS"),
        encoding.key_of(VALUE_TYPE, "CS"),
        encoding.key_of(CONCEPT_NAME, "SQ"),
    )


def read_concept_name(value: bytes, encoding: Encoding, codecs: tuple[str, ...]) -> ConceptName | None:
    """The concept name in the first item of a sequence; None if there is none."""
    texts: dict[int, str] = {}
    position, end = 8, len(value)
    try:
        while position < end:
            tag, _, value_at, length, inner = read_head(value, position, encoding)
            if tag >> 16 == DELIMITER_GROUP:
                break
            position = value_at + length
            if length == UNDEFINED:
                position = end_of_sequence(value, value_at, inner, 8)
            else:
                texts.setdefault(tag, characters.decode(value[value_at:position], codecs))
    except struct.error:
        return None
    return concept_name([texts.get(tag, "") for tag in CONCEPT_TAGS], texts.get(SCHEME, ""), texts.get(MEANING, ""))


def renumbered(raw: bytes, encoding: Encoding, renumbering: Renumbering) -> bytes:
    """A by-reference item with its target's new position; empty if the target is removed."""
    position, end = 8, len(raw)
    while position < end:
        tag, _, value_at, length, _ = read_head(raw, position, encoding)
        if tag == REFERENCED_ITEM:
            numbers = struct.Struct(f"{'>' if encoding.big else '<'}{length // 4}I")
            new = renumbering.new(numbers.unpack_from(raw, value_at))
            return b"" if new is None else raw[:value_at] + numbers.pack(*new) + raw[value_at + length :]
        position = value_at + length
    return raw
