"""Renders one frame as a picture: modality and VOI LUT, palette, viewport.

Annotations, which contain the patient's data, are never drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np
from PIL import Image
from pydicom import pixels as processing

from dicomveil_engine.pixels.codecs import EXPLICIT_LITTLE, decode_frame
from dicomveil_engine.pixels.layout import FrameLayout
from dicomveil_proxy.errors import NotAcceptable, UnknownResource
from dicomveil_proxy.pixels.frames import StoredFrames, StoredInstance, first_value, malformed, silence_pydicom
from dicomveil_proxy.pixels.looks import Looks, Window

_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF"}
_MAXIMUM_FRAME_BYTES = 256 << 20
"""The largest decoded frame, by its attributes: a small file may contain a huge picture, which is copied."""
_SINGLE = ("Rows", "Columns", "BitsStored", "RescaleIntercept", "RescaleSlope", "PhotometricInterpretation")
"""Attributes of which only the first value is used, even if a writer gives several."""
_FLOATING = {0x7FE00008: "<f4", 0x7FE00009: "<f8"}


def render(file: BinaryIO, frame: int, media_type: str, params: Mapping[str, str]) -> bytes:
    """A picture of a frame, numbered from 1.

    `params` may have `window`, `viewport` and `quality` (`looks`). Raises NotAcceptable for other media types and for
    instances that cannot be rendered, UnknownResource beyond the last frame, BadRequest for other parameters and for
    invalid values.
    """
    if media_type not in _FORMATS:
        raise NotAcceptable(f"rendered as {', '.join(_FORMATS)} only")
    looks = Looks.parse(params)
    silence_pydicom()
    with malformed("the instance cannot be read"):
        instance = StoredInstance(file)
        header = instance.read()
        for keyword in _SINGLE:
            if keyword in header:
                setattr(header, keyword, first_value(header, keyword))
        frames = _number(header, "NumberOfFrames") or 1
        is_picture = "Rows" in header and "Columns" in header
        samples = header.Rows * header.Columns * (_number(header, "SamplesPerPixel") or 1) if is_picture else 0
        size = samples * max(1, (_number(header, "BitsAllocated") or 64) // 8)
    if not is_picture:
        raise NotAcceptable("the instance is not a picture")
    if size > _MAXIMUM_FRAME_BYTES:
        raise NotAcceptable("the picture is too large to be rendered here")
    if not 1 <= frame <= frames:
        raise UnknownResource("the instance has fewer frames")
    try:
        pixels = _grey_or_colour(header, _decoded(StoredFrames(instance), header, frame), looks.window)
    except Exception:  # noqa: BLE001 - no codec, or pixels that are not as described
        raise NotAcceptable("the instance cannot be rendered here") from None
    picture = Image.fromarray(pixels)
    if looks.viewport:
        picture = looks.viewport.show(picture)
    encoded = BytesIO()
    options = {"quality": looks.quality} if media_type == "image/jpeg" else {}
    picture.save(encoded, _FORMATS[media_type], **options)
    return encoded.getvalue()


def _decoded(stored: StoredFrames, header: Any, number: int) -> Any:
    """The values of one frame; colours as RGB."""
    data = stored.frame(number)
    if stored.tag in _FLOATING:
        return np.frombuffer(data, _FLOATING[stored.tag]).reshape(header.Rows, header.Columns)
    samples = _number(header, "SamplesPerPixel") or 1
    layout = FrameLayout(
        rows=header.Rows,
        columns=header.Columns,
        samples=samples,
        bits_allocated=_number(header, "BitsAllocated"),
        bits_stored=_number(header, "BitsStored") or _number(header, "BitsAllocated"),
        pixel_representation=_number(header, "PixelRepresentation"),
        planar_configuration=_number(header, "PlanarConfiguration") if samples > 1 else 0,
        photometric_interpretation=str(first_value(header, "PhotometricInterpretation") or "MONOCHROME2"),
    )
    syntax = stored.transfer_syntax if stored.encapsulated else EXPLICIT_LITTLE
    array, found = decode_frame(data, syntax, layout)
    if found.photometric_interpretation == "YBR_FULL":
        return processing.convert_color_space(array, "YBR_FULL", "RGB")
    return array


def _number(header: Any, keyword: str) -> int:
    return int(first_value(header, keyword) or 0)


def _grey_or_colour(header: Any, pixels: Any, window: Window | None) -> Any:
    if header.get("PhotometricInterpretation") == "PALETTE COLOR":
        colours = processing.apply_color_lut(pixels, header)
        return (colours >> 8 * (colours.dtype.itemsize - 1)).astype(np.uint8)
    if (_number(header, "SamplesPerPixel") or 1) > 1:
        shift = max(0, _number(header, "BitsStored") - 8)
        return (pixels >> shift).astype(np.uint8)
    values = processing.apply_modality_lut(pixels, header)
    is_inverse = header.get("PhotometricInterpretation") == "MONOCHROME1"
    if window:
        greys = window.greys(values.astype(np.float64))
        return (255 - greys if is_inverse else greys).astype(np.uint8)
    if "WindowCenter" in header or "VOILUTSequence" in header:
        with suppress(ValueError):  # an invalid window, e.g. of width 0: the range of values is used
            values = processing.apply_voi_lut(values, header)
    values = values.astype(np.float64)
    low, high = values.min(), values.max()
    scaled = (values - low) * (255 / (high - low)) if high > low else np.zeros_like(values)
    if is_inverse:
        scaled = 255 - scaled
    return scaled.astype(np.uint8)
