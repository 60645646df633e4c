"""Extracts frames from a stored instance.

Used for folders, for instances whose pixels were covered, and for origin servers that cannot deliver frames. No pixel
is decoded here: frames keep their transfer syntax, except that big endian and deflated data become explicit VR little
endian.
"""

from __future__ import annotations

import logging
import struct
import warnings
import zlib
from collections.abc import Iterator, MutableSequence, Sequence
from contextlib import contextmanager
from functools import cached_property
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING, Any, BinaryIO

from dicomveil_engine import EngineError
from dicomveil_engine.code_streams.sniffing import LONGEST_SIGNATURE, image_of
from dicomveil_engine.part10.file_meta import read_file_meta
from dicomveil_proxy.errors import OriginMalformed, ProxyError, UnknownResource

if TYPE_CHECKING:
    from pydicom import Dataset

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
"""PS3.18 Table 8.7.3-5; any other transfer syntax is application/octet-stream."""

_WORD_BYTES = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
_PIXEL_DATA = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_UNDEFINED = 0xFFFFFFFF
_ITEM = b"\xfe\xff\x00\xe0"
_SEQUENCE_DELIMITATION = b"\xfe\xff\xdd\xe0"
_READ_BYTES = 1 << 20
_LONGEST_META = 1 << 17
"""Bytes, preamble included."""
_ATTRIBUTES = [
    0x00280002,  # SamplesPerPixel
    0x00280004,  # PhotometricInterpretation
    0x00280008,  # NumberOfFrames
    0x00280010,  # Rows
    0x00280011,  # Columns
    0x00280100,  # BitsAllocated
    0x7FE00001,  # ExtendedOffsetTable
]


def silence_pydicom() -> None:
    """Suppress messages and warnings of pydicom and dicomweb-client, which quote values."""
    for name in ("pydicom", "dicomweb_client"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        warnings.filterwarnings("ignore", module=rf"{name}(\.|$)")


@contextmanager
def malformed(what: str) -> Iterator[None]:
    """Map exceptions of pydicom to OriginMalformed with the message `what`, without their own."""
    try:
        yield
    except ProxyError:
        raise
    except Exception:  # noqa: BLE001 - pydicom raises exceptions of any kind, whose messages may quote values
        raise OriginMalformed(what) from None


def first_value(header: Dataset, keyword: str) -> Any:
    """The first value of an attribute: some writers give several where only one is allowed."""
    value = header.get(keyword)
    return value[0] if isinstance(value, MutableSequence) and value else value


def to_little_endian(value: bytes, vr: str) -> bytes:
    """The value with the bytes of each word swapped; the VR determines the word's length (PS3.5 Section 7.3)."""
    word = _WORD_BYTES.get(vr, 1)
    if word == 1:
        return value
    swapped = bytearray(value)
    whole = len(value) // word * word
    for position in range(word):
        swapped[position:whole:word] = value[word - 1 - position : whole : word]
    return bytes(swapped)


class StoredInstance:
    """An instance in an open file: the start and encoding of its data set."""

    def __init__(self, file: BinaryIO, inflated_limit: int = 1 << 30) -> None:
        """Read the file meta information. Raises OriginMalformed."""
        from pydicom import filereader  # noqa: PLC0415 - few requests need it

        silence_pydicom()
        with malformed("the instance cannot be read"):
            file.seek(0)
            filereader.read_preamble(file, force=True)
            self.file_meta = filereader._read_file_meta_info(file)  # noqa: SLF001 - there is no public one
            start = file.tell()
            self.transfer_syntax = self._first_syntax(file) or _guess(file)
            if "TransferSyntaxUID" in self.file_meta:
                self.file_meta.TransferSyntaxUID = self.transfer_syntax
            file.seek(start)
            self.file = _inflate(file, inflated_limit) if self.transfer_syntax == _DEFLATED else file
            """The file with the data set, inflated if it was deflated."""
            self.start = self.file.tell()
            self.is_little = self.transfer_syntax != _EXPLICIT_BIG

    def _first_syntax(self, file: BinaryIO) -> str:
        """The declared transfer syntax; if there are two groups 0002, that of the first."""
        declared = str(self.file_meta.get("TransferSyntaxUID") or "")
        file.seek(0)
        try:
            found = read_file_meta(file.read(_LONGEST_META), closing=True)
        except EngineError:
            return declared
        return found[0].transfer_syntax_uid if declared and found else declared

    def read(self, position: int | None = None, attributes: list[int] | None = None) -> Dataset:
        """The data set up to its pixel data, or from a position after it; all attributes, or some."""
        from pydicom import filereader  # noqa: PLC0415 - few requests need it

        self.file.seek(self.start if position is None else position)
        return filereader.read_dataset(
            self.file,
            self.transfer_syntax == _IMPLICIT_LITTLE,
            self.is_little,
            stop_when=lambda tag, _vr, _length: tag in _PIXEL_DATA,
            specific_tags=attributes,
        )


_Fragment = tuple[int, int]
"""Position and length of a fragment's content."""


class StoredFrames:
    """The pixel data of one instance in an open file, which the caller closes."""

    def __init__(self, file: BinaryIO | StoredInstance, inflated_limit: int = 1 << 30) -> None:
        """Read the header. Raises OriginMalformed, or UnknownResource without pixel data."""
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
        if not self._header.original_encoding[0]:  # the actual encoding, which may differ from the declared one
            self.vr = head[4:6].decode("ascii")
            (length,) = struct.unpack(f"{order}I", file.read(4))
        self._offset = file.tell()
        self.length: int = length
        """The length of a native value in bytes."""
        # An undefined length means encapsulated, even if the transfer syntax is a native one.
        self.encapsulated = self.transfer_syntax not in _NATIVE or length == _UNDEFINED
        self.count = max(1, int(first_value(self._header, "NumberOfFrames") or 1))

    @property
    def content_type(self) -> str:
        """The media type of each frame, with its transfer syntax (PS3.18 Section 8.7.3)."""
        if not self.encapsulated:
            return f"application/octet-stream; transfer-syntax={EXPLICIT_LITTLE}"
        media_type = _MEDIA_TYPES.get(self.transfer_syntax, "application/octet-stream")
        return f"{media_type}; transfer-syntax={self.transfer_syntax}"

    def check(self, numbers: Sequence[int]) -> None:
        """Raise UnknownResource unless the instance has all these frames, numbered from 1."""
        if not all(1 <= number <= self.count for number in numbers):
            raise UnknownResource("the instance has fewer frames")

    def frame(self, number: int) -> bytes:
        """One frame, numbered from 1. Raises UnknownResource beyond the last one."""
        self.check((number,))
        with malformed("the pixel data cannot be divided into frames"):
            return self._encapsulated(number) if self.encapsulated else self._native(number)

    def value(self) -> Iterator[bytes]:
        """The value of native pixel data in little endian, in chunks."""
        for start in range(0, self.length, _READ_BYTES):
            yield self._words(start, min(start + _READ_BYTES, self.length))

    def frames(self) -> Iterator[bytes]:
        """All frames, in order."""
        if self.encapsulated and self._frames[self.count :]:
            raise OriginMalformed("the pixel data has more frames than it says")
        yield from (self.frame(number) for number in range(1, self.count + 1))

    @property
    def end(self) -> int:
        """The position after the pixel data."""
        if self.length != _UNDEFINED:
            return self._offset + self.length
        end = self._offset
        for position, length in self._walk(self._offset):
            end = position + 8 + length
        return end + 8

    def _walk(self, position: int) -> Iterator[_Fragment]:
        """The items up to the sequence delimiter; encapsulated syntaxes are all little endian."""
        while True:
            item = self._read(position, 8)
            tag, length = item[:4], int.from_bytes(item[4:], "little")
            if tag == _SEQUENCE_DELIMITATION:
                return
            if tag != _ITEM:
                raise OriginMalformed("the pixel data cannot be divided into frames")
            yield position, length
            position += 8 + length

    def _encapsulated(self, number: int) -> bytes:
        frames = self._frames
        if number > len(frames):
            raise OriginMalformed("the pixel data has fewer frames than it says")
        frame = b"".join(self._read(position, length) for position, length in frames[number - 1])
        if not frame:
            raise OriginMalformed("a frame is empty")
        return frame

    @cached_property
    def _frames(self) -> list[list[_Fragment]]:
        """The fragments of each frame: by a valid offset table, else by the image signatures at their starts."""
        table, fragments = self._items()
        while len(fragments) > self.count and not fragments[-1][1]:
            del fragments[-1]  # an empty fragment at the end is not a frame
        offsets = struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4])
        if self.count == 1 < len(set(offsets)):
            raise OriginMalformed("the pixel data has more frames than it says")
        if self.count == 1 or len(fragments) == self.count:
            return [fragments] if self.count == 1 else [[one] for one in fragments]
        starts = [position - 8 for position, _ in fragments]
        for table_offsets in (self._extended_offsets(), offsets):
            begin = [starts[0] + offset for offset in table_offsets] if starts else []
            rises = all(before < after for before, after in pairwise(begin))
            if len(begin) == self.count and begin[0] == starts[0] and rises and set(begin) <= set(starts):
                return _divided(fragments, [starts.index(position) for position in begin])
        return _divided(fragments, [at for at, one in enumerate(fragments) if not at or self._begins_frame(one)])

    def _items(self) -> tuple[bytes, list[_Fragment]]:
        """The Basic Offset Table, and the fragments."""
        fragments: list[_Fragment] = []
        for position, length in self._walk(self._offset):
            fragments.append((position + 8, length))
        if not fragments:
            raise OriginMalformed("the pixel data has no offset table")
        return self._read(*fragments[0]), fragments[1:]

    def _extended_offsets(self) -> list[int]:
        value = self._header.get("ExtendedOffsetTable") or b""
        return list(struct.unpack(f"<{len(value) // 8}Q", value[: len(value) // 8 * 8]))

    def _begins_frame(self, fragment: _Fragment) -> bool:
        position, length = fragment
        return image_of(self._read(position, min(length, LONGEST_SIGNATURE)), length) is not None

    def _read(self, position: int, length: int) -> bytes:
        self._file.seek(position)
        data = self._file.read(length)
        if len(data) < length:
            raise OriginMalformed("the pixel data does not end")
        return data

    def _native(self, number: int) -> bytes:
        header = self._header
        samples = (
            first_value(header, "Rows")
            * first_value(header, "Columns")
            * int(first_value(header, "SamplesPerPixel") or 1)
        )
        if str(first_value(header, "PhotometricInterpretation")).endswith("_422"):
            samples = (
                first_value(header, "Rows") * first_value(header, "Columns") * 2
            )  # two pixels share their chroma: PS3.3 C.7.6.3.1.2
        default_bits = {0x7FE00008: 32, 0x7FE00009: 64}.get(self.tag, 16)
        bits = samples * int(first_value(header, "BitsAllocated") or default_bits)
        start, end = (number - 1) * bits, number * bits
        data = self._words(start // 8, (end + 7) // 8)
        if start % 8 == 0 and bits % 8 == 0:
            return data
        # Single-bit frames are not padded to bytes (PS3.5 Section 8.1.1): shift this one to start at a byte.
        packed: int = int.from_bytes(data, "little") >> start % 8 & (1 << bits) - 1
        return packed.to_bytes((bits + 7) // 8, "little")

    def _words(self, start: int, end: int) -> bytes:
        """The bytes from start to end of the value, in little endian. Raises OriginMalformed for a short file."""
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


def _divided(fragments: list[_Fragment], starts: list[int]) -> list[list[_Fragment]]:
    """The fragments grouped by frame; `starts` are the indices of each frame's first fragment."""
    return [fragments[begin:end] for begin, end in pairwise([*starts, len(fragments)])]


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
