"""The elements of an instance in explicit VR little endian, from a data set in DICOM JSON.

Values are encoded as they are, whether they identify the patient or not: the instance is de-identified afterwards, like
any other. A value that cannot be encoded is an error that names the attribute. Elements are read and encoded one at a
time, so that a long header is in memory as text and as bytes, not as objects.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import re
import struct
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from dicomveil_engine import InvalidDataSetError
from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes.well_known import SPECIFIC_CHARACTER_SET
from dicomveil_engine.errors import DeidentificationError
from dicomveil_engine.json_model.elements import decoded
from dicomveil_engine.json_model.object_text import ArrayText, ObjectText
from dicomveil_engine.methods.base import BYTES_VRS, TEXT_VRS
from dicomveil_engine.part10.encoding import DELIMITER_GROUP, EXPLICIT_LITTLE, LONG_VRS

ReadBulkData = Callable[[object], bytes]
"""BulkDataURI → the value. Raises InvalidDataSetError if there is none."""
Members = Iterable[tuple[str, Any]]
"""The members of a data set in any order: keys, and elements as dict or ObjectText."""

_UTF_8 = ("utf-8",)
_CHARACTER_SET = EXPLICIT_LITTLE.element_head(EXPLICIT_LITTLE.key_of(SPECIFIC_CHARACTER_SET, "CS"), 10) + b"ISO_IR 192"
"""JSON is in UTF-8 (RFC 8259), and so is the instance that is written."""
_ITEM = EXPLICIT_LITTLE.item_tag
_KEY = re.compile("[0-9A-Fa-f]{8}")
_FIRST_GROUP = 0x0008
_LONGEST_SHORT = 0xFFFF
_VALUE_MEMBERS = frozenset(("Value", "InlineBinary", "BulkDataURI"))
_PIECE = 1 << 16
_BEHIND = 1 << 32
"""Behind all tags."""
_LONGEST_DS = 16
"""Characters (PS3.5 Section 6.2)."""


class Header:
    """The encoded elements of a data set, or of an item."""

    def __init__(self, bulk_data: ReadBulkData, *, is_item: bool = False) -> None:
        self._bulk_data = bulk_data
        self._encoded = bytearray()
        self._tags = array("L")
        self._ends = array("Q")
        self._order: Sequence[int] = ()
        if not is_item:  # the character set of the data set is that of its items
            self._add(SPECIFIC_CHARACTER_SET, _CHARACTER_SET)

    def take(self, members: Members) -> Iterator[None]:
        """Encode the elements but (0008,0005); other work can be done after each 64 KiB. Raises InvalidDataSetError."""
        taken = 0
        for key, element in members:
            tag = tag_of(key)
            if tag >> 16 == DELIMITER_GROUP:
                raise InvalidDataSetError("the metadata has an item or a delimiter as an element")
            # A group length (PS3.5 Section 7.2) would no longer be right.
            if tag != SPECIFIC_CHARACTER_SET and tag >> 16 >= _FIRST_GROUP and tag & 0xFFFF:
                self._add(tag, _element(tag, element, self._bulk_data))
            if len(self._encoded) - taken > _PIECE:
                taken = len(self._encoded)
                yield
        self._order = range(len(self._tags))
        if not all(one < other for one, other in itertools.pairwise(self._tags)):
            self._order = sorted(self._order, key=self._tags.__getitem__)
            if any(self._tags[one] == self._tags[other] for one, other in itertools.pairwise(self._order)):
                raise InvalidDataSetError("the metadata has an element twice")

    def _add(self, tag: int, element: bytes) -> None:
        self._encoded += element
        self._tags.append(tag)
        self._ends.append(len(self._encoded))

    def between(self, first: int = 0, end: int = _BEHIND) -> Iterator[bytes]:
        """The elements in ascending order, from the tag `first` to before the tag `end`, in pieces of up to 64 KiB."""
        begin, until = (bisect_left(self._order, tag, key=self._tags.__getitem__) for tag in (first, end))
        elements = self._encoded
        place, stop = self._begin(begin), self._begin(until)
        if not isinstance(self._order, range):
            elements = bytearray()
            for number in self._order[begin:until]:
                elements += self._encoded[self._begin(number) : self._ends[number]]
            place, stop = 0, len(elements)
        for start in range(place, stop, _PIECE):
            yield bytes(elements[start : min(start + _PIECE, stop)])

    def _begin(self, number: int) -> int:
        return self._ends[number - 1] if number else 0


def tag_of(key: str) -> int:
    """The tag of a key. Raises InvalidDataSetError."""
    if not _KEY.fullmatch(key):
        raise InvalidDataSetError("the metadata has a key that is not a tag")
    return int(key, 16)


def vr_of(tag: int, element: object, allowed: frozenset[str] = dictionary.VRS) -> str:
    """The VR of an element. Raises InvalidDataSetError if it is none of these, or the element has several values."""
    if not isinstance(element, dict) or not isinstance(vr := element.get("vr"), str) or vr not in allowed:
        raise InvalidDataSetError(f"{dictionary.described(tag)} has no VR, or one that it cannot have")
    if len(element.keys() & _VALUE_MEMBERS) > 1:
        raise InvalidDataSetError(f"{dictionary.described(tag, vr)} has its value twice")
    return vr


def _element(tag: int, element: Any, bulk_data: ReadBulkData) -> bytes:
    if isinstance(element, ObjectText):
        element = dict(element.items())
    vr = vr_of(tag, element)
    if vr in BYTES_VRS and element.get("Value"):
        raise InvalidDataSetError(f"{dictionary.described(tag, vr)} has a Value (PS3.18 Table F.2.3-1: InlineBinary)")
    value = _value(tag, vr, element, bulk_data)
    if len(value) > _LONGEST_SHORT and vr not in LONG_VRS:
        vr = "UN"  # PS3.5 Section 6.2.2: a value that is too long for the explicit encoding of its VR
    return EXPLICIT_LITTLE.element_head(EXPLICIT_LITTLE.key_of(tag, vr), len(value)) + value


def _value(tag: int, vr: str, element: dict[str, Any], bulk_data: ReadBulkData) -> bytes:
    if "BulkDataURI" in element:
        return _even(vr, bulk_data(element["BulkDataURI"]))
    try:
        if "InlineBinary" in element:
            return _even(vr, base64.b64decode(str(element["InlineBinary"]), validate=True))
        values = element.get("Value", ())
        if vr == "SQ":
            return b"".join(_item(item, bulk_data) for item in values)
        if isinstance(values, ArrayText):
            values = [*values]
        if vr in _WRITTEN_AS_TEXT and isinstance(values, list):
            values = [*map(_WRITTEN_AS_TEXT[vr], values)]
        return EXPLICIT_LITTLE.encode(vr, decoded({"vr": vr, "Value": values}, tag, vr, _UTF_8), _UTF_8)
    except InvalidDataSetError:
        raise
    except (ValueError, TypeError, OverflowError, struct.error, binascii.Error, DeidentificationError):
        raise InvalidDataSetError(f"{dictionary.described(tag, vr)} has a value that is not of its VR") from None


def _item(item: Any, bulk_data: ReadBulkData) -> bytes:
    """An item; null is an empty one (PS3.18 Section F.2.5)."""
    members = {} if item is None else item
    if not isinstance(members, dict | ObjectText):
        raise TypeError
    header = Header(bulk_data, is_item=True)
    for _ in header.take(members.items()):
        pass
    content = b"".join(header.between())
    return b"".join((_ITEM, EXPLICIT_LITTLE.u32.pack(len(content)), content))


def _even(vr: str, value: bytes) -> bytes:
    if not len(value) % 2:
        return value
    return value + (b" " if vr in TEXT_VRS and vr != "UI" else b"\0")


def _decimal_string(value: object) -> object:
    """A number as DS, with the digits that it may have; other values as they are."""
    if not isinstance(value, float | int) or isinstance(value, bool):
        return value
    if not float("-inf") < value < float("inf"):
        raise ValueError("not a number that DS can write")
    candidates: Iterable[str] = (repr(value), *(f"{value:.{digits}G}" for digits in range(_LONGEST_DS, 0, -1)))
    return next(text for text in candidates if len(text) <= _LONGEST_DS)


def _integer_string(value: object) -> object:
    """A whole number as IS, also if it is written as `1.0`; other values as they are."""
    if not isinstance(value, float):
        return value
    if not value.is_integer():
        raise ValueError("not a whole number")
    return int(value)


_WRITTEN_AS_TEXT: dict[str, Callable[[object], object]] = {"DS": _decimal_string, "IS": _integer_string}
