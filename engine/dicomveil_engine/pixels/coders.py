"""The codecs themselves, by family: bytes to an array, and back.

Each decoder checks the size in the code stream's header before it decodes. Invalid input raises an exception of any
kind; `codecs` turns it into an error of the engine.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
import rle
from numpy.typing import NDArray

from dicomveil_engine.code_streams import jpeg, jpeg2000, jpeg_xl
from dicomveil_engine.code_streams.picture import Picture
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.pixels.layout import SUBSAMPLED, TRANSFORMED, FrameLayout

Array = NDArray[Any]
Decoded = tuple[Array, str]
_ONE_THREAD = 1
_RLE_HEADER = 64
_EOI = b"\xff\xd9"
_LONGEST_PADDING = 64
_SPACES = {"RGB": "RGB", "YBR": "YCBCR", "YBR_FULL": "YCBCR"}


def _decode_native(frame: bytes, layout: FrameLayout) -> Decoded:
    interpretation = layout.photometric_interpretation
    if len(frame) != (layout.native_bits + 7) // 8:
        raise InvalidDataSetError("a frame of Pixel Data has another length than the Image Pixel attributes say")
    if layout.bits_allocated == 1:
        bits = np.unpackbits(np.frombuffer(frame, "u1"), bitorder="little")
        return bits[: layout.rows * layout.columns].reshape(layout.shape), interpretation
    values = np.frombuffer(frame, layout.dtype)
    if interpretation == SUBSAMPLED:
        return _with_chroma(values, layout), "YBR_FULL"
    if layout.samples > 1 and layout.planar_configuration:
        planes = values.reshape(layout.samples, layout.rows, layout.columns)
        return np.ascontiguousarray(planes.transpose(1, 2, 0)), interpretation
    return values.reshape(layout.shape), interpretation


def _with_chroma(values: Array, layout: FrameLayout) -> Array:
    """Give both pixels of a pair the chroma that they share: Y Y B R (PS3.3 Section C.7.6.3.1.2)."""
    pairs = values.reshape(-1, 4)
    whole = np.empty((len(pairs), 2, 3), values.dtype)
    whole[:, :, 0] = pairs[:, :2]
    whole[:, :, 1:] = pairs[:, np.newaxis, 2:]
    return whole.reshape(layout.shape)


def _encode_native(array: Array, layout: FrameLayout) -> bytes:
    if layout.bits_allocated == 1:
        return np.packbits(array.reshape(-1), bitorder="little").tobytes()
    if layout.samples > 1 and layout.planar_configuration:
        array = array.transpose(2, 0, 1)
    return array.tobytes()


def _decode_deflated(frame: bytes, layout: FrameLayout) -> Decoded:
    size = (layout.native_bits + 7) // 8
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflater.decompress(frame, size + 2)
    return _decode_native(inflated[: size if len(inflated) <= size + size % 2 else None], layout)


def _encode_deflated(array: Array, layout: FrameLayout) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(_encode_native(array, layout)) + deflater.flush()


def _decode_rle(frame: bytes, layout: FrameLayout) -> Decoded:
    interpretation, count = layout.photometric_interpretation, layout.rows * layout.columns
    if layout.bits_allocated == 1:
        # PS3.5 Annex G does not say whether single bits are packed before they are encoded: both occur.
        values = np.frombuffer(bytes(rle.rle.decode_segment(frame[_RLE_HEADER:])), "u1")
        values = values if len(values) == count else np.unpackbits(values, bitorder="little")
        return values[:count].reshape(layout.shape), interpretation
    decoded = rle.rle.decode_frame(frame, count, layout.bits_allocated, "<")
    planes = np.frombuffer(bytes(decoded), layout.dtype).reshape(layout.samples, layout.rows, layout.columns)
    return np.ascontiguousarray(planes.transpose(1, 2, 0)) if layout.samples > 1 else planes[0], interpretation


def _encode_rle(array: Array, layout: FrameLayout) -> bytes:
    if layout.bits_allocated == 1:
        raise ValueError("the standard leaves open how single bits are encoded")
    width = layout.bits_allocated
    return bytes(rle.rle.encode_frame(array.tobytes(), layout.rows, layout.columns, layout.samples, width, "<"))


def _decode_jpeg(frame: bytes, layout: FrameLayout) -> Decoded:
    picture = jpeg.read_picture(frame)
    _check(picture, layout)
    wanted = layout.photometric_interpretation
    if layout.samples == 1:
        return _fitted(imagecodecs.jpeg8_decode(frame), picture, layout), wanted
    if picture.is_lossless:  # the encoder did not transform the colours, whatever the code stream declares
        array = imagecodecs.jpeg8_decode(frame, colorspace="RGB", outcolorspace="RGB")
        return _fitted(array, picture, layout), _untransformed(layout)
    # The code stream's colour space wins over the attribute, which often names the one before encoding.
    stored = picture.colours or ("RGB" if wanted == "RGB" else "YBR")
    shown = "YBR_FULL" if wanted == "YBR_FULL" and stored == "YBR" else "RGB"
    array = imagecodecs.jpeg8_decode(frame, colorspace=_SPACES[stored], outcolorspace=_SPACES[shown])
    return _fitted(array, picture, layout), shown


def _encode_jpeg(array: Array, layout: FrameLayout) -> bytes:
    """Process 14, selection value 1. Colours must be RGB, the only colour space that libjpeg leaves untransformed."""
    if layout.samples > 1 and layout.photometric_interpretation != "RGB":
        raise ValueError("the code stream would declare another colour space")
    unsigned, bits = _unsigned(array, layout)
    # The encoder takes 8-bit arrays for 8 bits, and 16-bit arrays for more.
    bits = max(bits, 9) if unsigned.dtype.itemsize > 1 else 8
    space = _SPACES[layout.photometric_interpretation] if layout.samples > 1 else None
    encoded = imagecodecs.jpeg8_encode(
        unsigned, lossless=True, predictor=1, bitspersample=bits, colorspace=space, outcolorspace=space
    )
    return bytes(encoded)


def _decode_jpeg_ls(frame: bytes, layout: FrameLayout) -> Decoded:
    picture = jpeg.read_picture(frame)
    _check(picture, layout)
    if _EOI not in frame[-_LONGEST_PADDING:]:
        # CharLS spends half a minute on a truncated stream of 80 bytes; with an EOI marker it refuses it at once.
        frame += _EOI
    return _fitted(imagecodecs.jpegls_decode(frame), picture, layout), _untransformed(layout)


def _encode_jpeg_ls(array: Array, layout: FrameLayout) -> bytes:
    return bytes(imagecodecs.jpegls_encode(_unsigned(array, layout)[0]))


def _decode_jpeg_2000(frame: bytes, layout: FrameLayout) -> Decoded:
    """Decodes HTJ2K too: OpenJPEG clips values beyond the range, while OpenJPH's binding lets them wrap around."""
    return _jpeg_2000(frame, jpeg2000.read_picture(frame), layout)


def _decode_lossy_jpeg_2000(frame: bytes, layout: FrameLayout) -> Decoded:
    """For a syntax that allows loss: even with a reversible transform, quality layers may have been cut off."""
    return _jpeg_2000(frame, jpeg2000.read_picture(frame)._replace(is_lossless=False), layout)


def _jpeg_2000(frame: bytes, picture: Picture, layout: FrameLayout) -> Decoded:
    _check(picture, layout)
    start = jpeg2000.code_stream_at(frame)
    array = imagecodecs.jpeg2k_decode(frame[start:], numthreads=_ONE_THREAD)
    return _fitted(array, picture, layout), _untransformed(layout)


def _encode_jpeg_2000(array: Array, layout: FrameLayout) -> bytes:
    signed = bool(layout.pixel_representation)
    values, bits = (array, 8 * array.dtype.itemsize) if signed else _unsigned(array, layout)
    levels = max(1, min(6, min(layout.rows, layout.columns).bit_length() - 1))
    return bytes(
        imagecodecs.jpeg2k_encode(
            values,
            codecformat="J2K",
            reversible=True,
            mct=False,
            bitspersample=bits,
            resolutions=levels,
            numthreads=_ONE_THREAD,
        )
    )


def _encode_htj2k(array: Array, _: FrameLayout) -> bytes:
    if array.dtype.itemsize > 2:
        raise ValueError("OpenJPH's binding does not encode more than 16 bits")
    return bytes(imagecodecs.htj2k_encode(array, reversible=True, rgb=False))


def _decode_jpeg_xl(frame: bytes, layout: FrameLayout) -> Decoded:
    picture = jpeg_xl.read_picture(frame)
    if (picture.rows, picture.columns) != (layout.rows, layout.columns):
        raise InvalidDataSetError("a code stream has another size than the Image Pixel attributes say")
    array = imagecodecs.jpegxl_decode(frame, keeporientation=True, numthreads=_ONE_THREAD)
    if array.dtype.kind != "u":
        raise InvalidDataSetError("a JPEG XL code stream holds no whole numbers")
    whole = picture._replace(precision=8 * array.dtype.itemsize)
    # The decoder always returns RGB.
    return _fitted(array, whole, layout), "RGB" if layout.samples > 1 else layout.photometric_interpretation


def precision(frame: bytes, family: str) -> int:
    """Bits of a sample in a code stream; 0 for a family whose header does not give them."""
    if family in {"jpeg_2000", "htj2k"}:
        return jpeg2000.read_picture(frame).precision
    return jpeg.read_picture(frame).precision if family in {"jpeg", "jpeg_ls"} else 0


def _check(picture: Picture, layout: FrameLayout) -> None:
    """Refuse a code stream whose size differs from the attributes: it could declare any."""
    if picture[:3] != (layout.rows, layout.columns, layout.samples):
        raise InvalidDataSetError("a code stream has another size than the Image Pixel attributes say")
    if picture.precision > max(8, layout.bits_allocated):
        raise InvalidDataSetError("a code stream has more bits than Bits Allocated")


def _untransformed(layout: FrameLayout) -> str:
    interpretation = layout.photometric_interpretation
    return "RGB" if interpretation in TRANSFORMED or interpretation == SUBSAMPLED else interpretation


def _fitted(array: Array, picture: Picture, layout: FrameLayout) -> Array:
    """The values in the width and sign that the attributes give, clipped to Bits Stored."""
    width = max(8, layout.bits_allocated)
    if not picture.is_lossless and not layout.pixel_representation and picture.precision > layout.bits_stored:
        array = np.minimum(array, (1 << layout.bits_stored) - 1)
    if layout.pixel_representation and not picture.is_signed:
        # The code stream is unsigned: the sign of each value is its highest stored bit.
        unused = width - layout.bits_stored
        return (array.astype(f"u{width // 8}") << unused).view(f"i{width // 8}").astype(layout.dtype) >> unused
    return array.astype(layout.dtype, copy=False)


def _unsigned(array: Array, layout: FrameLayout) -> tuple[Array, int]:
    """The values for an encoder of unsigned integers, and how many bits they have: Bits Stored, if that is enough."""
    unsigned = np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}")
    whole = 8 * array.dtype.itemsize
    fits = not layout.pixel_representation and int(array.max()) < 1 << layout.bits_stored
    return unsigned, layout.bits_stored if fits else whole


DECODERS: dict[str, Callable[[bytes, FrameLayout], Decoded]] = {
    "native": _decode_native,
    "deflated": _decode_deflated,
    "rle": _decode_rle,
    "jpeg": _decode_jpeg,
    "jpeg_ls": _decode_jpeg_ls,
    "jpeg_2000": _decode_jpeg_2000,
    "htj2k": _decode_jpeg_2000,
    "jpeg_2000 lossy": _decode_lossy_jpeg_2000,
    "htj2k lossy": _decode_lossy_jpeg_2000,
    "jpeg_xl": _decode_jpeg_xl,
}
ENCODERS: dict[str, Callable[[Array, FrameLayout], bytes]] = {
    "native": _encode_native,
    "deflated": _encode_deflated,
    "rle": _encode_rle,
    "jpeg": _encode_jpeg,
    "jpeg_ls": _encode_jpeg_ls,
    "jpeg_2000": _encode_jpeg_2000,
    "htj2k": _encode_htj2k,
}
