"""Part 10 instances from the metadata and bulk data of a store request (PS3.18 Sections 8.6 and 10.5.1).

The metadata comes first. A value that is not in it is in a part of its own, whose Content-Location is the BulkDataURI.
All bulk data of a request is kept in one temporary file without a name. Nothing is de-identified here: the instances
are processed like any other.

Exceptions of pydicom become InvalidDataSetError, without their messages, which may quote values.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from dicomveil_engine import InvalidDataSetError, JSONDataSet
from dicomveil_engine.json_model.values import decode
from dicomveil_engine.part10.encoding import EXPLICIT_LITTLE, LONG_VRS, UNDEFINED
from dicomveil_engine.part10.file_meta import EXPLICIT_VR_LITTLE_ENDIAN
from dicomveil_proxy.reidentification.encoded import readable
from dicomveil_proxy.translation.translation import identity_of
from dicomveil_proxy.wire.media_type import OCTET_STREAM

_PIXELS = ("7FE00008", "7FE00009", "7FE00010")
_PIXEL_VRS = frozenset(("OB", "OW", "OF", "OD"))
_NUMBER_OF_FRAMES = "00280008"
_UTF_8 = "ISO_IR 192"
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


def part10(dataset: JSONDataSet, bulk_data: BulkData) -> Iterator[bytes]:
    """The chunks of a Part 10 instance. Raises InvalidDataSetError."""
    header: dict[str, Any] = {key.upper(): element for key, element in dataset.items() if key >= "0008"}
    pixels = {key: header.pop(key) for key in _PIXELS if key in header}
    if len(pixels) > 1:
        raise InvalidDataSetError("there are several kinds of pixel data")
    syntax = EXPLICIT_VR_LITTLE_ENDIAN
    body: Iterator[bytes] = iter(())
    for key, element in pixels.items():
        syntax, body = _pixel_data(int(key, 16), element, bulk_data, header)
    yield _header(header, syntax, bulk_data)
    yield from body


def _pixel_data(tag: int, element: Any, bulk_data: BulkData, header: dict[str, Any]) -> tuple[str, Iterator[bytes]]:
    """The transfer syntax, and the chunks of the element with the pixel data."""
    with readable("(7FE0,0010) PixelData cannot be read"):
        vr = str(element["vr"])
        uri = element.get("BulkDataURI")
        inline = decode(element, vr, ()) if uri is None else b""
        frames = (header.get(_NUMBER_OF_FRAMES, {}).get("Value") or [1])[0]
    if vr not in _PIXEL_VRS or not isinstance(inline, bytes):
        raise InvalidDataSetError("(7FE0,0010) PixelData has another VR than OB or OW")
    if uri is None:
        inline += b"\0" * (len(inline) % 2)
        return EXPLICIT_VR_LITTLE_ENDIAN, iter((_head(tag, vr, len(inline)), inline))
    bulk = bulk_data.find(uri)
    padding = b"\0" * (bulk.size % 2)
    syntax = bulk.transfer_syntax or EXPLICIT_VR_LITTLE_ENDIAN
    if syntax == EXPLICIT_VR_LITTLE_ENDIAN and bulk.media_type == OCTET_STREAM:
        head, tail = _head(tag, vr, bulk.size + len(padding)), padding
    elif bulk.media_type.startswith("image/") and syntax != EXPLICIT_VR_LITTLE_ENDIAN and str(frames) == "1":
        # An empty Basic Offset Table and one fragment (PS3.5 Section A.4).
        head = _head(tag, "OB", UNDEFINED) + _ITEM + _ITEM_HEAD.pack(0xFFFE, 0xE000, bulk.size + len(padding))
        tail = padding + _SEQUENCE_END
    else:
        raise InvalidDataSetError(
            "pixel data comes as application/octet-stream, or one frame as an image with its transfer-syntax"
        )
    return syntax, _joined(head, bulk_data.chunks(bulk), tail)


def _joined(head: bytes, chunks: Iterator[bytes], tail: bytes) -> Iterator[bytes]:
    yield head
    yield from chunks
    yield tail


def _head(tag: int, vr: str, length: int) -> bytes:
    assert vr in LONG_VRS
    return EXPLICIT_LITTLE.element_head(EXPLICIT_LITTLE.key_of(tag, vr), length)


def _header(header: dict[str, Any], syntax: str, bulk_data: BulkData) -> bytes:
    from pydicom import Dataset, dcmwrite  # noqa: PLC0415 - few requests need it
    from pydicom.dataset import FileMetaDataset  # noqa: PLC0415 - few requests need it

    identity = identity_of(header)
    with readable("the metadata of an instance cannot be read"):
        dataset = Dataset.from_json(_in_one_character_set(header), bulk_data.value)
        dataset.SpecificCharacterSet = _UTF_8
        meta = dataset.file_meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = identity.sop_class_uid
        meta.MediaStorageSOPInstanceUID = identity.sop_instance_uid
        meta.TransferSyntaxUID = syntax
        file = io.BytesIO()
        dcmwrite(file, dataset, enforce_file_format=True)
        return file.getvalue()


def _in_one_character_set(dataset: dict[str, Any]) -> dict[str, Any]:
    """The data set without (0008,0005): JSON is in UTF-8 (RFC 8259), and so is the instance that is written."""
    changed = {key: element for key, element in dataset.items() if key != "00080005"}
    for key, element in changed.items():
        if element["vr"] == "SQ" and "Value" in element:
            changed[key] = {"vr": "SQ", "Value": [_in_one_character_set(item) for item in element["Value"]]}
    return changed
