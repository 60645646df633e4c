"""Part 10 instances from the metadata and bulk data of a store request (PS3.18 Sections 8.6 and 10.5.1).

The metadata comes first. A value that is not in it is in a part of its own, whose Content-Location is the BulkDataURI.
All bulk data of a request is kept in one temporary file without a name. Nothing is de-identified here: the instances
are processed like any other.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from dicomveil_engine import InstanceIdentity, InvalidDataSetError
from dicomveil_engine.json_model.object_text import ObjectText
from dicomveil_engine.part10.encoding import EXPLICIT_LITTLE, LONG_VRS, UNDEFINED
from dicomveil_engine.part10.file_meta import EXPLICIT_VR_LITTLE_ENDIAN, FileMeta
from dicomveil_proxy.transactions.store.header import Header, vr_of
from dicomveil_proxy.translation.translation import identity_of
from dicomveil_proxy.wire.media_type import OCTET_STREAM

_PIXELS = ("7FE00008", "7FE00009", "7FE00010")
_PIXEL_VRS = frozenset(("OB", "OW", "OF", "OD"))
_NUMBER_OF_FRAMES = "00280008"
_NEEDED = frozenset((*_PIXELS, _NUMBER_OF_FRAMES, "00080016", "00080018", "0020000D", "0020000E"))
_CHUNK = 1 << 18
_ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
_ITEM_HEAD = struct.Struct("<HHI")
_SEQUENCE_END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


@dataclass(frozen=True)
class Bulk:
    """A value in the file of bulk data."""

    start: int
    size: int
    media_type: str
    transfer_syntax: str | None


class BulkData:
    """The bulk data of a request, by Content-Location."""

    def __init__(self, file: IO[bytes], header_bytes: int) -> None:
        self._file = file
        self._header_bytes = header_bytes
        self._parts: dict[str, Bulk] = {}

    def add(self, name: str, bulk: Bulk) -> None:
        """Add a part that has been received."""
        self._parts[name] = bulk

    def find(self, uri: object) -> Bulk:
        """The part with this BulkDataURI. Raises InvalidDataSetError."""
        found = self._parts.get(uri.strip()) if isinstance(uri, str) else None
        if found is None:
            raise InvalidDataSetError("a BulkDataURI names no part of the request")
        return found

    def value(self, uri: object) -> bytes:
        """A value that becomes part of the header. Raises InvalidDataSetError."""
        bulk = self.find(uri)
        if bulk.size > self._header_bytes:
            raise InvalidDataSetError("a value is longer than limits.header_bytes")
        return b"".join(self.chunks(bulk))

    def chunks(self, bulk: Bulk) -> Iterator[bytes]:
        """A value in chunks."""
        self._file.seek(bulk.start)
        left = bulk.size
        while left and (chunk := self._file.read(min(left, _CHUNK))):
            left -= len(chunk)
            yield chunk


def part10(dataset: ObjectText, bulk_data: BulkData) -> Iterator[bytes]:
    """The chunks of a Part 10 instance, some of which are empty: none takes long. Raises InvalidDataSetError."""
    known = _known(dataset)
    kinds = [key for key in _PIXELS if key in known]
    if len(kinds) > 1:
        raise InvalidDataSetError("there are several kinds of pixel data")
    syntax, pixels = EXPLICIT_VR_LITTLE_ENDIAN, int(_PIXELS[0], 16)
    body: Iterator[bytes] = iter(())
    apart = ""
    for key in kinds:
        pixels = int(key, 16)
        vr_of(pixels, known[key], _PIXEL_VRS)
        if "BulkDataURI" in known[key]:
            syntax, body = _bulk_pixels(pixels, known, bulk_data)
            apart = key
    header = Header(bulk_data.value)
    try:
        for _ in header.take(member for member in _plain_keys(dataset) if member[0] != apart):
            yield b""
    except RecursionError:
        raise InvalidDataSetError("the sequences of the metadata are nested too deep") from None
    yield _file_meta(identity_of(known), syntax)
    yield from header.between(end=pixels)
    yield from body
    yield from header.between(pixels)


def identity(dataset: ObjectText) -> InstanceIdentity:
    """The UIDs of the instance."""
    return identity_of(_known(dataset))


def _known(dataset: ObjectText) -> dict[str, Any]:
    """The elements that are needed before the others are read."""
    needed = ((key, element) for key, element in _plain_keys(dataset) if key in _NEEDED)
    return {key: dict(element.items()) if isinstance(element, ObjectText) else element for key, element in needed}


def _plain_keys(dataset: ObjectText) -> Iterator[tuple[str, Any]]:
    return ((key.upper(), element) for key, element in dataset.items())


def _file_meta(identity: InstanceIdentity, syntax: str) -> bytes:
    try:
        return FileMeta(syntax, identity.sop_class_uid, identity.sop_instance_uid).encoded()
    except (UnicodeError, struct.error):
        raise InvalidDataSetError(
            "the transfer syntax, (0008,0016) SOPClassUID or (0008,0018) SOPInstanceUID is not valid as a UID"
        ) from None


def _bulk_pixels(tag: int, header: dict[str, Any], bulk_data: BulkData) -> tuple[str, Iterator[bytes]]:
    """The transfer syntax, and the chunks of the element with the pixel data, which is a part of the request."""
    element = header[f"{tag:08X}"]
    bulk = bulk_data.find(element["BulkDataURI"])
    vr, padding = element["vr"], b"\0" * (bulk.size % 2)
    syntax = bulk.transfer_syntax or EXPLICIT_VR_LITTLE_ENDIAN
    if syntax == EXPLICIT_VR_LITTLE_ENDIAN and bulk.media_type == OCTET_STREAM:
        head, tail = _head(tag, vr, bulk.size + len(padding)), padding
    elif bulk.media_type.startswith("image/") and syntax != EXPLICIT_VR_LITTLE_ENDIAN and _has_one_frame(header):
        # An empty Basic Offset Table and one fragment (PS3.5 Section A.4).
        head = _head(tag, "OB", UNDEFINED) + _ITEM + _ITEM_HEAD.pack(0xFFFE, 0xE000, bulk.size + len(padding))
        tail = padding + _SEQUENCE_END
    else:
        raise InvalidDataSetError(
            "pixel data comes as application/octet-stream, or one frame as an image with its transfer-syntax"
        )
    return syntax, _joined(head, bulk_data.chunks(bulk), tail)


def _has_one_frame(header: dict[str, Any]) -> bool:
    element = header.get(_NUMBER_OF_FRAMES)
    values = element.get("Value") if isinstance(element, dict) else None
    return not values or (isinstance(values, list) and str(values[0]) == "1")


def _joined(head: bytes, chunks: Iterator[bytes], tail: bytes) -> Iterator[bytes]:
    yield head
    yield from chunks
    yield tail


def _head(tag: int, vr: str, length: int) -> bytes:
    assert vr in LONG_VRS
    return EXPLICIT_LITTLE.element_head(EXPLICIT_LITTLE.key_of(tag, vr), length)
