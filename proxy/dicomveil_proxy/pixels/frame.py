"""One frame, decoded and encoded by the engine's codecs.

A native frame is little endian. A decoded frame must agree with Rows, Columns, Samples per Pixel, Bits Allocated and
Planar Configuration, or it is refused. No file is read here. Codecs are loaded when they are needed: the event loop's
process only asks what is possible, and never decodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from dicomveil_engine import EngineError
from dicomveil_engine.pixels import codecs
from dicomveil_engine.pixels.codecs import (
    DECODABLE,
    EXPLICIT_LITTLE,
    HTJ2K,
    IMPLICIT_LITTLE,
    JPEG_2000,
    JPEG_LOSSLESS,
    JPEG_LS,
    NATIVE,
    RLE,
)
from dicomveil_engine.pixels.layout import FrameLayout
from dicomveil_proxy.errors import NotAcceptable

__all__ = [
    "DECODABLE",
    "ENCODABLE",
    "EXPLICIT_LITTLE",
    "HTJ2K",
    "IMPLICIT_LITTLE",
    "JPEG_2000",
    "JPEG_LOSSLESS",
    "JPEG_LS",
    "NATIVE",
    "PRODUCIBLE",
    "RLE",
    "PixelDescription",
    "by_pixel",
    "can_transcode",
    "decode_frame",
    "encode_frame",
]

ENCODABLE = frozenset((RLE, JPEG_LS, JPEG_2000, JPEG_LOSSLESS, HTJ2K))
"""Transfer syntaxes that are encoded, all of them lossless."""
PRODUCIBLE = frozenset((IMPLICIT_LITTLE, EXPLICIT_LITTLE)) | ENCODABLE

_ATTRIBUTES = {
    "rows": ("00280010", 0),
    "columns": ("00280011", 0),
    "samples": ("00280002", 1),
    "bits_allocated": ("00280100", 0),
    "bits_stored": ("00280101", 0),
    "pixel_representation": ("00280103", 0),
    "planar_configuration": ("00280006", 0),
    "frames": ("00280008", 1),
}
_PHOTOMETRIC_INTERPRETATION = "00280004"
_SUBSAMPLED = "YBR_FULL_422"
_DECODED_AS_RGB = ("YBR_RCT", "YBR_ICT")
_AS_IT_IS = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL")
"""Photometric interpretations that do not change when a frame is encoded (PS3.5 Section 8.2)."""


def can_transcode(stored: str | None, wanted: str) -> bool:
    """Whether instances in the one transfer syntax can in general be transcoded to the other."""
    return stored in DECODABLE and wanted in PRODUCIBLE


@dataclass(frozen=True, slots=True)
class PixelDescription:
    """The encoding of each frame, by the Image Pixel Module (PS3.3 Section C.7.6.3)."""

    rows: int
    columns: int
    samples: int
    bits_allocated: int
    bits_stored: int
    pixel_representation: int
    planar_configuration: int
    frames: int
    photometric_interpretation: str

    @classmethod
    def from_json(cls, dataset: Mapping[str, Any]) -> PixelDescription:
        """The description in DICOM JSON. Raises NotAcceptable if frames of this kind cannot be decoded."""
        numbers: dict[str, int] = {}
        for name, (tag, default) in _ATTRIBUTES.items():
            try:
                numbers[name] = int(_first(dataset, tag) or default)
            except (TypeError, ValueError):
                numbers[name] = -1
        if numbers["samples"] == 1:
            numbers["planar_configuration"] = 0  # has no meaning for one sample
        description = cls(photometric_interpretation=str(_first(dataset, _PHOTOMETRIC_INTERPRETATION)), **numbers)
        description.check()
        return description

    def check(self) -> None:
        """Raise NotAcceptable unless frames of this kind can be decoded."""
        sensible = (
            0 < self.rows <= 65535
            and 0 < self.columns <= 65535
            and self.frames > 0
            and self.samples in (1, 3)
            and self.bits_allocated in (8, 16, 32)
            and 0 < self.bits_stored <= self.bits_allocated
            and self.pixel_representation in (0, 1)
            and self.planar_configuration in (0, 1)
            and self.photometric_interpretation in (*_AS_IT_IS, _SUBSAMPLED, *_DECODED_AS_RGB)
        )
        if not sensible:
            raise NotAcceptable("these pixels are of a kind that is not transcoded; accept transfer-syntax=* for them")

    @property
    def frame_bytes(self) -> int:
        """The size of a native frame."""
        return self.rows * self.columns * self.samples * (self.bits_allocated // 8)

    def check_size(self, limit: int) -> None:
        """Raise NotAcceptable if all decoded frames together exceed the limit."""
        if self.frame_bytes * self.frames > limit:
            raise NotAcceptable(
                "decoded, these pixels are over limits.decoded_bytes; accept transfer-syntax=* to have them as stored"
            )

    @property
    def layout(self) -> FrameLayout:
        """The layout of one frame, as the engine's codecs take it."""
        values = asdict(self)
        del values["frames"]
        return FrameLayout(**values)

    def options(self) -> dict[str, Any]:
        """The arguments of pydicom's codecs for one frame."""
        values = asdict(self)
        values |= {"samples_per_pixel": values.pop("samples"), "number_of_frames": 1}
        del values["frames"]
        return values


def decode_frame(frame: bytes, syntax: str, described: PixelDescription) -> tuple[bytes, PixelDescription]:
    """The decoded frame and its description, which may have another photometric interpretation.

    YBR_FULL_422 becomes RGB, or YBR_FULL if it is native, since its samples are no longer shared; the colour transforms
    of JPEG 2000 become RGB; other values are as the codec returns them. Raises NotAcceptable if decoding fails.
    """
    if syntax in NATIVE and described.photometric_interpretation != _SUBSAMPLED:
        return _checked(frame, described), described
    with _codec("the pixels cannot be decoded here; accept transfer-syntax=* to have them as stored"):
        array, layout = codecs.decode_frame(frame, syntax, described.layout)
    if described.samples > 1 and described.planar_configuration == 1:
        array = array.transpose(2, 0, 1)
    found = replace(described, photometric_interpretation=layout.photometric_interpretation)
    return _checked(array.tobytes(), described), found


def encode_frame(frame: bytes, syntax: str, described: PixelDescription) -> bytes:
    """The encoded frame, verified by decoding it again. Raises NotAcceptable if it cannot be encoded without loss."""
    described.check()
    if described.photometric_interpretation not in _AS_IT_IS or described.planar_configuration:
        raise NotAcceptable("pixels of this photometric interpretation or planar configuration are not encoded here")
    with _codec("the pixels cannot be encoded in this transfer syntax without loss"):
        array, layout = codecs.decode_frame(_checked(frame, described), EXPLICIT_LITTLE, described.layout)
        return codecs.encode_frame(array, syntax, layout)


def by_pixel(frame: bytes, described: PixelDescription) -> tuple[bytes, PixelDescription]:
    """The frame in planar configuration 0, which encoders require."""
    if described.samples == 1 or not described.planar_configuration:
        return frame, described
    width, plane = described.bits_allocated // 8, described.rows * described.columns
    arranged = bytearray(len(frame))
    for sample in range(described.samples):
        for byte in range(width):
            start = sample * plane * width + byte
            arranged[sample * width + byte :: described.samples * width] = frame[start : start + plane * width : width]
    return bytes(arranged), replace(described, planar_configuration=0)


def _checked(frame: bytes, described: PixelDescription) -> bytes:
    if len(frame) != described.frame_bytes:
        raise NotAcceptable("the pixels are not as their attributes describe them; accept transfer-syntax=*")
    return frame


def _first(dataset: Mapping[str, Any], tag: str) -> Any:
    values = dataset.get(tag, {}).get("Value") or [None]
    return values[0]


@contextmanager
def _codec(refusal: str) -> Iterator[None]:
    """Map errors of the engine's codecs to NotAcceptable."""
    try:
        yield
    except EngineError:
        raise NotAcceptable(refusal) from None
