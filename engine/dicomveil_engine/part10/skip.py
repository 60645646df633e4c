"""Finding the end of a value of undefined length, for values that are removed or emptied."""

from __future__ import annotations

import struct

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.part10.encoding import EXPLICIT_LITTLE, ITEM_END, UNDEFINED, Encoding, read_head


def end_of_sequence(buffer: bytes, position: int, encoding: Encoding, depth: int) -> int:
    """The end of a sequence or of fragments, after its delimiter; `position` is that of the first item or fragment.

    Raises struct.error if the buffer ends before it, InvalidDataSetError if there is anything but items, or the nesting
    is deeper than `depth`.
    """
    while True:
        tag, length = encoding.item.unpack_from(buffer, position)
        position += 8
        if tag == encoding.sequence_end:
            return position
        if tag != encoding.item_tag:
            raise InvalidDataSetError("a sequence holds something that is not an item")
        if length != UNDEFINED:
            position += length
        elif depth <= 0:
            raise InvalidDataSetError("sequences are nested more deeply than the limit allows")
        else:
            position = _end_of_item(buffer, position, encoding, depth - 1)


def encoding_at(buffer: bytes, position: int, encoding: Encoding) -> Encoding:
    """The encoding of an item whose elements begin here: some vendors write sequences of VR UN in explicit VR."""
    is_explicit = encoding.implicit and buffer[position + 4 : position + 6].decode("latin-1") in dictionary.VRS
    return EXPLICIT_LITTLE if is_explicit else encoding


def _end_of_item(buffer: bytes, position: int, encoding: Encoding, depth: int) -> int:
    encoding = encoding_at(buffer, position, encoding)
    while True:
        tag, _, value_at, length, values = read_head(buffer, position, encoding)
        if tag == ITEM_END:
            return value_at
        position = end_of_sequence(buffer, value_at, values, depth) if length == UNDEFINED else value_at + length
        if position > len(buffer):
            raise struct.error
