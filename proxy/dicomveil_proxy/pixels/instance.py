"""Transcodes a Part 10 instance frame by frame.

Only the header and one frame are in memory. Pixel values and attributes are not changed, except for the photometric
interpretation where decoding changes it. The SOP Instance UID is kept, since the conversion is lossless (PS3.4 Section
B.4.1.3 requires a new one after lossy compression only).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from dicomveil_engine.attributes.dictionary import keyword_of
from dicomveil_proxy.errors import NotAcceptable, UnknownResource
from dicomveil_proxy.pixels.frame import (
    ENCODABLE,
    IMPLICIT_LITTLE,
    NATIVE,
    PixelDescription,
    by_pixel,
    can_transcode,
    decode_frame,
    encode_frame,
)
from dicomveil_proxy.pixels.frames import StoredFrames, StoredInstance, first_value, malformed, to_little_endian

if TYPE_CHECKING:
    from pydicom import Dataset

_PREFIX = bytes(128) + b"DICM"
_PIXEL_DATA = 0x7FE00010
_MAXIMUM_VALUE = 0xFFFFFFFE
_ITEM = b"\xfe\xff\x00\xe0"
_DELIMITER = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
_OFFSET_TABLES = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
_UNDEFINED = 0xFFFFFFFF


def transcode_instance(source: BinaryIO, target: BinaryIO, syntax: str, decoded_bytes: int) -> None:
    """Write the instance in one open file to another, in this transfer syntax.

    Raises NotAcceptable if it cannot be transcoded, and OriginMalformed if it cannot be read.
    """
    stored = StoredInstance(source, decoded_bytes)
    if not can_transcode(stored.transfer_syntax, syntax):
        raise NotAcceptable("this transfer syntax is not transcoded here; accept transfer-syntax=* to have it")
    with malformed("the instance cannot be transcoded"):
        try:
            pixels = StoredFrames(stored)
        except UnknownResource:
            if syntax in ENCODABLE:
                raise NotAcceptable("the instance has no pixels that could be encoded") from None
            _write_header(target, stored, stored.read(), syntax)
            return
        header = stored.read()
        if pixels.encapsulated or syntax in ENCODABLE:
            _write_frames(target, stored, header, pixels, syntax, decoded_bytes)
        else:
            _write_header(target, stored, header, syntax)
            _write_value(target, pixels.tag, pixels.vr, pixels.length, pixels.value(), syntax)
        _write(target, _little(stored.read(pixels.end)), syntax)


def _write_frames(
    target: BinaryIO, stored: StoredInstance, header: Dataset, pixels: StoredFrames, syntax: str, limit: int
) -> None:
    if pixels.tag != _PIXEL_DATA:
        raise NotAcceptable("floating point pixels are not encoded")
    described = description_of(header)
    described.check_size(limit)
    frames = _decoded(pixels, described)
    first, found = next(frames)
    if syntax in ENCODABLE and found.samples > 1:
        header.PlanarConfiguration = 0
    elif found.samples > 1:
        header.PlanarConfiguration = described.planar_configuration
    if found.photometric_interpretation != described.photometric_interpretation:
        header.PhotometricInterpretation = found.photometric_interpretation
    for keyword in _OFFSET_TABLES:
        if keyword in header:
            del header[keyword]
    _write_header(target, stored, header, syntax)
    rest = _all((first, found), frames)
    if syntax in ENCODABLE:
        _write_fragments(target, (encode_frame(*_arranged(frame, kind, syntax)) for frame, kind in rest))
        return
    length = described.frame_bytes * described.frames
    vr = "OB" if described.bits_allocated <= 8 else "OW"
    _write_value(target, pixels.tag, vr, length, (frame for frame, _ in rest), syntax)


def _decoded(pixels: StoredFrames, described: PixelDescription) -> Iterator[tuple[bytes, PixelDescription]]:
    syntax = pixels.transfer_syntax
    for frame in pixels.frames():
        # The encoding of encapsulated pixel data with a native transfer syntax is unknown.
        if pixels.encapsulated == (syntax in NATIVE):
            raise NotAcceptable("the pixels are not encoded as their transfer syntax says")
        yield decode_frame(frame, syntax, described)


def _all(
    first: tuple[bytes, PixelDescription], rest: Iterator[tuple[bytes, PixelDescription]]
) -> Iterator[tuple[bytes, PixelDescription]]:
    yield first
    for frame, found in rest:
        if found != first[1]:
            raise NotAcceptable("the frames are not all of one photometric interpretation")
        yield frame, found


def _arranged(frame: bytes, described: PixelDescription, syntax: str) -> tuple[bytes, str, PixelDescription]:
    frame, described = by_pixel(frame, described)
    return frame, syntax, described


def description_of(header: Dataset) -> PixelDescription:
    """The description of an instance's frames. Raises NotAcceptable if they cannot be decoded."""
    return PixelDescription.from_json(_as_json(header))


def _as_json(header: Dataset) -> dict[str, Any]:
    """The attributes of the Image Pixel Module, as `PixelDescription` reads them."""
    found: dict[str, Any] = {}
    for element in (0x0002, 0x0004, 0x0006, 0x0008, 0x0010, 0x0011, 0x0100, 0x0101, 0x0103):
        tag = 0x00280000 | element
        if tag in header:
            found[f"{tag:08X}"] = {"Value": [first_value(header, keyword_of(tag))]}
    return found


def _write_header(target: BinaryIO, stored: StoredInstance, header: Dataset, syntax: str) -> None:
    from pydicom import filewriter  # noqa: PLC0415 - few requests need it

    target.write(_PREFIX)
    meta = stored.file_meta
    meta.TransferSyntaxUID = syntax
    filewriter.write_file_meta_info(target, meta, enforce_standard=False)
    _write(target, _little(header), syntax)


def _write(target: BinaryIO, dataset: Dataset, syntax: str) -> None:
    from pydicom import filebase, filewriter  # noqa: PLC0415 - few requests need it

    file = filebase.DicomFileLike(target)
    file.is_little_endian, file.is_implicit_VR = True, syntax == IMPLICIT_LITTLE
    filewriter.write_dataset(file, dataset)


def _little(dataset: Dataset) -> Dataset:
    """Swap the bytes of big endian binary values, which pydicom does not interpret."""
    if dataset.original_encoding[1] is False:
        for element in dataset.iterall():
            if isinstance(element.value, bytes):
                element.value = to_little_endian(element.value, str(element.VR))
    return dataset


def _write_value(target: BinaryIO, tag: int, vr: str, length: int, chunks: Iterator[bytes], syntax: str) -> None:
    padded = length + length % 2
    if padded > _MAXIMUM_VALUE:
        raise NotAcceptable("decoded, the pixels are longer than a value can be (PS3.5 Section 7.1.1)")
    target.write(_tag(tag) + (b"" if syntax == IMPLICIT_LITTLE else vr.encode() + bytes(2)) + _number(padded))
    target.writelines(chunks)
    target.write(bytes(length % 2))


def _write_fragments(target: BinaryIO, frames: Iterator[bytes]) -> None:
    """Write one fragment for each frame, after an empty Basic Offset Table (PS3.5 Section A.4)."""
    target.write(_tag(_PIXEL_DATA) + b"OB" + bytes(2) + _number(_UNDEFINED) + _ITEM + _number(0))
    for frame in frames:
        padding = bytes(len(frame) % 2)
        target.write(_ITEM + _number(len(frame) + len(padding)) + frame + padding)
    target.write(_DELIMITER)


def _tag(tag: int) -> bytes:
    return (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")


def _number(value: int) -> bytes:
    return value.to_bytes(4, "little")
