"""Cleaning whole values of Pixel Data, as streamed ones are cleaned."""

from __future__ import annotations

from dicomveil_engine.code_streams.fragments import Fragments
from dicomveil_engine.code_streams.native import PixelLayout
from dicomveil_engine.errors import InvalidDataSetError


def clean_fragments(value: bytes, syntax: str, frames: int) -> bytes:
    """Clean encapsulated Pixel Data up to its sequence delimiter, which is added if it is missing.

    Raises InvalidDataSetError for what is not a fragment, DeidentificationError for a frame that cannot be cleaned.
    """
    fragments = Fragments(syntax, frames)
    fragments.feed(value)
    if not fragments.is_complete:
        fragments.feed(Fragments.DELIMITER)
    if not fragments.is_complete:
        raise InvalidDataSetError("encapsulated Pixel Data is cut off")
    return b"".join(fragments.passed())


def clean_native(value: bytes, layout: PixelLayout, *, removes_overlays: bool, floating_bits: int = 0) -> bytes:
    """Clean native pixels in little endian: drop bytes after them, and clear unused bits.

    `floating_bits` is the bits of floating point pixels, else 0.
    """
    pixels = value[: layout.length(len(value), floating_bits)]
    unused = None if floating_bits else layout.unused_bits(removes_overlays=removes_overlays)
    if unused:
        pixels = bytes(unused.feed(pixels)) + unused.close()
    return pixels + bytes(len(pixels) % 2)
