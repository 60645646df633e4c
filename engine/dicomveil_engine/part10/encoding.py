"""How elements are encoded: byte order, explicit or implicit VR (PS3.5 Section 7)."""

from __future__ import annotations

import struct
import sys
from array import array
from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from dicomveil_engine.attributes import characters
from dicomveil_engine.errors import DeidentificationError
from dicomveil_engine.methods.base import SINGLE_TEXT_VRS, TEXT_VRS, Values
from dicomveil_engine.rewriting.fields import Field, Item

UNDEFINED = 0xFFFFFFFF
DELIMITER_GROUP = 0xFFFE
ITEM = 0xFFFEE000
ITEM_END = 0xFFFEE00D

LONG_VRS = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"))
"""Explicit VRs with two reserved bytes and a length of 32 bits (PS3.5 Section 7.1.2)."""

_LONG_KEYS = frozenset(vr.encode() for vr in LONG_VRS)

CHARACTER_SET_VRS = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UT"))
"""VRs to which Specific Character Set applies; other text is in the default repertoire (PS3.5 Section 6.1.2.3)."""

_NUMBERS = {"AT": "H", "FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
WORD_BYTES = {"OD": 8, "OF": 4, "OL": 4, "OV": 8, "OW": 2}


@dataclass(frozen=True, eq=False, repr=False)
class Encoding:
    """One of the three encodings of elements."""

    name: str
    big: bool
    implicit: bool
    head: Struct
    """Reads the key (tag and, if explicit, VR) and a length of 16 bits if explicit, 32 if implicit."""
    u32: Struct
    u16: Struct
    tag: Struct
    item: Struct
    """Reads the encoded tag and the length of an item or delimiter."""
    item_tag: bytes
    sequence_end: bytes

    def key_of(self, tag: int, vr: str) -> bytes:
        """The key that `head` reads for this tag and VR."""
        key = self.tag.pack(tag >> 16, tag & 0xFFFF)
        return key if self.implicit else key + vr.encode()

    def element_head(self, key: bytes, length: int) -> bytes:
        """The bytes before a value."""
        if self.implicit:
            return key + self.u32.pack(length)
        if key[4:] in _LONG_KEYS:
            return key + b"\0\0" + self.u32.pack(length)
        if length > 0xFFFF:
            raise DeidentificationError(f"a new value is too long for its VR {key[4:].decode('latin-1')}")
        return key + self.u16.pack(length)

    def encode_fields(self, fields: Item) -> bytes:
        """Encode fields, whose text is ASCII."""
        return b"".join(map(self.encode_field, fields))

    def encode_field(self, entry: Field) -> bytes:
        """Encode a field, including its items."""
        key = self.key_of(entry.tag, entry.vr)
        if entry.vr == "SQ":
            value = self.encode_items(entry.items)
        else:
            value = self.encode(entry.vr, entry.values, characters.DEFAULT)
        return self.element_head(key, len(value)) + value

    def encode_items(self, items: tuple[Item, ...]) -> bytes:
        """Items of defined length."""
        encoded = map(self.encode_fields, items)
        return b"".join(self.tag.pack(0xFFFE, 0xE000) + self.u32.pack(len(item)) + item for item in encoded)

    def decode(self, vr: str, value: bytes, codecs: tuple[str, ...]) -> Values:
        """The values of an element. Raises ValueError if the length does not fit the VR."""
        if vr in TEXT_VRS:
            text = characters.decode(value, codecs) if vr in CHARACTER_SET_VRS else value.decode("latin-1")
            if "\\" not in text or vr in SINGLE_TEXT_VRS:
                text = text.rstrip(" \0")
                return [text] if text else []
            return [part.rstrip(" \0") for part in text.split("\\")]
        kind = _NUMBERS.get(vr)
        if kind is not None:
            numbers = array(kind)
            if numbers.itemsize != struct.calcsize("=" + kind) or len(value) % numbers.itemsize:
                raise ValueError("length does not fit the VR")
            numbers.frombytes(value)
            if self.big is (sys.byteorder == "little"):
                numbers.byteswap()
            if vr == "AT":
                return [group << 16 | element for group, element in zip(numbers[::2], numbers[1::2], strict=True)]
            return numbers.tolist()
        return self._little_endian(vr, value)

    def encode(self, vr: str, values: Values, codecs: tuple[str, ...]) -> bytes:
        """The bytes of values, padded to an even length."""
        if isinstance(values, bytes):
            value = self._little_endian(vr, values)
            return value + b"\0" if len(value) % 2 else value
        kind = _NUMBERS.get(vr)
        if kind is not None:
            if vr == "AT":
                values = [half for tag in values for half in (int(tag) >> 16, int(tag) & 0xFFFF)]
            return struct.pack(f"{'>' if self.big else '<'}{len(values)}{kind}", *values)
        text = "\\".join(map(str, values))
        encoded = characters.encode(text, codecs if vr in CHARACTER_SET_VRS else ("latin-1",))
        if len(encoded) % 2:
            encoded += b"\0" if vr == "UI" else b" "
        return encoded

    def _little_endian(self, vr: str, value: bytes) -> bytes:
        """Convert an O* value between this encoding and little endian, which methods use."""
        width = WORD_BYTES.get(vr, 1)
        if not self.big or width == 1:
            return value
        if len(value) % width:
            raise ValueError("length does not fit the VR")
        words = array({2: "H", 4: "I", 8: "Q"}[width], value)
        words.byteswap()
        return words.tobytes()


def _encoding(name: str, order: str, *, implicit: bool) -> Encoding:
    return Encoding(
        name,
        order == ">",
        implicit,
        Struct(f"{order}4sI" if implicit else f"{order}6sH"),
        Struct(f"{order}I"),
        Struct(f"{order}H"),
        Struct(f"{order}HH"),
        Struct(f"{order}4sI"),
        struct.pack(f"{order}HH", 0xFFFE, 0xE000),
        struct.pack(f"{order}HH", 0xFFFE, 0xE0DD),
    )


EXPLICIT_LITTLE = _encoding("explicit VR little endian", "<", implicit=False)
EXPLICIT_BIG = _encoding("explicit VR big endian", ">", implicit=False)
IMPLICIT_LITTLE = _encoding("implicit VR little endian", "<", implicit=True)


class Head(NamedTuple):
    """The head of an element, and the position of its value."""

    tag: int
    key: bytes
    """Tag and, if explicit, VR, as encoded."""
    value_at: int
    length: int
    values: Encoding
    """The encoding of items in the value; for UN, implicit VR little endian (PS3.5 Section 6.2.2)."""

    @property
    def vr(self) -> str:
        """The VR as encoded; empty in implicit VR."""
        return self.key[4:].decode("latin-1")


def read_head(buffer: bytes | bytearray, position: int, encoding: Encoding) -> Head:
    """Read the head of an element or delimiter. Raises struct.error if the buffer ends within it.

    `recursion`, `search` and `top_level` read heads inline, since a call would double their time per element.
    """
    key, length = encoding.head.unpack_from(buffer, position)
    group, element = encoding.tag.unpack_from(key)
    tag = group << 16 | element
    if group == DELIMITER_GROUP or encoding.implicit or key[4:] not in _LONG_KEYS:
        return Head(tag, key, position + 8, length, encoding)
    (length,) = encoding.u32.unpack_from(buffer, position + 8)
    return Head(tag, key, position + 12, length, IMPLICIT_LITTLE if key[4:] == b"UN" else encoding)
