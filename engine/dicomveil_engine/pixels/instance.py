"""Cover the boxes of a whole instance, and update its attributes.

    original bytes ── Looker.boxes ──→ boxes
    de-identified bytes ── InstanceCover(boxes, verdict, settings) ──→ bytes that may be released

The input is the output of the rewriter, which leaves pixels unchanged. Native pixels are covered as a stream.
Compressed instances that must change are buffered, decoded, covered and encoded again without loss.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dicomveil_engine.configuration.pixels import PixelSettings
from dicomveil_engine.errors import DeidentificationError, InvalidDataSetError
from dicomveil_engine.part10.encoding import UNDEFINED
from dicomveil_engine.part10.skip import end_of_sequence
from dicomveil_engine.pixels.boxes import Boxes
from dicomveil_engine.pixels.claims import PixelClaims, claims_of, photometric_of
from dicomveil_engine.pixels.codecs import NATIVE
from dicomveil_engine.pixels.cover import NativeCover, NativeLayout, black_of, cover_frame
from dicomveil_engine.pixels.covered_head import covered_head
from dicomveil_engine.pixels.elements import InstanceElements, TopElement, read_instance
from dicomveil_engine.pixels.gate import PixelAction, PixelVerdict
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_engine.pixels.layout import FrameLayout, PixelLimits

if TYPE_CHECKING:
    import numpy.typing as npt

    from dicomveil_engine.pixels.documents import CoveredDocument

_HELD_BYTES = 1 << 30
"""The largest compressed instance that is buffered; real ones have about 100 MB at most."""
_EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"


class InstanceCover:
    """Covers the boxes of one de-identified instance, chunk by chunk.

    Raises DeidentificationError if the verdict refuses the instance and above a limit, InvalidDataSetError if the
    instance cannot be read.
    """

    def __init__(
        self, boxes: Boxes, verdict: PixelVerdict, settings: PixelSettings, limits: PixelLimits | None = None
    ) -> None:
        if verdict.action is PixelAction.REFUSE:
            raise DeidentificationError(verdict.reason)
        self._boxes = boxes
        self._verdict = verdict
        self._settings = settings
        self._limits = limits or PixelLimits()
        self._held: list[bytes] = []
        self._length = 0
        self._retry_at = 0
        self._passes = verdict.action is PixelAction.NOTHING and not verdict.has_face
        self._cover: NativeCover | None = None
        self._remaining = 0
        """Bytes of native Pixel Data that have not arrived yet."""
        self._waits = False
        """Whether the whole instance must arrive before anything is written."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The output that is ready after this chunk."""
        if self._passes:
            return [chunk]
        if self._cover is not None:
            return self._covered(chunk)
        self._held.append(chunk)
        self._length += len(chunk)
        if self._length > _HELD_BYTES:
            raise DeidentificationError("the instance is too long to be held while its frames are covered")
        if self._waits or self._length < self._retry_at:
            return []
        data = b"".join(self._held)
        self._held = [data]
        instance = read_instance(data, closing=False)
        if instance is None:
            self._retry_at = 2 * self._length
            return []
        return self._begin(instance)

    def close(self) -> list[bytes]:
        """The rest of the output."""
        if self._passes or (self._cover is not None and not self._remaining):
            return []
        if self._cover is not None:
            raise InvalidDataSetError("the instance is cut off in the middle of Pixel Data")
        data = b"".join(self._held)
        instance = read_instance(data)
        assert instance is not None
        header = PixelHeader.from_elements(instance)
        claims = claims_of(header, self._verdict, self._boxes, self._settings)
        pixel = instance.pixel_data
        if pixel is None:
            return [covered_head(instance, claims)]
        if claims.is_encoded_again:
            return list(encoded_again(instance, header, self._boxes, claims, self._limits))
        if not _is_overwritten(header, claims, self._boxes):
            return [covered_head(instance, claims), instance.buffer[pixel.start :]]
        if header.bits_allocated == 1:
            return [covered_head(instance, claims), *_single_bits(instance, header, pixel, self._boxes, self._limits)]
        if pixel.end > len(instance.buffer):
            raise InvalidDataSetError("the instance is cut off in the middle of Pixel Data")
        cover = NativeCover(NativeLayout.of(header, instance), self._boxes)
        value = b"".join([cover.feed(instance.buffer[pixel.value : pixel.end]), cover.close()])
        return [
            covered_head(instance, claims),
            instance.buffer[pixel.start : pixel.value],
            value,
            instance.buffer[pixel.end :],
        ]

    def _begin(self, instance: InstanceElements) -> list[bytes]:
        """Write the header, or wait for the whole instance."""
        header = PixelHeader.from_elements(instance)
        claims = claims_of(header, self._verdict, self._boxes, self._settings)
        pixel = instance.pixel_data
        assert pixel is not None
        is_native = header.transfer_syntax_uid in NATIVE
        if claims.is_encoded_again or (is_native and self._boxes and header.bits_allocated == 1):
            self._waits = True
            return []
        head = covered_head(instance, claims)
        if not _is_overwritten(header, claims, self._boxes):
            self._passes = True
            return [head, instance.buffer[pixel.start :]]
        if pixel.end < 0:
            raise InvalidDataSetError("Pixel Data is not encoded as the transfer syntax says")
        layout = NativeLayout.of(header, instance)
        if pixel.end - pixel.value < layout.frame_bytes * layout.frames:
            raise InvalidDataSetError("Pixel Data is shorter than the Image Pixel attributes say")
        self._cover = NativeCover(layout, self._boxes)
        self._remaining = pixel.end - pixel.value
        self._held.clear()
        return [head, instance.buffer[pixel.start : pixel.value], *self._covered(instance.buffer[pixel.value :])]

    def _covered(self, chunk: bytes) -> list[bytes]:
        """Bytes of Pixel Data, covered, and the bytes after it, unchanged."""
        assert self._cover is not None
        taken = min(self._remaining, len(chunk))
        self._remaining -= taken
        parts = [bytes(self._cover.feed(chunk[:taken]))] if taken else []
        if taken and not self._remaining:
            parts.append(bytes(self._cover.close()))
        return [*parts, chunk[taken:]] if taken < len(chunk) else parts


def cover_instance(
    data: bytes, boxes: Boxes, verdict: PixelVerdict, settings: PixelSettings, limits: PixelLimits | None = None
) -> bytes:
    """A whole de-identified instance with its boxes covered and its attributes updated."""
    cover = InstanceCover(boxes, verdict, settings, limits)
    return b"".join([*cover.feed(data), *cover.close()])


def with_document(
    deidentified: bytes, document: CoveredDocument, verdict: PixelVerdict, settings: PixelSettings
) -> bytes:
    """A de-identified instance with its document replaced by the covered one."""
    instance = read_instance(deidentified)
    assert instance is not None
    header = PixelHeader.from_elements(instance)
    claims = claims_of(header, verdict, Boxes(leaves_doubt=document.leaves_doubt), settings)
    return covered_head(instance, replace(claims, fields=(*claims.fields, *document.fields)))


def encoded_again(
    instance: InstanceElements, header: PixelHeader, boxes: Boxes, claims: PixelClaims, limits: PixelLimits
) -> Iterator[bytes]:
    """The instance with its frames decoded, covered and encoded without loss."""
    from dicomveil_engine.pixels.codecs import encode_frame  # noqa: PLC0415 - loads the codecs
    from dicomveil_engine.pixels.frames import InstanceFrames, without_unused_bits  # noqa: PLC0415 - loads numpy

    frames = InstanceFrames(instance, header, limits)
    syntax, photometric = claims.transfer_syntax_uid, photometric_of(header)
    black = black_of(replace(header, photometric_interpretation=photometric), instance)
    encoded = []
    for number in range(1, header.frames + 1):
        of_frame = boxes.of(number)
        if syntax == header.transfer_syntax_uid and not of_frame and not boxes.clears_unused_bits:
            encoded.append(frames.encoded(number))
            continue
        array, layout = frames.decoded(number)
        if layout.photometric_interpretation != photometric:
            array, layout = _in_colours(array, layout, photometric)
        array = without_unused_bits(array, layout).copy()
        cover_frame(array, of_frame, black)
        encoded.append(encode_frame(array, syntax, layout))
    pixel = instance.pixel_data
    assert pixel is not None
    rest = instance.buffer[_end_of_value(instance, pixel) :]
    yield covered_head(instance, claims)
    if syntax in NATIVE:
        value = b"".join(encoded)
        value += bytes(len(value) % 2)
        vr = "OW" if header.bits_allocated > 8 else "OB"
        yield instance.encoding.element_head(instance.encoding.key_of(pixel.tag, vr), len(value)) + value + rest
        return
    # An empty Basic Offset Table and one fragment for each frame (PS3.5 Annex A.4).
    yield instance.encoding.element_head(instance.encoding.key_of(pixel.tag, "OB"), UNDEFINED)
    yield _item(b"")
    for frame in encoded:
        yield _item(frame + bytes(len(frame) % 2))
    yield struct.pack("<HHI", 0xFFFE, 0xE0DD, 0) + rest


def _in_colours(array: npt.NDArray[Any], layout: FrameLayout, photometric: str) -> tuple[npt.NDArray[Any], FrameLayout]:
    """An RGB frame converted to YBR_FULL if (0028,0004) names that: metadata may have been released with it."""
    if (layout.photometric_interpretation, photometric, layout.bits_allocated) != ("RGB", "YBR_FULL", 8):
        raise DeidentificationError("the colours of a frame are not those that (0028,0004) names")
    from dicomveil_engine.pixels.frames import ybr  # noqa: PLC0415 - loads numpy

    return ybr(array), replace(layout, photometric_interpretation=photometric)


def _is_overwritten(header: PixelHeader, claims: PixelClaims, boxes: Boxes) -> bool:
    """Whether bytes of native Pixel Data change: in boxes, or in the bits above Bits Stored."""
    has_unused_bits = header.bits_allocated > 1 and 0 < header.bits_stored < header.bits_allocated
    return header.transfer_syntax_uid in NATIVE and (bool(boxes) or (claims.is_cleaned and has_unused_bits))


def _item(value: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value


def _end_of_value(instance: InstanceElements, pixel: TopElement) -> int:
    if pixel.end >= 0:
        return pixel.end
    try:
        return end_of_sequence(instance.buffer, pixel.value, instance.encoding, 0)
    except struct.error:
        raise InvalidDataSetError("the instance is cut off in the middle of Pixel Data") from None


def _single_bits(
    instance: InstanceElements, header: PixelHeader, pixel: TopElement, boxes: Boxes, limits: PixelLimits
) -> Iterator[bytes]:
    """Frames of single bits, which are packed without gaps between them."""
    import numpy as np  # noqa: PLC0415 - needed for this kind only

    from dicomveil_engine.pixels.frames import InstanceFrames  # noqa: PLC0415 - needed for this kind only

    frames = InstanceFrames(instance, header, limits)
    arrays = []
    for number in range(1, header.frames + 1):
        array = frames.decoded(number)[0].copy()
        cover_frame(array, boxes.of(number), black_of(header, instance))
        arrays.append(array.reshape(-1))
    value = np.packbits(np.concatenate(arrays), bitorder="little").tobytes()
    value += bytes(len(value) % 2)
    key = instance.encoding.key_of(pixel.tag, pixel.vr)
    yield instance.encoding.element_head(key, len(value)) + value + instance.buffer[pixel.end :]


__all__ = ["InstanceCover", "cover_instance", "encoded_again", "with_document"]
