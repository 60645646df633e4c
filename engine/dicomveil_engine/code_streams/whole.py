"""Values that are held as a whole: cleaned as those that stream."""

from __future__ import annotations

from dicomveil_engine.code_streams.fragments import Fragments
from dicomveil_engine.code_streams.native import PixelLayout
from dicomveil_engine.errors import InvalidDataSetError


def clean_fragments(value: bytes, syntax: str, frames: int) -> bytes:
    """Encapsulated Pixel Data, up to its sequence delimiter, which is added where there is none.

    Raises InvalidDataSetError for what is not a fragment, DeidentificationError for what cannot be cleaned.
    """
    fragments = Fragments(syntax, frames)
    fragments.feed(value)
    if not fragments.is_complete:
        fragments.feed(Fragments.DELIMITER)
    if not fragments.is_complete:
        raise InvalidDataSetError("encapsulated Pixel Data is cut off")
    return b"".join(fragments.passed())


def clean_native(value: bytes, layout: PixelLayout, *, removes_overlays: bool, floating_bits: int = 0) -> bytes:
    """Native pixels in little endian, without what stands behind them and in bits that no pixel has.

    `floating_bits` are those of floating point pixels.
    """
    pixels = value[: layout.length(len(value), floating_bits)]
    unused = None if floating_bits else layout.unused_bits(removes_overlays=removes_overlays)
    if unused:
        pixels = bytes(unused.feed(pixels)) + unused.close()
    return pixels + bytes(len(pixels) % 2)
