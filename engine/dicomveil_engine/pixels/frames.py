"""The frames of an instance: split from Pixel Data, decoded, and converted for the search.

The input is untrusted: the header is checked against the bytes before anything is decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import encaps

from dicomveil_engine.errors import DeidentificationError, InvalidDataSetError
from dicomveil_engine.pixels.codecs import NATIVE, decode_frame, has_clipped_bits
from dicomveil_engine.pixels.elements import InstanceElements
from dicomveil_engine.pixels.header import PixelHeader, describe, frame_layout
from dicomveil_engine.pixels.layout import FrameLayout, PixelLimits

_PALETTE = (0x00281201, 0x00281202, 0x00281203)
_NUMBER_OF_FRAMES = 0x00280008


class InstanceFrames:
    """The frames of one instance.

    Raises InvalidDataSetError if they cannot be read or do not fit the header, DeidentificationError above a limit.
    """

    def __init__(self, instance: InstanceElements, header: PixelHeader, limits: PixelLimits) -> None:
        self._instance = instance
        self.header = header
        self.layout = frame_layout(header)
        self.layout.check()
        if header.frames < 1:
            raise InvalidDataSetError("(0028,0008) NumberOfFrames is not a positive number")
        samples = header.rows * header.columns * header.samples_per_pixel
        if samples > limits.frame_samples:
            raise DeidentificationError(f"a frame has more samples than the limit of {limits.frame_samples}")
        if header.frames > limits.frames:
            raise DeidentificationError(f"the instance has more frames than the limit of {limits.frames}")
        if header.frames * self.layout.decoded_bytes > limits.decoded_bytes:
            raise DeidentificationError(f"the decoded frames are longer than the limit of {limits.decoded_bytes} bytes")
        pixel = instance.pixel_data
        if pixel is None:
            raise InvalidDataSetError("the instance has no Pixel Data")
        self.is_native = header.transfer_syntax_uid in NATIVE
        if self.is_native is (pixel.end < 0):
            raise InvalidDataSetError("Pixel Data is not encoded as the transfer syntax says")
        end = len(instance.buffer) if pixel.end < 0 else pixel.end
        if end > len(instance.buffer):
            raise InvalidDataSetError("the instance is cut off in the middle of Pixel Data")
        self._value = memoryview(instance.buffer)[pixel.value : end]
        self._is_words = pixel.vr == "OW" or instance.encoding.implicit
        self._encapsulated: list[bytes] | None = None
        if self.is_native and len(self._value) * 8 < self.layout.native_bits * header.frames:
            raise InvalidDataSetError(
                f"Pixel Data is shorter than {describe(header)} need, which the Image Pixel attributes describe"
            )

    def encoded(self, number: int) -> bytes:
        """The bytes of a frame for the codecs, little endian if native; the first frame is 1."""
        if not self.is_native:
            return self._fragments()[number - 1]
        bits = self.layout.native_bits
        first = bits * (number - 1)
        if bits % 8:
            # Single bits follow each other without a gap between frames.
            packed = np.frombuffer(self._value[first // 8 : (first + bits + 7) // 8], np.uint8)
            unpacked = np.unpackbits(packed, bitorder="little")[first % 8 : first % 8 + bits]
            return np.packbits(unpacked, bitorder="little").tobytes()
        return self._little_endian(first // 8, bits // 8)

    def _little_endian(self, start: int, length: int) -> bytes:
        if not self._instance.encoding.big:
            return bytes(self._value[start : start + length])
        if self.layout.bits_allocated > 8:
            values = np.frombuffer(self._value[start : start + length], f">u{self.layout.bits_allocated // 8}")
            return values.astype(values.dtype.newbyteorder("<")).tobytes()
        if not self._is_words:
            return bytes(self._value[start : start + length])
        # Bytes in words of 16 bits are swapped in big endian (PS3.5 Annex A.3).
        first = start - start % 2
        words = np.frombuffer(self._value[first : first + length + 2 - (length + start) % 2][: len(self._value)], "u1")
        words = words[: len(words) - len(words) % 2].reshape(-1, 2)[:, ::-1].reshape(-1)
        return words[start - first : start - first + length].tobytes()

    def _fragments(self) -> list[bytes]:
        if self._encapsulated is None:
            offsets = self._offsets()
            try:
                frames = list(
                    encaps.generate_frames(
                        bytes(self._value), number_of_frames=self.header.frames, extended_offsets=offsets
                    )
                )
            except Exception:  # noqa: BLE001 - pydicom raises anything for broken fragments
                raise InvalidDataSetError("the fragments of Pixel Data cannot be read") from None
            if len(frames) != self.header.frames:
                raise InvalidDataSetError("Pixel Data holds another number of frames than (0028,0008) says")
            self._encapsulated = frames
        return self._encapsulated

    def _offsets(self) -> tuple[list[int], list[int]] | None:
        """The Extended Offset Table and its lengths, 8 bytes each (PS3.3 Section C.7.6.3.1.8)."""
        tables = [self._instance.value(tag) for tag in (0x7FE00001, 0x7FE00002)]
        if not tables[0] or any(len(table) != 8 * self.header.frames for table in tables):
            return None
        first, second = (np.frombuffer(table, "<u8").tolist() for table in tables)
        return first, second

    def decoded(self, number: int) -> tuple[npt.NDArray[Any], FrameLayout]:
        """The array of a frame, and the layout that describes the array; the first frame is 1."""
        syntax = self.header.transfer_syntax_uid
        if self._instance.encoding.big:
            syntax = "1.2.840.10008.1.2.1"
        return decode_frame(self.encoded(number), syntax, self.layout)

    def has_unused_bits(self) -> bool:
        """Whether bits above Bits Stored are set in a compressed frame. In native frames they are always cleared."""
        header = self.header
        if self.is_native or header.bits_stored >= header.bits_allocated:
            return False
        for number in range(1, header.frames + 1):
            array, layout = self.decoded(number)
            if (array != without_unused_bits(array, layout)).any():
                return True
            if has_clipped_bits(self.encoded(number), header.transfer_syntax_uid, header.bits_stored):
                return True  # they may be an overlay, which decoding has clipped
        return False

    def shown(self, number: int) -> npt.NDArray[Any]:
        """A frame for the search: grey values without unused bits, or RGB."""
        array, layout = self.decoded(number)
        if layout.bits_allocated == 1:
            return np.asarray(array * np.uint8(255), np.uint8)
        values = without_unused_bits(array, layout)
        if layout.samples == 3:
            return _rgb(values) if layout.photometric_interpretation.startswith("YBR") else values
        if layout.photometric_interpretation == "PALETTE COLOR":
            return self._coloured(values)
        return values

    def _coloured(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        tables = palette(self._instance, self.header)
        if tables is None:
            return values
        first = self.header.palette[0][1]
        indices = np.clip(values.astype(np.int64) - first, 0, len(tables[0]) - 1)
        return np.stack([table[indices] for table in tables], axis=-1)

    def __iter__(self) -> Iterator[npt.NDArray[Any]]:
        for number in range(1, self.header.frames + 1):
            yield self.shown(number)


def without_unused_bits(array: npt.NDArray[Any], layout: FrameLayout) -> npt.NDArray[Any]:
    """The values without the bits above Bits Stored, where the standard allowed overlays before 2004."""
    unused = 8 * array.dtype.itemsize - layout.bits_stored
    if unused <= 0:
        return array
    # Shifting back extends the sign, which is the highest stored bit.
    return np.asarray(np.right_shift(np.left_shift(array, unused), unused))


def palette(instance: InstanceElements, header: PixelHeader) -> list[npt.NDArray[np.uint8]] | None:
    """The lookup tables of red, green and blue in 8 bits; None if they cannot be read."""
    if len(header.palette) != 3:
        return None
    tables = []
    for (entries, _, bits), tag in zip(header.palette, _PALETTE, strict=True):
        count, value = entries or 65536, instance.value(tag)
        if len(value) >= 2 * count:
            words = np.frombuffer(value[: 2 * count], ">u2" if instance.encoding.big else "<u2")
            tables.append((words >> 8 if bits > 8 and words.max(initial=0) > 255 else words).astype(np.uint8))
        elif len(value) >= count:
            tables.append(np.frombuffer(value[:count], np.uint8))
        else:
            return None
    return tables if len({len(table) for table in tables}) == 1 else None


def _rgb(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """YBR_FULL as RGB (PS3.3 Section C.7.6.3.1.2)."""
    if array.dtype != np.uint8:
        return array
    y, blue, red = (array[..., index].astype(np.float32) for index in range(3))
    blue -= 128
    red -= 128
    rgb = np.stack([y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue], axis=-1)
    return np.asarray(np.clip(np.rint(rgb), 0, 255), np.uint8)


def ybr(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """RGB as YBR_FULL, rounded (PS3.3 Section C.7.6.3.1.2)."""
    red, green, blue = (array[..., index].astype(np.float32) for index in range(3))
    y = 0.299 * red + 0.587 * green + 0.114 * blue
    both = [128 - 0.168736 * red - 0.331264 * green + 0.5 * blue, 128 + 0.5 * red - 0.418688 * green - 0.081312 * blue]
    return np.asarray(np.clip(np.rint(np.stack([y, *both], axis=-1)), 0, 255), np.uint8)
