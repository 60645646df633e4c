"""Reading the Private Data Element Characteristics Sequence (PS3.3 Section C.12.1.1.7) before it is rewritten.

If it cannot be read, nothing is declared safe, and the private attributes are removed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.methods.base import Values
from dicomveil_engine.part10.encoding import ITEM_END, UNDEFINED, Encoding, read_head
from dicomveil_engine.part10.skip import end_of_sequence
from dicomveil_engine.profile.private import CHARACTERISTICS_VRS, PrivateBlock

_DEPTH = 8
"""Allowed nesting in an item; PS3.3 has one level."""


def read_private_blocks(value: bytes, encoding: Encoding, codecs: tuple[str, ...]) -> tuple[PrivateBlock, ...]:
    """The private blocks that the sequence describes; `value` is its items, with the delimiter if there is one."""
    try:
        return tuple(_blocks(value, encoding, codecs))
    except (struct.error, ValueError, InvalidDataSetError):
        return ()


def _blocks(value: bytes, encoding: Encoding, codecs: tuple[str, ...]) -> Iterator[PrivateBlock]:
    position = 0
    while position < len(value):
        tag, length = encoding.item.unpack_from(value, position)
        if tag != encoding.item_tag:
            return
        end = len(value) if length == UNDEFINED else position + 8 + length
        values, position = _values(value, position + 8, end, encoding, codecs)
        if block := PrivateBlock.of(values):
            yield block


def _values(
    value: bytes, position: int, end: int, encoding: Encoding, codecs: tuple[str, ...]
) -> tuple[dict[int, Values], int]:
    """The values of an item by tag, and its end."""
    values: dict[int, Values] = {}
    while position < end:
        head = read_head(value, position, encoding)
        position, length = head.value_at, head.length
        if head.tag == ITEM_END:
            return values, position
        if length == UNDEFINED:
            position = end_of_sequence(value, position, head.values, _DEPTH)
            continue
        if position + length > min(end, len(value)):
            raise ValueError("an element reaches beyond its item")
        expected = CHARACTERISTICS_VRS.get(head.tag)
        if expected and head.vr in {expected, ""}:
            values[head.tag] = encoding.decode(expected, value[position : position + length], codecs)
        position += length
    return values, position
