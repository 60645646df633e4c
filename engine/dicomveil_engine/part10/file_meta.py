"""File Meta Information (PS3.10 Section 7.1): reading it, and writing that of the output.

Preamble and file meta information are replaced (PS3.15 Section E.1.1): AE titles, private information and the name of
the writing implementation never pass.
"""

from __future__ import annotations

import re
import struct
from functools import lru_cache
from typing import NamedTuple

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.bounded_cache import of_values
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.part10.encoding import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    LONG_VRS,
    Encoding,
)
from dicomveil_engine.rewriting.fields import Field

PREAMBLE_BYTES = 128
PREFIX = b"DICM"

IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"

IMPLEMENTATION_CLASS_UID = "2.25.239185216087486912836113164117093417113"
IMPLEMENTATION_VERSION_NAME = "DICOMVEIL_1"

_LONGEST = 1 << 16
"""Bytes of file meta information that are read; it usually has a few hundred."""
_GROUP = b"\x02\x00"
_SOP_CLASS_UID, _SOP_INSTANCE_UID, _TRANSFER_SYNTAX_UID = 0x0002, 0x0003, 0x0010
_ASKED = frozenset((_SOP_CLASS_UID, _SOP_INSTANCE_UID, _TRANSFER_SYNTAX_UID))
"""The elements of group 0002 that are read."""
_KINDS_CACHED = 256
_COMMAND_GROUP_LENGTH = bytes(4) + b"\4\0\0\0"
"""(0000,0000) in implicit VR."""
_COMMANDS = b"\0\0"
_LONGEST_HEAD = 12
_FIRST_ELEMENT = 6
"""Bytes of the data set from which its encoding is recognised."""
_TRANSFER_SYNTAX = re.compile(r"1\.2\.840\.10008\.1\.2(?:\.\d{1,2}(?:\.\d{1,3})?)?", re.ASCII)
"""The form of all transfer syntaxes of PS3.5 Annex A, too short to hold an identifier. Others are refused."""


class FileMeta(NamedTuple):
    """The file meta information that is needed before the data set."""

    transfer_syntax_uid: str
    sop_class_uid: str = ""
    sop_instance_uid: str = ""

    @property
    def is_deflated(self) -> bool:
        """Whether the data set is compressed as a whole (PS3.5 Section A.5)."""
        return self.transfer_syntax_uid == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN

    @property
    def encoding(self) -> Encoding:
        """The encoding of the elements of the data set."""
        if self.transfer_syntax_uid == IMPLICIT_VR_LITTLE_ENDIAN:
            return IMPLICIT_LITTLE
        return EXPLICIT_BIG if self.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN else EXPLICIT_LITTLE

    def encoded(self) -> bytes:
        """A preamble of zeros, the prefix, and the file meta information of the output."""
        before, after = _around_instance(self.sop_class_uid, self.transfer_syntax_uid)
        instance = _uid(_SOP_INSTANCE_UID, self.sop_instance_uid)
        length = EXPLICIT_LITTLE.u32.pack(len(before) + len(instance) + len(after))
        return b"".join((_BEGINNING, length, before, instance, after))


_HEAD = struct.Struct("<HH2sH")
_BEGINNING = bytes(PREAMBLE_BYTES) + PREFIX + b"\2\0\0\0UL\4\0"
_VERSION = EXPLICIT_LITTLE.encode_field(Field(0x00020001, "OB", b"\0\1"))
_IMPLEMENTATION = EXPLICIT_LITTLE.encode_fields(
    (
        Field(0x00020012, "UI", [IMPLEMENTATION_CLASS_UID]),
        Field(0x00020013, "SH", [IMPLEMENTATION_VERSION_NAME]),
    )
)


@lru_cache(_KINDS_CACHED)
def _around_instance(sop_class_uid: str, transfer_syntax_uid: str) -> tuple[bytes, bytes]:
    """The elements before and after the SOP Instance UID."""
    sop_class = _uid(_SOP_CLASS_UID, sop_class_uid)
    return _VERSION + sop_class, _uid(_TRANSFER_SYNTAX_UID, transfer_syntax_uid) + _IMPLEMENTATION


def _uid(element: int, uid: str) -> bytes:
    value = uid.encode("ascii")
    if len(value) % 2:
        value += b"\0"
    return _HEAD.pack(0x0002, element, b"UI", len(value)) + value


def read_file_meta(data: bytes | bytearray, *, closing: bool) -> tuple[FileMeta, int] | None:
    """The file meta information and the beginning of the data set; None when more bytes are needed.

    An instance without preamble or file meta information is accepted if its first element is unambiguous.
    Raises InvalidDataSetError for data that is not a DICOM instance or has an unknown transfer syntax.
    """
    if len(data) < PREAMBLE_BYTES + 4 and not closing:
        return None
    start = PREAMBLE_BYTES + 4 if data[PREAMBLE_BYTES : PREAMBLE_BYTES + 4] == PREFIX else 0
    if start == 0 and data[:4] == PREFIX:
        start = 4  # the preamble was cut off
    if data[start : start + 2] != _GROUP:
        if len(data) < start + _LONGEST_HEAD and not closing:
            return None
        try:
            start = _behind_commands(data, start)
        except struct.error:
            if closing or len(data) > _LONGEST:
                raise InvalidDataSetError("the command group at the beginning is cut off") from None
            return None
        if len(data) < start + _FIRST_ELEMENT and not closing:
            return None
        return _without_meta(data, start), start
    try:
        values, end = _known_group(data, start) or _read_group(data, start)
    except struct.error:
        if closing or len(data) > _LONGEST:
            raise InvalidDataSetError("the file meta information is cut off") from None
        return None
    if len(data) < end + _FIRST_ELEMENT and not closing:
        return None
    syntax = values.get(_TRANSFER_SYNTAX_UID, "")
    if not syntax:
        return _checked(_without_meta(data, end), data, end), end
    if not _TRANSFER_SYNTAX.fullmatch(syntax):
        raise InvalidDataSetError("(0002,0010) TransferSyntaxUID names no transfer syntax of PS3.5")
    meta = FileMeta(syntax, values.get(_SOP_CLASS_UID, ""), values.get(_SOP_INSTANCE_UID, ""))
    return _checked(meta, data, end), end


_VRS = frozenset(vr.encode() for vr in dictionary.VRS)
_LONG_VRS = frozenset(vr.encode() for vr in LONG_VRS)


_INSTANCE_HEAD = b"\x02\x00\x03\x00UI"
_GROUPS_CACHED = 64
_LONGEST_CACHED = 1 << 10


@of_values
@lru_cache(_GROUPS_CACHED)
def _groups_with(beginning: bytes) -> list[tuple[dict[int, str], bytes]]:  # noqa: ARG001
    """A cache: beginning of a group up to its SOP Instance UID → its other values, and the bytes after that UID.

    The list is empty until `_learn_group` fills it.
    """
    return []


def _known_group(data: bytes | bytearray, start: int) -> tuple[dict[int, str], int] | None:
    """The result of `_read_group` from the cache, if only the SOP Instance UID differs."""
    at = data.find(_INSTANCE_HEAD, start, start + _LONGEST_CACHED)
    known = _groups_with(bytes(data[start:at])) if at >= 0 else None
    if not known:
        return None
    values, behind = known[0]
    value_at = at + 8
    after = value_at + int.from_bytes(data[at + 6 : value_at], "little")
    end = after + len(behind)
    # By slices, since a memory-mapped file has no `startswith`.
    if data[after:end] != behind or len(data) < end + 2 or data[end : end + 2] == _GROUP:
        return None
    return {_SOP_INSTANCE_UID: data[value_at:after].decode("latin-1").strip(" \0"), **values}, end


def _learn_group(data: bytes | bytearray, start: int, at: int, after: int, end: int, values: dict[int, str]) -> None:
    """Cache a group whose SOP Instance UID is the element at [at, after)."""
    if end - start > _LONGEST_CACHED or data.find(_INSTANCE_HEAD, start) != at:
        return
    others = {element: value for element, value in values.items() if element != _SOP_INSTANCE_UID}
    _groups_with(bytes(data[start:at]))[:] = [(others, bytes(data[after:end]))]


def _read_group(data: bytes | bytearray, position: int) -> tuple[dict[int, str], int]:
    """The needed values of group 0002, and its end. Some writers encode it in implicit VR, against PS3.10 Section 7.1.

    Some write the group twice with different transfer syntaxes; readers use the first.
    """
    values: dict[int, str] = {}
    start, instance = position, (-1, -1)
    while data[position : position + 2] == _GROUP:
        _, element, vr, length = _HEAD.unpack_from(data, position)
        position += 8
        is_uid = vr == b"UI"
        if vr in _LONG_VRS:
            (length,) = EXPLICIT_LITTLE.u32.unpack_from(data, position)
            position += 4
        elif vr not in _VRS:
            (length,) = EXPLICIT_LITTLE.u32.unpack_from(data, position - 4)
            is_uid = True
        if length > _LONGEST:
            raise InvalidDataSetError("the file meta information has an element that is too long, or in an unknown VR")
        if position + length > len(data):
            raise struct.error
        if element in _ASKED and is_uid:
            if element == _SOP_INSTANCE_UID and vr == b"UI" and element not in values:
                instance = position - 8, position + length
            values.setdefault(element, data[position : position + length].decode("latin-1").strip(" \0"))
        position += length
    if position + 2 > len(data):
        raise struct.error
    if instance[0] >= 0:
        _learn_group(data, start, *instance, position, values)
    return values, position


def _behind_commands(data: bytes | bytearray, start: int) -> int:
    """The beginning of the data set after a command group, which some programs write to files with it.

    Its elements are in implicit VR little endian (PS3.7 Section 6.3.1). The group length is not relied on.
    """
    if data[start : start + 8] != _COMMAND_GROUP_LENGTH:
        return start
    position = start
    while data[position : position + 2] == _COMMANDS:
        (length,) = EXPLICIT_LITTLE.u32.unpack_from(data, position + 4)
        if length > _LONGEST:
            raise InvalidDataSetError("the command group at the beginning has an element that is too long")
        position += 8 + length
    if position + 2 > len(data):
        raise struct.error
    return position


def _without_meta(data: bytes | bytearray, start: int) -> FileMeta:
    """Recognise the encoding from the first element, which is of group 0008 in nearly all data sets."""
    group = bytes(data[start : start + 2])
    vr = bytes(data[start + 4 : start + 6]).decode("latin-1")
    if group in {b"\x08\x00", b"\x04\x00"}:
        return FileMeta(EXPLICIT_VR_LITTLE_ENDIAN if vr in dictionary.VRS else IMPLICIT_VR_LITTLE_ENDIAN)
    if group == b"\x00\x08" and vr in dictionary.VRS:
        return FileMeta(EXPLICIT_VR_BIG_ENDIAN)
    raise InvalidDataSetError("this is not a DICOM instance: neither file meta information nor a data set begins here")


def _checked(meta: FileMeta, data: bytes | bytearray, start: int) -> FileMeta:
    """Correct the transfer syntax if a writer declares explicit VR and writes implicit VR, or the reverse.

    Only for the two native little endian syntaxes, which differ in nothing else.
    """
    vr = data[start + 4 : start + 6]
    if len(vr) < 2 or meta.transfer_syntax_uid not in {IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN}:
        return meta
    actual = EXPLICIT_VR_LITTLE_ENDIAN if vr in _VRS else IMPLICIT_VR_LITTLE_ENDIAN
    return meta if actual == meta.transfer_syntax_uid else meta._replace(transfer_syntax_uid=actual)
