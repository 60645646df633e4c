"""Header values of plain instances, read without pydicom, whose import alone takes as long as reading 100 headers.

Plain means Part 10, explicit VR little endian, elements in ascending order, and printable ASCII in the wanted values.
For any other instance the functions return None, and the caller reads it with pydicom. Both give the same values.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Collection
from typing import Any

from dicomveil_engine import EngineError
from dicomveil_engine.part10.file_meta import PREAMBLE_BYTES, PREFIX, read_file_meta

HEAD_BYTES = 1 << 16
"""Bytes that are read of a file; most headers are shorter."""

_UNUSUAL = frozenset(("", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"))
"""Transfer syntaxes that are not plain: none given, implicit VR, big endian and deflated."""
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_SHORT = frozenset(
    (b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS",
     b"ST", b"TM", b"UI", b"UL", b"US")
)  # fmt: skip
_LISTS = frozenset(("AE", "AS", "CS", "DA", "DT", "LO", "SH", "TM", "UI"))
"""VRs whose values are strings in DICOM JSON, several separated by backslashes."""
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_CHARACTER_SET = 0x00080005
_VALUE = re.compile(rb"[!-~][ -~]*")
_INTEGER = re.compile("-?[0-9]{1,9}")
_DEEPEST = 16

_element = struct.Struct("<HH2sH").unpack_from
_u16 = struct.Struct("<H").unpack_from
_u32 = struct.Struct("<I").unpack_from


def plain_values(head: bytes, tags: Collection[int], *, whole: bool) -> tuple[str, dict[int, tuple[str, bytes]]] | None:
    """The transfer syntax, and the VR and bytes of each wanted element that exists; None if it is not plain.

    `head` is the start of a file, or the `whole` file.
    """
    if head[PREAMBLE_BYTES : PREAMBLE_BYTES + len(PREFIX)] != PREFIX:
        return None
    try:
        if (found := read_file_meta(head, closing=whole)) is None or found[0].transfer_syntax_uid in _UNUSUAL:
            return None
        values = _values(head, found[1], frozenset(tags), whole=whole)
    except (EngineError, struct.error):
        return None
    return None if values is None else (found[0].transfer_syntax_uid, values)


def _values(head: bytes, position: int, tags: frozenset[int], *, whole: bool) -> dict[int, tuple[str, bytes]] | None:
    values: dict[int, tuple[str, bytes]] = {}
    last, before, size = max(tags), 0, len(head)
    while position < size:
        group, number, vr, length = _element(head, position)
        tag = group << 16 | number
        if tag <= before:
            return None
        if tag > last:
            return values
        before = tag
        if vr in _SHORT:
            start = position + 8
        elif vr in _LONG:
            start, (length,) = position + 12, _u32(head, position + 8)
        else:
            return None
        if length == _UNDEFINED:
            if vr != b"SQ":
                return None
            position = _behind(head, start, 0)
        else:
            position = start + length
        if tag in tags:
            values[tag] = vr.decode("ascii"), head[start:position]
    return values if whole and position == size else None


def _behind(head: bytes, position: int, depth: int) -> int:
    """The position after a sequence of undefined length (PS3.5 Section 7.5). Raises struct.error."""
    if depth > _DEEPEST:
        raise struct.error
    while True:
        group, number, _, _ = _element(head, position)
        (length,) = _u32(head, position + 4)
        position += 8
        tag = group << 16 | number
        if tag == _SEQUENCE_END:
            return position
        if tag != _ITEM:
            raise struct.error
        position = _behind_item(head, position, depth) if length == _UNDEFINED else position + length


def _behind_item(head: bytes, position: int, depth: int) -> int:
    while True:
        group, number, vr, length = _element(head, position)
        if group << 16 | number == _ITEM_END:
            return position + 8
        if vr in _SHORT:
            position += 8 + length
        elif vr in _LONG:
            (length,) = _u32(head, position + 8)
            position += 12
            if length != _UNDEFINED:
                position += length
            elif vr == b"SQ":
                position = _behind(head, position, depth + 1)
            else:
                raise struct.error
        else:
            raise struct.error


def plain_text(value: bytes) -> str | None:
    """A single value without padding; None if it is empty, has several values, or is not printable ASCII."""
    text = value.rstrip(b" \0")
    return text.decode("ascii") if _VALUE.fullmatch(text) and b"\\" not in text else None


def plain_json(head: bytes, tags: Collection[int], *, whole: bool) -> dict[str, Any] | None:
    """The wanted elements and the character set as DICOM JSON (PS3.18 Annex F); None if it is not plain."""
    found = plain_values(head, {*tags, _CHARACTER_SET}, whole=whole)
    if found is None:
        return None
    made: dict[str, Any] = {}
    for tag, (vr, value) in found[1].items():
        try:
            element = _as_json(vr, value)
        except struct.error:
            return None
        if element is None:
            return None
        made[f"{tag:08X}"] = element
    return made


def _as_json(vr: str, value: bytes, depth: int = 0) -> dict[str, Any] | None:
    if vr == "SQ":
        items = _items(value, depth + 1)
        return None if items is None else {"vr": vr, "Value": items} if items else {"vr": vr}
    if vr == "US":
        return {"vr": vr, "Value": list(_u16(value))} if len(value) == 2 else None
    if not value:
        return {"vr": vr} if vr in _LISTS or vr in ("PN", "IS") else None
    texts = [plain_text(each) for each in value.split(b"\\")]
    plain = [text for text in texts if text is not None]
    if len(plain) < len(texts):
        return None
    if vr in _LISTS:
        return {"vr": vr, "Value": plain}
    if vr == "PN" and len(plain) == 1 and "=" not in plain[0]:
        return {"vr": vr, "Value": [{"Alphabetic": plain[0]}]}
    if vr == "IS" and all(map(_INTEGER.fullmatch, plain)):
        return {"vr": vr, "Value": [int(text) for text in plain]}
    return None


def _items(value: bytes, depth: int) -> list[dict[str, Any]] | None:
    """The items of a sequence (PS3.5 Section 7.5); None where one is not ordinary."""
    if depth > _DEEPEST:
        return None
    items: list[dict[str, Any]] = []
    position, size = 0, len(value)
    while position < size:
        group, number, _, _ = _element(value, position)
        (length,) = _u32(value, position + 4)
        position += 8
        tag = group << 16 | number
        if tag == _SEQUENCE_END:
            return items if position == size else None
        if tag != _ITEM:
            return None
        end = _behind_item(value, position, depth) if length == _UNDEFINED else position + length
        item = _item(value[position : end - 8 if length == _UNDEFINED else end], depth)
        if item is None or end > size:
            return None
        items.append(item)
        position = end
    return items


def _item(value: bytes, depth: int) -> dict[str, Any] | None:
    made: dict[str, Any] = {}
    position, before, size = 0, 0, len(value)
    while position < size:
        group, number, vr, length = _element(value, position)
        tag = group << 16 | number
        if tag <= before or group % 2 or tag == _CHARACTER_SET:
            return None
        before = tag
        if vr in _SHORT:
            start = position + 8
        elif vr == b"SQ":
            start, (length,) = position + 12, _u32(value, position + 8)
        else:
            return None
        position = _behind(value, start, depth) if length == _UNDEFINED else start + length
        element = _as_json(vr.decode("ascii"), value[start:position], depth)
        if element is None or position > size:
            return None
        made[f"{tag:08X}"] = element
    return made
