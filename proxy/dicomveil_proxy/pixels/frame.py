"""One frame, decoded and encoded by the engine's codecs.

A frame that is not encoded is little endian and arranged as its description says: what comes out of a decoder
agrees with Rows, Columns, Samples per Pixel, Bits Allocated and Planar Configuration, or is refused. No file is
read here, and the codecs are not loaded before they are needed: the event loop's process asks what is possible,
and never decodes.
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
"""Without loss. What would lose something is never made of what lost nothing yet."""
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
"""Photometric interpretations whose samples mean the same, native or encoded (PS3.5 Section 8.2)."""


def can_transcode(stored: str | None, wanted: str) -> bool:
    """Whether instances in the one transfer syntax can, in general, be had in the other."""
    return stored in DECODABLE and wanted in PRODUCIBLE


@dataclass(frozen=True, slots=True)
class PixelDescription:
    """What the Image Pixel Module says of each frame (PS3.3 Section C.7.6.3)."""

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
        """That of an instance in DICOM JSON; raises NotAcceptable where it describes nothing that can be decoded."""
        numbers: dict[str, int] = {}
        for name, (tag, default) in _ATTRIBUTES.items():
            try:
                numbers[name] = int(_first(dataset, tag) or default)
            except (TypeError, ValueError):
                numbers[name] = -1
        if numbers["samples"] == 1:
            numbers["planar_configuration"] = 0  # means nothing then
        description = cls(photometric_interpretation=str(_first(dataset, _PHOTOMETRIC_INTERPRETATION)), **numbers)
        description.check()
        return description

    def check(self) -> None:
        """Raise NotAcceptable unless frames of this kind can be decoded here."""
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
        """The size of a frame that is not encoded."""
        return self.rows * self.columns * self.samples * (self.bits_allocated // 8)

    def check_size(self, limit: int) -> None:
        """Raise NotAcceptable where all frames together are over the limit: a small file can hold a huge one."""
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
        """As pydicom's codecs take them, for one frame."""
        values = asdict(self)
        values |= {"samples_per_pixel": values.pop("samples"), "number_of_frames": 1}
        del values["frames"]
        return values


def decode_frame(frame: bytes, syntax: str, described: PixelDescription) -> tuple[bytes, PixelDescription]:
    """Decode a frame; what it is then, which may differ in its photometric interpretation.

    YBR_FULL_422 becomes RGB, since its samples are no longer shared, or YBR_FULL where it is native, and the
    transforms of JPEG 2000 become RGB; every other value stays as the codec gives it. Raises NotAcceptable where
    the frame cannot be decoded.
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
    """Encode a frame without loss, which is proved by decoding it; raises NotAcceptable where that cannot be."""
    described.check()
    if described.photometric_interpretation not in _AS_IT_IS or described.planar_configuration:
        raise NotAcceptable("pixels of this photometric interpretation or planar configuration are not encoded here")
    with _codec("the pixels cannot be encoded in this transfer syntax without loss"):
        array, layout = codecs.decode_frame(_checked(frame, described), EXPLICIT_LITTLE, described.layout)
        return codecs.encode_frame(array, syntax, layout)


def by_pixel(frame: bytes, described: PixelDescription) -> tuple[bytes, PixelDescription]:
    """Arrange colours by pixel (planar configuration 0), which is how encoders take them."""
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
    """The border to the codecs, whose refusals concern cleaning only."""
    try:
        yield
    except EngineError:
        raise NotAcceptable(refusal) from None
