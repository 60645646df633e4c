"""The codecs by transfer syntax, and the functions that decode and encode a frame.

The array of a frame has the shape (rows, columns), or (rows, columns, samples) for colours, whatever the Planar
Configuration. Its values are little endian, as wide as Bits Allocated, and signed if Pixel Representation is 1.
numpy and the codecs are loaded with the first frame, so that a process which never decodes does not pay for them.
Codecs are C code that reads hostile input: decode in a process that has neither the key nor the network.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dicomveil_engine.errors import DeidentificationError, EngineError, InvalidDataSetError
from dicomveil_engine.pixels.layout import FrameLayout

if TYPE_CHECKING:
    from numpy.typing import NDArray

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
RLE = "1.2.840.10008.1.2.5"
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
JPEG_XL = "1.2.840.10008.1.2.4.110"
HTJ2K = "1.2.840.10008.1.2.4.201"


@dataclass(frozen=True, slots=True)
class Codec:
    """The codec of a transfer syntax, and whether it encodes too, which is always lossless."""

    family: str
    is_encoded: bool = False
    is_lossless: bool = True
    """Whether the syntax allows lossless compression only."""

    @property
    def decoder(self) -> str:
        """The name of the decoder; JPEG 2000 syntaxes that allow loss have their own."""
        return f"{self.family} lossy" if not self.is_lossless and self.family in {"jpeg_2000", "htj2k"} else self.family


_LOSSY = Codec("jpeg", is_lossless=False)
CODECS = {
    **dict.fromkeys((IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED), Codec("native", is_encoded=True)),
    EXPLICIT_BIG: Codec("native"),
    RLE: Codec("rle", is_encoded=True),
    DEFLATED_FRAMES: Codec("deflated", is_encoded=True),
    "1.2.840.10008.1.2.4.50": _LOSSY,
    "1.2.840.10008.1.2.4.51": _LOSSY,
    "1.2.840.10008.1.2.4.53": _LOSSY,
    "1.2.840.10008.1.2.4.55": _LOSSY,
    "1.2.840.10008.1.2.4.57": Codec("jpeg"),
    JPEG_LOSSLESS: Codec("jpeg", is_encoded=True),
    JPEG_LS: Codec("jpeg_ls", is_encoded=True),
    "1.2.840.10008.1.2.4.81": Codec("jpeg_ls", is_lossless=False),
    JPEG_2000: Codec("jpeg_2000", is_encoded=True),
    "1.2.840.10008.1.2.4.91": Codec("jpeg_2000", is_lossless=False),
    HTJ2K: Codec("htj2k", is_encoded=True),
    "1.2.840.10008.1.2.4.202": Codec("htj2k"),
    "1.2.840.10008.1.2.4.203": Codec("htj2k", is_lossless=False),
    JPEG_XL: Codec("jpeg_xl"),
    "1.2.840.10008.1.2.4.111": Codec("jpeg_xl", is_lossless=False),
    "1.2.840.10008.1.2.4.112": Codec("jpeg_xl", is_lossless=False),
}
"""Transfer syntax → codec (PS3.6 Table A-1). Video and JPEG 2000 Part 2 have none."""
NATIVE = frozenset(syntax for syntax, codec in CODECS.items() if codec.family == "native")
DECODABLE = frozenset(CODECS)
ENCODABLE = frozenset(syntax for syntax, codec in CODECS.items() if codec.is_encoded)

_MISSING = "frames are decoded and encoded with the extra dicomveil-engine[codecs], which is not installed"


def decode_frame(frame: bytes, syntax: str, layout: FrameLayout) -> tuple[NDArray[Any], FrameLayout]:
    """Decode one frame: its array, and the layout that describes the array.

    The colour space is the stored one, except that YBR_FULL_422, YBR_ICT and YBR_RCT become RGB, or YBR_FULL if
    they are native; the returned layout names it. A native frame is little endian, arranged by Planar Configuration,
    and single bits begin at the first byte. Values of a lossy code stream beyond Bits Stored are clipped.

    Raises InvalidDataSetError for a transfer syntax without a codec, for a frame that cannot be decoded, and for one
    whose size differs from the layout; the size is read from the code stream's header before decoding.
    """
    layout.check()
    codec = CODECS.get(syntax)
    if codec is None:
        raise InvalidDataSetError(f"there is no decoder for transfer syntax {syntax}")
    coders = _coders()
    with _border(InvalidDataSetError("a frame of Pixel Data cannot be decoded")):
        array, interpretation = coders.DECODERS[codec.decoder](frame, layout)
        if array.shape != layout.shape or array.dtype.str != layout.dtype:
            raise InvalidDataSetError("a frame of Pixel Data is not as the Image Pixel attributes say")
    planar = layout.planar_configuration if codec.family == "native" else 0
    return array, replace(layout, photometric_interpretation=interpretation, planar_configuration=planar)


def has_clipped_bits(frame: bytes, syntax: str, bits_stored: int) -> bool:
    """Whether a lossy code stream has more bits than Bits Stored, which `decode_frame` clips.

    Raises InvalidDataSetError if its header cannot be read.
    """
    codec = CODECS.get(syntax)
    return codec is not None and not codec.is_lossless and _coders().precision(frame, codec.family) > bits_stored


def encode_frame(array: NDArray[Any], syntax: str, layout: FrameLayout) -> bytes:
    """Encode an array of this layout without loss, which is verified by decoding the result.

    The colour space does not change. A native frame is arranged by Planar Configuration.

    Raises DeidentificationError if the syntax cannot represent the array, ValueError if it does not fit the layout.
    """
    layout.check()
    if array.shape != layout.shape or array.dtype.str != layout.dtype:
        raise ValueError("the array is not of the layout")
    codec = CODECS.get(syntax)
    if codec is None or not codec.is_encoded:
        raise DeidentificationError(f"frames are not encoded in transfer syntax {syntax}")
    coders = _coders()
    refusal = DeidentificationError(f"these pixels cannot be encoded in transfer syntax {syntax} without loss")
    with _border(refusal):
        encoded: bytes = coders.ENCODERS[codec.family](array, layout)
        again, found = decode_frame(encoded, syntax, layout)
        if found.photometric_interpretation != layout.photometric_interpretation or (again != array).any():
            raise refusal
    return encoded


def _coders() -> ModuleType:
    try:
        from dicomveil_engine.pixels import coders  # noqa: PLC0415 - as the module's docstring says
    except ImportError:
        raise DeidentificationError(_MISSING) from None
    return coders


@contextmanager
def _border(refusal: EngineError) -> Iterator[None]:
    """Replace whatever a codec raises by an error of the engine, because the message could quote the input."""
    try:
        yield
    except (EngineError, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - codecs raise anything
        raise refusal from None
