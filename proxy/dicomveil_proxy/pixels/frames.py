"""Cut frames out of one stored instance.

Both origins use it: the folder always, the web origin where the origin server cannot deliver frames itself.
Nothing here decodes a pixel: a frame leaves in the transfer syntax it is stored in, except that big endian
and deflated data become little endian. Nothing here knows where the instance comes from.
"""

from __future__ import annotations

import logging
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any, BinaryIO

from pydicom import Dataset
from pydicom.encaps import generate_frames, get_frame
from pydicom.filereader import _read_file_meta_info, read_dataset, read_preamble

from dicomveil_proxy.errors import OriginMalformed, ProxyError, UnknownResource

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
_IMPLICIT_LITTLE = "1.2.840.10008.1.2"
_EXPLICIT_BIG = "1.2.840.10008.1.2.2"
_DEFLATED = "1.2.840.10008.1.2.1.99"
_NATIVE = frozenset((_IMPLICIT_LITTLE, EXPLICIT_LITTLE, _EXPLICIT_BIG, _DEFLATED))

_MEDIA_TYPES = {
    "1.2.840.10008.1.2.5": "image/dicom-rle",
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70)), "image/jpeg"),
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{n}" for n in (80, 81)), "image/jls"),
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{n}" for n in (90, 91)), "image/jp2"),
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{n}" for n in (92, 93)), "image/jpx"),
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{n}" for n in (110, 111, 112)), "image/jxl"),
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{n}" for n in (201, 202, 203)), "image/jphc"),
}
"""PS3.18 Table 8.7.3-5; every other syntax is application/octet-stream."""

_WORD_BYTES = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
_PIXEL_DATA = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_UNDEFINED = 0xFFFFFFFF
_ITEM = b"\xfe\xff\x00\xe0"
_SEQUENCE_DELIMITATION = b"\xfe\xff\xdd\xe0"
_READ_BYTES = 1 << 20
_ATTRIBUTES = [
    0x00280002,  # SamplesPerPixel
    0x00280004,  # PhotometricInterpretation
    0x00280008,  # NumberOfFrames
    0x00280010,  # Rows
    0x00280011,  # Columns
    0x00280100,  # BitsAllocated
    0x7FE00001,  # ExtendedOffsetTable
    0x7FE00002,  # ExtendedOffsetTableLengths
]


def silence_pydicom() -> None:
    """Keep pydicom and dicomweb-client from logging and warning: both put values into their messages."""
    for name in ("pydicom", "dicomweb_client"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        warnings.filterwarnings("ignore", module=rf"{name}(\.|$)")


@contextmanager
def malformed(what: str) -> Iterator[None]:
    """The border to pydicom: whatever it raises becomes OriginMalformed, without its message or its chain."""
    try:
        yield
    except ProxyError:
        raise
    except Exception:  # noqa: BLE001 - pydicom raises nearly anything, with values in the message
        raise OriginMalformed(what) from None


def to_little_endian(value: bytes, vr: str) -> bytes:
    """Swap the bytes of each word of a big endian value; the VR gives its length (PS3.5 Section 7.3)."""
    word = _WORD_BYTES.get(vr, 1)
    if word == 1:
        return value
    swapped = bytearray(value)
    whole = len(value) // word * word
    for position in range(word):
        swapped[position:whole:word] = value[word - 1 - position : whole : word]
    return bytes(swapped)


class StoredInstance:
    """Where the data set of an instance begins in an open file, and how it is encoded."""

    def __init__(self, file: BinaryIO, inflated_limit: int = 1 << 30) -> None:
        """Read the file meta information; raises OriginMalformed."""
        silence_pydicom()
        with malformed("the instance cannot be read"):
            file.seek(0)
            read_preamble(file, force=True)
            self.file_meta = _read_file_meta_info(file)
            self.transfer_syntax = str(self.file_meta.get("TransferSyntaxUID") or _guess(file))
            self.file = _inflate(file, inflated_limit) if self.transfer_syntax == _DEFLATED else file
            """Holds the data set as it is, inflated if it was deflated."""
            self.start = self.file.tell()
            self.is_little = self.transfer_syntax != _EXPLICIT_BIG

    def read(self, position: int | None = None, attributes: list[int] | None = None) -> Dataset:
        """The data set up to its pixel data, or from a position behind them; all of it or some attributes."""
        self.file.seek(self.start if position is None else position)
        return read_dataset(
            self.file,
            self.transfer_syntax == _IMPLICIT_LITTLE,
            self.is_little,
            stop_when=lambda tag, _vr, _length: tag in _PIXEL_DATA,
            specific_tags=attributes,
        )


class StoredFrames:
    """The pixel data of one instance in an open file, which stays the caller's."""

    def __init__(self, file: BinaryIO | StoredInstance, inflated_limit: int = 1 << 30) -> None:
        """Read the header; raises OriginMalformed, or UnknownResource where there is no pixel data."""
        instance = file if isinstance(file, StoredInstance) else StoredInstance(file, inflated_limit)
        with malformed("the instance cannot be read"):
            self._locate(instance)

    def _locate(self, instance: StoredInstance) -> None:
        self.transfer_syntax = instance.transfer_syntax
        self._little = instance.is_little
        self._file = file = instance.file
        self._header = instance.read(attributes=_ATTRIBUTES)
        head = file.read(8)
        order = "<" if self._little else ">"
        group, element, length = struct.unpack(f"{order}HHI", head) if len(head) == 8 else (0, 0, 0)
        self.tag: int = group << 16 | element
        if self.tag not in _PIXEL_DATA:
            raise UnknownResource("the instance has no pixel data")
        self.vr = "OW"
        if not self._header.original_encoding[0]:  # as found, which is not always as declared
            self.vr = head[4:6].decode("ascii")
            (length,) = struct.unpack(f"{order}I", file.read(4))
        self._offset = file.tell()
        self.length: int = length
        """Of the value, in bytes; meaningless when encapsulated."""
        # An undefined length says encapsulated even where the meta information says otherwise.
        self.encapsulated = self.transfer_syntax not in _NATIVE or length == _UNDEFINED
        self.count = max(1, int(self._header.get("NumberOfFrames") or 1))

    @property
    def content_type(self) -> str:
        """The media type of each frame, with its transfer syntax (PS3.18 Section 8.7.3)."""
        if not self.encapsulated:
            return f"application/octet-stream; transfer-syntax={EXPLICIT_LITTLE}"
        media_type = _MEDIA_TYPES.get(self.transfer_syntax, "application/octet-stream")
        return f"{media_type}; transfer-syntax={self.transfer_syntax}"

    def check(self, numbers: Sequence[int]) -> None:
        """Raise UnknownResource unless the instance has all these frames, counted from 1."""
        if not all(1 <= number <= self.count for number in numbers):
            raise UnknownResource("the instance has fewer frames")

    def frame(self, number: int) -> bytes:
        """One frame, counted from 1; raises UnknownResource beyond the last one."""
        self.check((number,))
        with malformed("the pixel data cannot be divided into frames"):
            return self._encapsulated(number) if self.encapsulated else self._native(number)

    def value(self) -> Iterator[bytes]:
        """The whole value of native pixel data, in little endian, in chunks."""
        for start in range(0, self.length, _READ_BYTES):
            yield self._words(start, min(start + _READ_BYTES, self.length))

    def frames(self) -> Iterator[bytes]:
        """All frames, one after the other; quicker than each by its number."""
        if not self.encapsulated:
            yield from (self.frame(number) for number in range(1, self.count + 1))
            return
        with malformed("the pixel data cannot be divided into frames"):
            self._file.seek(self._offset)
            frames = generate_frames(self._file, number_of_frames=self.count, extended_offsets=self._table())
            for number, frame in enumerate(frames, 1):
                if number > self.count or not frame:
                    raise OriginMalformed("the pixel data has more frames than it says, or empty ones")
                yield bytes(frame)
        if number < self.count:
            raise OriginMalformed("the pixel data has fewer frames than it says")

    @property
    def end(self) -> int:
        """The position behind the pixel data."""
        if self.length != _UNDEFINED:
            return self._offset + self.length
        position = self._offset
        while True:  # over the fragments, whose tags are little endian in every encapsulated transfer syntax
            self._file.seek(position)
            item = self._file.read(8)
            if len(item) < 8:
                raise OriginMalformed("the pixel data does not end")
            tag, length = item[:4], int.from_bytes(item[4:], "little")
            if tag == _SEQUENCE_DELIMITATION:
                return position + 8
            if tag != _ITEM:
                raise OriginMalformed("the pixel data cannot be divided into frames")
            position += 8 + length

    def _table(self) -> Any:
        if "ExtendedOffsetTable" in self._header and "ExtendedOffsetTableLengths" in self._header:
            return self._header.ExtendedOffsetTable, self._header.ExtendedOffsetTableLengths
        return None

    def _encapsulated(self, number: int) -> bytes:
        self._file.seek(self._offset)
        frame = get_frame(self._file, number - 1, extended_offsets=self._table(), number_of_frames=self.count)
        if not frame:
            raise OriginMalformed("a frame is empty")
        return bytes(frame)

    def _native(self, number: int) -> bytes:
        header = self._header
        samples = header.Rows * header.Columns * int(header.get("SamplesPerPixel") or 1)
        if str(header.get("PhotometricInterpretation")).endswith("_422"):
            samples = header.Rows * header.Columns * 2  # two pixels share their chroma: PS3.3 C.7.6.3.1.2
        default_bits = {0x7FE00008: 32, 0x7FE00009: 64}.get(self.tag, 16)
        bits = samples * int(header.get("BitsAllocated") or default_bits)
        first, end = (number - 1) * bits, number * bits
        data = self._words(first // 8, (end + 7) // 8)
        if first % 8 == 0 and bits % 8 == 0:
            return data
        # Single-bit frames follow each other without padding (PS3.5 Section 8.1.1): start this one at a byte.
        packed: int = int.from_bytes(data, "little") >> first % 8 & (1 << bits) - 1
        return packed.to_bytes((bits + 7) // 8, "little")

    def _words(self, start: int, end: int) -> bytes:
        """Bytes start to end of the value in little endian; a short file is OriginMalformed."""
        word = 1 if self._little else _WORD_BYTES.get(self.vr, 1)
        first = start // word * word
        last = -(-end // word) * word
        self._file.seek(self._offset + first)
        data = self._file.read(last - first)
        if end > self.length or len(data) < end - first:
            raise OriginMalformed("the pixel data is shorter than its description")
        if word > 1:
            data = to_little_endian(data, self.vr)
        return data[start - first : end - first]


def _guess(file: BinaryIO) -> str:
    """The transfer syntax of a data set without file meta information, from its first element."""
    position = file.tell()
    head = file.read(6)
    file.seek(position)
    if not head[4:6].isupper():
        return _IMPLICIT_LITTLE
    return EXPLICIT_LITTLE if head[1:2] == b"\x00" else _EXPLICIT_BIG


def _inflate(file: BinaryIO, limit: int) -> BinaryIO:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    data = inflater.decompress(file.read(), limit)
    if inflater.unconsumed_tail:
        raise OriginMalformed("the inflated instance is larger than the limit")
    return BytesIO(data)
