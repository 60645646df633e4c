"""Native Pixel Data (PS3.5 Section 8): its length, and the unused bits of each value.

Bits outside Bits Stored may hold overlays (PS3.3 Section C.9.2.1.2, retired). They are cleared while the bytes pass: to
zero, or to the sign of a signed value.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from dicomveil_engine.code_streams.stream import Bytes

IMAGE_TAGS = frozenset(
    (
        *(0x00280000 | element for element in (0x02, 0x04, 0x08, 0x10, 0x11, 0x100, 0x101, 0x102, 0x103)),
        *(group << 16 | 0x0102 for group in range(0x6000, 0x6020, 2)),
    )
)
"""The attributes that determine the length of native Pixel Data and its unused bits, with the positions of overlays."""
FLOATING_BITS = {0x7FE00008: 32, 0x7FE00009: 64}
"""Bits of Float and Double Float Pixel Data (PS3.3 Sections C.7.6.24 and C.7.6.25)."""


class PixelLayout(NamedTuple):
    """The layout of native pixels from the Image Pixel Module (PS3.3 Section C.7.6.3); 0 for missing attributes."""

    rows: int = 0
    columns: int = 0
    samples: int = 1
    frames: int = 1
    bits_allocated: int = 0
    bits_stored: int = 0
    high_bit: int = 0
    is_signed: bool = False
    is_subsampled: bool = False
    """Whether the photometric interpretation is YBR_FULL_422, in which pairs of pixels share their chroma."""
    has_embedded_overlays: bool = False
    """Whether an overlay is in bits of Pixel Data: Overlay Bit Position (60xx,0102) is above 0."""

    @classmethod
    def of(cls, values: Mapping[int, object]) -> PixelLayout:
        """The layout from the first value of each of IMAGE_TAGS that is present."""

        def number(tag: int, otherwise: int = 0) -> int:
            value = values.get(tag)
            try:
                return max(0, int(value)) if isinstance(value, str | int) and value != "" else otherwise
            except ValueError:
                return otherwise

        return cls(
            rows=number(0x00280010),
            columns=number(0x00280011),
            samples=number(0x00280002, 1),
            frames=number(0x00280008, 1) or 1,
            bits_allocated=number(0x00280100),
            bits_stored=number(0x00280101),
            high_bit=number(0x00280102),
            is_signed=number(0x00280103) == 1,
            is_subsampled=str(values.get(0x00280004)).endswith("_422"),
            has_embedded_overlays=any(number(tag) for tag in values if tag >> 16 != 0x0028),
        )

    def length(self, actual: int, floating_bits: int = 0) -> int:
        """The length of the pixels in a value of `actual` bytes, without padding and surplus bytes.

        It is `actual` if the attributes are missing or give more. `floating_bits`: the bits of floating point pixels.
        """
        return self.complete_length(actual, floating_bits) or actual

    def complete_length(self, actual: int, floating_bits: int = 0) -> int:
        """The length of all pixels; 0 if the attributes do not give it, or give more than `actual`."""
        bits = floating_bits or self.bits_allocated
        pixels = self.rows * self.columns * self.frames
        if not (pixels and bits and self.samples):
            return 0
        # Two pixels have four samples (PS3.3 Section C.7.6.3.1.2); some writers declare that but write all six.
        choices = [2 * pixels, 3 * pixels] if self.is_subsampled and self.samples == 3 else [pixels * self.samples]
        return max((length for count in choices if (length := (count * bits + 7) // 8) <= actual), default=0)

    def unused_bits(self, *, removes_overlays: bool, big: bool = False) -> UnusedBits | None:
        """What clears the unused bits, if there are any that have to be cleared.

        They are cleared if the policy removes overlays, or if the data set declares an overlay in them.
        """
        has_any = self.bits_allocated in {8, 16, 32} and 0 < self.bits_stored < self.bits_allocated
        return UnusedBits(self, big=big) if has_any and (removes_overlays or self.has_embedded_overlays) else None


class UnusedBits:
    """Clears the unused bits of native values, in chunks of any size."""

    def __init__(self, layout: PixelLayout, *, big: bool = False) -> None:
        """`big`: whether the values are in big endian."""
        self._width = layout.bits_allocated // 8
        high_bit = layout.high_bit if layout.bits_stored <= layout.high_bit + 1 <= layout.bits_allocated else 0
        steps = _steps(self._width, layout.bits_stored, high_bit or layout.bits_stored - 1, layout.is_signed)
        last = self._width - 1
        self._steps = [(last - at, last - source, table) for at, source, table in steps] if big else steps
        self._held = b""

    def feed(self, data: bytes) -> Bytes:
        """The complete values, cleared."""
        data = self._held + data if self._held else data
        cut = len(data) % self._width
        self._held, data = (data[len(data) - cut :], data[: len(data) - cut]) if cut else (b"", data)
        cleared: bytearray | None = None
        for at, source, table in self._steps:
            values = data[source :: self._width]
            # Searching for bytes that change is faster than changing them, and usually there are none.
            if at == source and not values.translate(None, _unchanged(table)):
                continue
            new = values.translate(table)
            if at == source or new != data[at :: self._width]:
                cleared = cleared or bytearray(data)
                cleared[at :: self._width] = new
        return data if cleared is None else bytes(cleared)

    def close(self) -> bytes:
        """The bytes of an incomplete value."""
        return self._held


@lru_cache(64)
def _unchanged(table: bytes) -> bytes:
    """The bytes that the table does not change."""
    return bytes(byte for byte in range(256) if table[byte] == byte)


@lru_cache(64)
def _steps(width: int, stored: int, high_bit: int, is_signed: bool) -> list[tuple[int, int, bytes]]:
    """(byte of a value, from the lowest; the byte it is computed from; the translation), for the bytes that change."""
    mask = (1 << stored) - 1 << high_bit + 1 - stored
    sign_at, sign = divmod(high_bit, 8)
    steps: list[tuple[int, int, bytes]] = []
    for at in range(width):
        kept = mask >> 8 * at & 0xFF
        if is_signed and at > sign_at:
            steps.append((at, sign_at, bytes(0xFF * (byte >> sign & 1) for byte in range(256))))
        elif is_signed and at == sign_at:
            above = 0xFF << sign + 1 & 0xFF
            table = bytes((byte & kept) | above * (byte >> sign & 1) for byte in range(256))
            if above or kept != 0xFF:
                steps.append((at, at, table))
        elif kept != 0xFF:
            steps.append((at, at, bytes(byte & kept for byte in range(256))))
    return steps
