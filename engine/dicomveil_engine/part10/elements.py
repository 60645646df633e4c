"""Iterating over the elements of a Part 10 instance with their paths, for reports and validation.

Values are decoded on request. The walker, which has to be fast and to stream, does not use this module.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from dicomveil_engine.attributes import characters, dictionary
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.methods.base import Values
from dicomveil_engine.part10.encoding import DELIMITER_GROUP, IMPLICIT_LITTLE, ITEM_END, UNDEFINED, Encoding, read_head
from dicomveil_engine.part10.file_meta import read_file_meta
from dicomveil_engine.part10.skip import end_of_sequence

Path = tuple[int, ...]
"""Tag, item number from 1, tag, …, and last the element's own tag."""

_DEPTH = 32
_INFLATED_BYTES = 1 << 30
"""The longest deflated data set that is read, since a small file can hold a very large one."""
_SHORT = 4096
"""Bytes; instances without elements are shorter."""
_CHARACTER_SET = 0x00080005
_BULK_VRS = frozenset(("OB", "OW", "OF", "OD", "OL", "OV"))


@dataclass(frozen=True, slots=True)
class EncodedElement:
    """An element at its path; the elements of a sequence's items follow it."""

    path: Path
    vr: str
    """The effective VR: that of the dictionary if the encoding has no VR or UN."""
    creator: str | None
    """The private creator that reserved the element's block."""
    value: memoryview = field(repr=False)
    """The encoded value, including heads of fragments; empty for sequences, unless their items cannot be read."""
    items: int = 0
    """The number of items of a sequence."""
    codecs: tuple[str, ...] = field(default=characters.DEFAULT, repr=False)
    encoding: Encoding = field(default=IMPLICIT_LITTLE, repr=False)

    @property
    def tag(self) -> int:
        """0xGGGGEEEE."""
        return self.path[-1]

    @property
    def depth(self) -> int:
        """0 at the top level of the data set."""
        return len(self.path) // 2

    @property
    def is_creator(self) -> bool:
        """Whether this is a private creator (PS3.5 Section 7.8.1)."""
        return bool(self.tag >> 16 & 1) and 0x10 <= self.tag & 0xFFFF <= 0xFF

    def values(self) -> Values:
        """The decoded values. Raises InvalidDataSetError when the bytes do not fit the VR."""
        try:
            return self.encoding.decode(self.vr, bytes(self.value), self.codecs)
        except ValueError:
            raise InvalidDataSetError(
                f"{dictionary.described(self.tag, self.vr)} has a length that does not fit its VR"
            ) from None


def path_text(path: Path) -> str:
    """A path as BulkDataURIs write it, such as `00081140/1/00081155`."""
    return "/".join(str(part) if place % 2 else f"{part:08X}" for place, part in enumerate(path))


def read_elements(data: bytes) -> Iterator[EncodedElement]:
    """The elements of a Part 10 instance in order, without the file meta information.

    Raises InvalidDataSetError if the instance cannot be read.
    """
    # Rules may remove all elements, which would look cut off. Zeros after the data set are ignored.
    found = read_file_meta(data if len(data) > _SHORT else data[:] + bytes(8), closing=True)
    assert found is not None
    meta, start = found
    buffer = _inflated(data[start:]) if meta.is_deflated else data
    reader = _Reader(buffer)
    try:
        yield from reader.elements(0 if meta.is_deflated else start, len(buffer), meta.encoding, (), characters.DEFAULT)
    except struct.error:
        raise InvalidDataSetError("the instance is cut off in the middle of an element") from None


def _inflated(data: bytes) -> bytes:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflate.decompress(data, _INFLATED_BYTES)
    except zlib.error:
        raise InvalidDataSetError("the deflated data set cannot be inflated") from None
    if not inflate.eof:
        raise InvalidDataSetError("the deflated data set is cut off, or too long")
    return inflated


_Elements = Generator[EncodedElement, None, int]
"""Yields elements, and returns their end."""


class _Reader:
    """Reads one buffer recursively."""

    def __init__(self, buffer: bytes) -> None:
        self._buffer = buffer
        self._view = memoryview(buffer)

    def elements(self, position: int, end: int, encoding: Encoding, path: Path, codecs: tuple[str, ...]) -> _Elements:
        """The elements up to `end` or, in an item, up to its delimiter."""
        buffer = self._buffer
        creators: dict[int, str] = {}
        while position < end:
            if not path and not any(buffer[position : position + 8]):
                position += 8  # zeros that fill the last block of a medium
                continue
            head = read_head(buffer, position, encoding)
            tag, length, values, written = head.tag, head.length, head.values, head.vr or "UN"
            group, number = tag >> 16, tag & 0xFFFF
            if group == DELIMITER_GROUP:
                if tag != ITEM_END or not path:
                    raise InvalidDataSetError("a delimiter is in the place of an element")
                return position + 8
            creator = creators.get(tag >> 8) if group & 1 else None
            vr = dictionary.vr_of(tag, creator) or "UN" if written == "UN" else written
            position = head.value_at
            here = (*path, tag)
            if vr == "SQ" or (length == UNDEFINED and vr not in _BULK_VRS):
                position = yield from self._sequence(position, length, values, here, codecs, creator)
                continue
            if length == UNDEFINED:
                end_of_value = end_of_sequence(buffer, position, values, 0)
                yield EncodedElement(here, vr, creator, self._view[position:end_of_value], 0, codecs, values)
                position = end_of_value
                continue
            if position + length > len(buffer):
                raise struct.error
            element = EncodedElement(here, vr, creator, self._view[position : position + length], 0, codecs, values)
            if tag == _CHARACTER_SET:
                codecs = characters.codecs_of(bytes(element.value))
            elif element.is_creator:
                name = characters.decode(bytes(element.value), codecs).strip(" \0")
                creators[group << 8 | number] = name
            yield element
            position += length
        return position

    def _sequence(
        self, position: int, length: int, encoding: Encoding, path: Path, codecs: tuple[str, ...], creator: str | None
    ) -> _Elements:
        if len(path) // 2 > _DEPTH:
            raise InvalidDataSetError(f"sequences are nested more than {_DEPTH} deep")
        inside: list[EncodedElement] = []
        value = self._view[:0]
        try:
            items, behind = self._items(position, length, encoding, path, codecs, inside)
        except (InvalidDataSetError, struct.error):
            behind = position + length
            if length == UNDEFINED or behind > len(self._buffer):
                raise
            items, value = 0, self._view[position:behind]
            inside.clear()
        yield EncodedElement(path, "SQ", creator, value, items, codecs, encoding)
        yield from inside
        return behind

    def _items(
        self,
        position: int,
        length: int,
        encoding: Encoding,
        path: Path,
        codecs: tuple[str, ...],
        inside: list[EncodedElement],
    ) -> tuple[int, int]:
        """Collect the elements of a sequence's items; return the number of items and their end."""
        buffer = self._buffer
        end = len(buffer) if length == UNDEFINED else position + length
        items = 0
        while position < end:
            tag, size = encoding.item.unpack_from(buffer, position)
            position += 8
            if tag == encoding.sequence_end:
                break
            if tag != encoding.item_tag:
                raise InvalidDataSetError("a sequence holds something that is not an item")
            items += 1
            until = end if size == UNDEFINED else position + size
            position = _collect(self.elements(position, until, encoding, (*path, items), codecs), inside)
        return items, position


def _collect(elements: _Elements, into: list[EncodedElement]) -> int:
    """Collect elements, since their sequence has to be yielded first, with the number of its items."""
    while True:
        try:
            into.append(next(elements))
        except StopIteration as stop:
            position: int = stop.value
            return position
