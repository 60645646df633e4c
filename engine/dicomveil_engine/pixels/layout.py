"""The attributes of the Image Pixel Module that describe a frame. This module does not need numpy."""

from __future__ import annotations

from dataclasses import dataclass

from dicomveil_engine.errors import InvalidDataSetError

SUBSAMPLED = "YBR_FULL_422"
TRANSFORMED = frozenset(("YBR_ICT", "YBR_RCT"))
"""The transforms of RGB in JPEG 2000, which decoding reverses."""
_INTERPRETATIONS = frozenset(
    ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL", SUBSAMPLED, *TRANSFORMED)
)


@dataclass(frozen=True, slots=True)
class FrameLayout:
    """The attributes that describe the values of a frame (PS3.3 Section C.7.6.3)."""

    rows: int
    columns: int
    samples: int = 1
    bits_allocated: int = 16
    bits_stored: int = 16
    pixel_representation: int = 0
    """1 for signed values."""
    planar_configuration: int = 0
    """1 for colours by plane; of native frames only."""
    photometric_interpretation: str = "MONOCHROME2"

    def check(self) -> None:
        """Raise InvalidDataSetError for a combination that is invalid or unsupported."""
        sensible = (
            0 < self.rows <= 0xFFFF
            and 0 < self.columns <= 0xFFFF
            and self.samples in {1, 3}
            and self.bits_allocated in {1, 8, 16, 32}
            and 0 < self.bits_stored <= self.bits_allocated
            and self.pixel_representation in {0, 1}
            and self.planar_configuration in {0, 1}
            and self.photometric_interpretation in _INTERPRETATIONS
            and (self.samples == 3) == (self.photometric_interpretation[:3] in {"RGB", "YBR"})
            and (self.bits_allocated > 1 or self.samples == 1)
        )
        if not sensible:
            raise InvalidDataSetError("the Image Pixel attributes describe pixels of a kind that is not decoded")

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array: rows and columns, and the samples of a colour frame."""
        return (self.rows, self.columns) if self.samples == 1 else (self.rows, self.columns, self.samples)

    @property
    def dtype(self) -> str:
        """The type of the array's values, little endian, in numpy's notation; a single bit becomes a byte."""
        width = max(1, self.bits_allocated // 8)
        return f"{'<' if width > 1 else '|'}{'i' if self.pixel_representation and width * 8 > 1 else 'u'}{width}"

    @property
    def decoded_bytes(self) -> int:
        """The number of bytes of the array."""
        return self.rows * self.columns * self.samples * max(1, self.bits_allocated // 8)

    @property
    def native_bits(self) -> int:
        """The number of bits of a native frame."""
        # In YBR_FULL_422 two pixels share their chroma: PS3.3 Section C.7.6.3.1.2.
        samples = 2 if self.photometric_interpretation == SUBSAMPLED else self.samples
        return self.rows * self.columns * samples * self.bits_allocated


@dataclass(frozen=True)
class PixelLimits:
    """Limits on the size of an instance's pixels; an instance above one of them is refused."""

    frame_samples: int = 100_000_000
    """Samples of one frame: rows x columns x colours. The largest detectors have 30 million."""
    frames: int = 20_000
    decoded_bytes: int = 8 << 30
    """The sum over all frames, which are decoded one after the other."""
    pages: int = 200
    """Frames, or pages of a document, that are searched one by one."""
