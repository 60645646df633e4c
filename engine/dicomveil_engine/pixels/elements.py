"""The positions of the top-level elements of a Part 10 instance, so that a few can be read, replaced or added.

Sequences are not parsed, and the header is enough: Pixel Data need not have arrived.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dicomveil_engine.attributes import characters, dictionary
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.methods.base import Values
from dicomveil_engine.part10.encoding import IMPLICIT_LITTLE, LONG_VRS, UNDEFINED, Encoding
from dicomveil_engine.part10.file_meta import EXPLICIT_VR_LITTLE_ENDIAN, FileMeta, read_file_meta
from dicomveil_engine.part10.skip import end_of_sequence
from dicomveil_engine.rewriting.fields import Field

PIXEL_DATA = 0x7FE00010
_PIXEL_TAGS = frozenset((0x7FE00008, 0x7FE00009, PIXEL_DATA))
_DEPTH = 32
_INFLATED_BYTES = 1 << 30
_INFLATE_STEP = 1 << 20


class TopElement(NamedTuple):
    """One top-level element of the data set; positions count from the start of the buffer."""

    tag: int
    vr: str
    start: int
    value: int
    """Where the value begins."""
    end: int
    """The end of the value, or of its delimiter if the length is undefined."""


@dataclass(frozen=True)
class InstanceElements:
    """The header of an instance: all elements before Pixel Data, and the position of Pixel Data."""

    buffer: bytes = field(repr=False)
    meta: FileMeta
    start: int
    """Where the data set begins."""
    elements: Mapping[int, TopElement]
    pixel_data: TopElement | None
    """Its `end` is -1 if the length is undefined."""
    is_complete: bool
    """Whether the whole header has arrived: Pixel Data was reached, or the data set ended."""

    @property
    def encoding(self) -> Encoding:
        """How the elements are encoded."""
        return self.meta.encoding

    @property
    def end(self) -> int:
        """The end of the header: the start of Pixel Data, or the end of the data set."""
        if self.pixel_data is not None:
            return self.pixel_data.start
        return max((element.end for element in self.elements.values()), default=self.start)

    def value(self, tag: int) -> bytes:
        """The encoded value of an element; empty if there is none."""
        element = self.elements.get(tag)
        return b"" if element is None else self.buffer[element.value : element.end]

    def values(self, tag: int) -> Values:
        """The values of an element, decoded in the default repertoire; none if they cannot be read."""
        element = self.elements.get(tag)
        if element is None:
            return []
        try:
            return self.encoding.decode(element.vr, self.value(tag), characters.DEFAULT)
        except ValueError:
            return []

    def text(self, tag: int) -> str:
        """The first value as text, without surrounding blanks."""
        values = self.values(tag)
        return str(values[0]).strip(" \0") if values and not isinstance(values, bytes) else ""

    def number(self, tag: int, default: int = 0) -> int:
        """The first value as a whole number."""
        try:
            return int(self.text(tag))
        except ValueError:
            return default

    def rewritten(self, changes: Iterable[Field | tuple[int, bytes]], removed: Iterable[int] = ()) -> bytes:
        """The header without file meta, with elements replaced, added or removed, ordered by tag.

        A change is a field, or a tag and the whole encoded element.
        """
        new: dict[int, bytes] = {}
        for change in changes:
            if isinstance(change, Field):
                new[change.tag] = self.encoding.encode_field(change)
            else:
                new[change[0]] = change[1]
        gone = {*removed, *new}
        parts = []
        waiting = sorted(new)
        for element in sorted(self.elements.values(), key=lambda element: element.start):
            while waiting and waiting[0] <= element.tag:
                parts.append(new[waiting.pop(0)])
            if element.tag not in gone:
                parts.append(self.buffer[element.start : element.end])
        parts += [new[tag] for tag in waiting]
        return b"".join(parts)


def read_instance(data: bytes, *, closing: bool = True) -> InstanceElements | None:
    """The elements of an instance, or of its beginning; None if more bytes are needed, unless `closing`.

    Raises InvalidDataSetError if it cannot be parsed.
    """
    found = read_file_meta(data, closing=closing)
    if found is None:
        return None
    meta, start = found
    if meta.is_deflated:
        inflated = _inflated(data[start:], closing=closing)
        if inflated is None:
            return None
        data = data[:start] + inflated
        meta = meta._replace(transfer_syntax_uid=EXPLICIT_VR_LITTLE_ENDIAN)
    elements: dict[int, TopElement] = {}
    position = start
    try:
        while position < len(data):
            if len(data) - position < 8 and not any(data[position:]):
                break
            element = _element(data, position, meta.encoding)
            if element.tag in _PIXEL_TAGS:
                return InstanceElements(data, meta, start, elements, element, True)
            if element.end > len(data):
                raise struct.error  # noqa: TRY301
            elements[element.tag] = element
            position = element.end
    except struct.error:
        if closing:
            raise InvalidDataSetError("the instance is cut off in the middle of an element") from None
        return None
    return InstanceElements(data, meta, start, elements, None, True) if closing else None


def _element(data: bytes, position: int, encoding: Encoding) -> TopElement:
    key, length = encoding.head.unpack_from(data, position)
    group, number = encoding.tag.unpack_from(key)
    tag, vr, value, inner = group << 16 | number, "", position + 8, encoding
    if encoding.implicit:
        vr = dictionary.vr_of(tag) or "UN"
    else:
        vr = key[4:].decode("latin-1")
        if vr in LONG_VRS:
            (length,) = encoding.u32.unpack_from(data, position + 8)
            value += 4
        if vr == "UN":
            inner = IMPLICIT_LITTLE
    if tag in _PIXEL_TAGS:
        return TopElement(tag, vr, position, value, -1 if length == UNDEFINED else value + length)
    end = end_of_sequence(data, value, inner, _DEPTH) if length == UNDEFINED else value + length
    return TopElement(tag, vr, position, value, end)


def _inflated(data: bytes, *, closing: bool) -> bytes | None:
    """The whole data set; a deflated one is never streamed."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflate.decompress(data, _INFLATED_BYTES)
    except zlib.error:
        raise InvalidDataSetError("the deflated data set cannot be inflated") from None
    if inflate.eof:
        return inflated
    if closing or len(inflated) >= _INFLATED_BYTES:
        raise InvalidDataSetError("the deflated data set is cut off, or too long")
    return None
