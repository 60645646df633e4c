"""An instance in a file: its header is read, and the instance written again with another header.

Pixel data is not read here, only copied. Exceptions of pydicom become InvalidDataSetError, without their messages.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from dicomveil_engine import InstanceIdentity, InvalidDataSetError
from dicomveil_engine.part10.body import Body
from dicomveil_engine.part10.deflated import Inflater
from dicomveil_engine.part10.elements import read_elements
from dicomveil_engine.part10.encoding import LONG_VRS, UNDEFINED, Encoding
from dicomveil_engine.part10.file_meta import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    FileMeta,
    read_file_meta,
)
from dicomveil_proxy.pixels.frames import silence_pydicom
from dicomveil_proxy.settings.server import Limits
from dicomveil_proxy.wire.spool import Spool

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.tag import BaseTag

_FIRST_GROUP, _PIXEL_GROUP = 0x0008, 0x7FE0
_CUT_OFF = "the instance is cut off in the middle of Pixel Data"
_META_BYTES = 1 << 16
_CHUNK = 1 << 20


@dataclass
class Encoded:
    """An instance: its header in memory, its pixel data in the original file."""

    header: Dataset
    transfer_syntax_uid: str
    encoding: Encoding
    file: IO[bytes]
    position: int
    """Offset of the pixel data in the file."""

    @property
    def identity(self) -> InstanceIdentity:
        """The UIDs in the header. Raises InvalidDataSetError."""

        def uid(keyword: str) -> str:
            value = self.header.get(keyword)
            return value.strip(" \0") if isinstance(value, str) else ""

        with readable("the UIDs of the instance cannot be read"):
            return InstanceIdentity(
                uid("SOPClassUID"), uid("StudyInstanceUID"), uid("SeriesInstanceUID"), uid("SOPInstanceUID")
            )

    def check(self) -> None:
        """Raise InvalidDataSetError if the header is not encoded as PS3.5 requires.

        pydicom also reads invalid data sets, with guesses that must not be stored in an archive.
        """
        self.file.seek(0)
        for element in read_elements(self.file.read(self.position)):
            if element.vr == "SQ" and element.value:
                raise InvalidDataSetError("a sequence holds something that is not an item")

    def written(self) -> Spliced:
        """The instance as a file, with new file meta information (PS3.10 Section 7.1).

        Raises InvalidDataSetError if it cannot be written, or the pixel data is truncated.
        """
        from pydicom import dcmwrite  # noqa: PLC0415 - few requests need it
        from pydicom.dataset import FileMetaDataset  # noqa: PLC0415 - few requests need it

        with readable("the instance cannot be written again"):
            meta = FileMetaDataset()
            meta.MediaStorageSOPClassUID = self.identity.sop_class_uid
            meta.MediaStorageSOPInstanceUID = self.identity.sop_instance_uid
            meta.TransferSyntaxUID = self.transfer_syntax_uid
            meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
            meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
            self.header.file_meta = meta
            self.header.preamble = bytes(128)
            head = io.BytesIO()
            dcmwrite(head, self.header, enforce_file_format=True)
        return Spliced(
            head.getvalue(), self.file, self.position, _end_of_pixels(self.file, self.position, self.encoding)
        )


class Spliced(io.RawIOBase):
    """A readable file made of a header in memory and a range of another file."""

    def __init__(self, head: bytes, file: IO[bytes], start: int, end: int) -> None:
        self._head = head
        self._file = file
        self._start = start
        self.size = len(head) + end - start
        self._position = 0

    def readable(self) -> bool:
        """Always true."""
        return True

    def seekable(self) -> bool:
        """Always true."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """The current position."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, which is filled except at the end."""
        wanted = min(len(buffer), max(0, self.size - self._position))
        found = self._head[self._position : self._position + wanted]
        if len(found) < wanted:
            self._file.seek(self._start + max(0, self._position - len(self._head)))
            found += self._file.read(wanted - len(found))
        buffer[: len(found)] = found
        self._position += len(found)
        return len(found)


def read_instance(file: IO[bytes], limits: Limits) -> Encoded:
    """Read the header of a Part 10 instance; a deflated one is converted to explicit VR little endian.

    Raises InvalidDataSetError for an unreadable instance, or one over a limit.
    """
    file.seek(0)
    found = read_file_meta(file.read(_META_BYTES), closing=True)
    assert found is not None
    meta, start = found
    if meta.is_deflated:
        plain = _inflated(file, start, limits.origin_instance_bytes)
        try:
            return read_instance(plain, limits)
        except BaseException:
            plain.close()
            raise
    from pydicom import filereader  # noqa: PLC0415 - few requests need it

    file.seek(0)
    with readable("the header cannot be read, or is longer than limits.header_bytes"):
        bounded = _Bounded(file, limits.header_bytes)
        header = filereader.read_partial(cast(BinaryIO, bounded), stop_when=_at_pixels, force=True)
        position = file.tell()
        for tag in [tag for tag in header if tag.tag.group < _FIRST_GROUP]:  # command elements, invalid in an instance
            del header[tag.tag]
    return Encoded(header, meta.transfer_syntax_uid, meta.encoding, file, position)


class _Bounded:
    """A file of which at most `limit` bytes can be read. Raises EOFError beyond."""

    def __init__(self, file: IO[bytes], limit: int) -> None:
        self._file = file
        self._left = limit
        self.seek = file.seek
        self.tell = file.tell

    def read(self, size: int) -> bytes:
        self._left -= size
        if self._left < 0:
            raise EOFError
        return self._file.read(size)


def _at_pixels(tag: BaseTag, vr: str | None, length: int) -> bool:  # noqa: ARG001
    return bool(tag.group >= _PIXEL_GROUP)


def _end_of_pixels(file: IO[bytes], position: int, encoding: Encoding) -> int:
    """The end of group 7FE0. After it are only padding and signatures, which are no longer valid."""
    while True:
        file.seek(position)
        head = file.read(12)
        if len(head) < 8 or encoding.tag.unpack_from(head)[0] != _PIXEL_GROUP:
            return position
        _, length = encoding.head.unpack_from(head)
        size = 8
        if not encoding.implicit and head[4:6].decode("latin-1") in LONG_VRS:
            if len(head) < 12:
                raise InvalidDataSetError(_CUT_OFF)
            (length,) = encoding.u32.unpack_from(head, 8)
            size = 12
        position = _end_of_value(file, position + size, length, encoding)


def _end_of_value(file: IO[bytes], position: int, length: int, encoding: Encoding) -> int:
    body = Body(length, encoding)
    file.seek(position)
    if length != UNDEFINED:
        end = position + length
        if file.seek(0, os.SEEK_END) < end:
            raise InvalidDataSetError(_CUT_OFF)
        return end
    while not body.is_complete:
        chunk = file.read(_CHUNK)
        if not chunk:
            raise InvalidDataSetError(_CUT_OFF)
        position += body.feed(chunk)
    return position


def _inflated(file: IO[bytes], start: int, limit: int) -> IO[bytes]:
    """The instance in explicit VR little endian, in a file of its own (PS3.5 Section A.5)."""
    plain = Spool()
    try:
        plain.add((FileMeta(EXPLICIT_VR_LITTLE_ENDIAN).encoded(),))
        file.seek(start)
        plain.add(_inflated_pieces(file, limit))
    except BaseException:
        plain.close()
        raise
    return cast("IO[bytes]", plain)


def _inflated_pieces(file: IO[bytes], limit: int) -> Iterator[bytes]:
    total = 0
    inflater, piece = Inflater(), b"\0"
    while piece:
        piece = file.read(_CHUNK)
        for inflated in inflater.feed(piece, closing=not piece):
            total += len(inflated)
            if total > limit:
                raise InvalidDataSetError("the deflated data set is longer than limits.origin_instance_bytes")
            yield inflated


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Map exceptions of pydicom to InvalidDataSetError with the message `what`."""
    silence_pydicom()
    try:
        yield
    except Exception:  # noqa: BLE001 - pydicom raises exceptions of any kind, whose messages may quote values
        raise InvalidDataSetError(what) from None
