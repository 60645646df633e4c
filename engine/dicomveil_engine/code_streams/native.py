"""Native Pixel Data (PS3.5 Section 8): how long it is, and the bits of each value that no pixel has.

Bits above High Bit held overlays once (PS3.3 Section C.9.2.1.2, retired); they are cleared while the bytes pass: to
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
"""What says how long native Pixel Data is, and which of its bits are pixels; of overlays, where they are."""
FLOATING_BITS = {0x7FE00008: 32, 0x7FE00009: 64}
"""Bits of Float and Double Float Pixel Data, which have no Bits Allocated that says so (PS3.3 Section C.7.6.24)."""


class PixelLayout(NamedTuple):
    """What the Image Pixel Module says of native pixels (PS3.3 Section C.7.6.3). Zero where it does not say."""

    rows: int = 0
    columns: int = 0
    samples: int = 1
    frames: int = 1
    bits_allocated: int = 0
    bits_stored: int = 0
    high_bit: int = 0
    is_signed: bool = False
    is_subsampled: bool = False
    """Whether the photometric interpretation is YBR_FULL_422, and pairs of pixels share their chroma."""
    has_embedded_overlays: bool = False
    """Whether an overlay says that it stands in bits of Pixel Data: Overlay Bit Position (60xx,0102) is above 0."""

    @classmethod
    def of(cls, values: Mapping[int, object]) -> PixelLayout:
        """By the first value of each of IMAGE_TAGS that there is."""

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
        """The length of the pixels in a value of which so many bytes came: without padding, and what is behind it.

        As it came where the attributes do not say, or say more. `floating_bits`: those of floating point pixels.
        """
        bits = floating_bits or self.bits_allocated
        pixels = self.rows * self.columns * self.frames
        if not (pixels and bits and self.samples):
            return actual
        # Two pixels have four samples (C.7.6.3.1.2); some writers say so and give all six.
        choices = [2 * pixels, 3 * pixels] if self.is_subsampled and self.samples == 3 else [pixels * self.samples]
        return max((length for count in choices if (length := (count * bits + 7) // 8) <= actual), default=actual)

    def unused_bits(self, *, removes_overlays: bool, big: bool = False) -> UnusedBits | None:
        """What clears the bits that no pixel has, if there are any and they can be an overlay's.

        They can where overlays are removed; where the data set says that one is there, they are not a pixel's anyway.
        """
        has_any = self.bits_allocated in {8, 16, 32} and 0 < self.bits_stored < self.bits_allocated
        return UnusedBits(self, big=big) if has_any and (removes_overlays or self.has_embedded_overlays) else None


class UnusedBits:
    """Clears the bits of native values that no pixel has, in chunks of any size."""

    def __init__(self, layout: PixelLayout, *, big: bool = False) -> None:
        """`big`: whether the values' bytes are big endian."""
        self._width = layout.bits_allocated // 8
        high_bit = layout.high_bit if layout.bits_stored <= layout.high_bit + 1 <= layout.bits_allocated else 0
        steps = _steps(self._width, layout.bits_stored, high_bit or layout.bits_stored - 1, layout.is_signed)
        last = self._width - 1
        self._steps = [(last - at, last - source, table) for at, source, table in steps] if big else steps
        self._held = b""

    def feed(self, data: bytes) -> Bytes:
        """The values that are whole."""
        data = self._held + data if self._held else data
        cut = len(data) % self._width
        self._held, data = (data[len(data) - cut :], data[: len(data) - cut]) if cut else (b"", data)
        cleared: bytearray | None = None
        for at, source, table in self._steps:
            values = data[source :: self._width]
            # To look for what changes costs less than to change it, and nearly always there is nothing.
            if at == source and not values.translate(None, _unchanged(table)):
                continue
            new = values.translate(table)
            if at == source or new != data[at :: self._width]:
                cleared = cleared or bytearray(data)
                cleared[at :: self._width] = new
        return data if cleared is None else bytes(cleared)

    def close(self) -> bytes:
        """Bytes of a value that is not whole."""
        return self._held


@lru_cache(64)
def _unchanged(table: bytes) -> bytes:
    """The bytes that stay what they are."""
    return bytes(byte for byte in range(256) if table[byte] == byte)


@lru_cache(64)
def _steps(width: int, stored: int, high_bit: int, is_signed: bool) -> list[tuple[int, int, bytes]]:
    """Byte of a value, the lowest is 0 → byte that it follows from, and how; of those that change."""
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
