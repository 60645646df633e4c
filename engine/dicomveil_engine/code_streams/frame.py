"""Cleaning single frames, and bulk data of pixels, while they stream."""

from __future__ import annotations

from dicomveil_engine.code_streams.native import PixelLayout
from dicomveil_engine.code_streams.sniffing import LONGEST_SIGNATURE, carries_metadata, refuse_code_stream, stream_of
from dicomveil_engine.code_streams.stream import Bytes, CodeStream
from dicomveil_engine.errors import DeidentificationError

_ANY_LENGTH = 1 << 62


class EncodedFrame:
    """A frame of encapsulated Pixel Data, without metadata; the output may be shorter than the input."""

    is_certain = True
    """Whether the value can hold nothing but pixels."""

    def __init__(self, syntax: str) -> None:
        """`syntax` is the transfer syntax, or empty if it is unknown."""
        self._syntax = syntax
        self._held = b""
        self._stream: CodeStream | None = None

    def feed(self, data: bytes | memoryview) -> list[Bytes]:
        """The part of these bytes that passes. Raises DeidentificationError if the frame cannot be cleaned."""
        if self._stream is None:
            self._held += bytes(data)
            if len(self._held) < LONGEST_SIGNATURE:
                return []
            self._stream = stream_of(self._held, self._syntax, _ANY_LENGTH)
            data, self._held = self._held, b""
        return [] if self._stream.is_complete else self._stream.feed(bytes(data))

    def close(self) -> list[Bytes]:
        """The rest of the output, at the end of the frame."""
        if self._stream is None and self._held:
            self._stream = stream_of(self._held, self._syntax, len(self._held))
            out = self._stream.feed(self._held)
            return out if self._stream.is_complete else [*out, *self._stream.close()]
        return [] if self._stream is None or self._stream.is_complete else self._stream.close()


class UndeclaredFrame:
    """Pixel Data that may be encapsulated or native: its first bytes decide.

    JPEG and JPEG 2000 can hold metadata and are cleaned as such. A bare JPEG XL code stream and RLE hold nothing but
    the picture, and their first bytes may also be pixels: they pass as native pixels.
    """

    def __init__(self, native: NativeFrame) -> None:
        """`native` cleans the value if it is not a code stream."""
        self.is_certain = native.is_certain
        self._native = native
        self._held = b""
        self._chosen: EncodedFrame | NativeFrame | None = None

    def feed(self, data: bytes | memoryview) -> list[Bytes]:
        """The part of these bytes that passes. Raises DeidentificationError if the frame cannot be cleaned."""
        if self._chosen is None:
            self._held += bytes(data)
            if len(self._held) < LONGEST_SIGNATURE:
                return []
            return self._choose()
        return self._chosen.feed(data)

    def close(self) -> list[Bytes]:
        """The rest of the output, at the end of the value."""
        first = self._choose() if self._chosen is None else []
        assert self._chosen is not None
        return [*first, *self._chosen.close()]

    def _choose(self) -> list[Bytes]:
        self._chosen = EncodedFrame("") if carries_metadata(self._held) else self._native
        held, self._held = self._held, b""
        return self._chosen.feed(held) if held else []


class NativeFrame:
    """One or more frames of native pixels in little endian, without bytes after them, and with unused bits cleared."""

    def __init__(
        self, layout: PixelLayout, *, removes_overlays: bool, floating_bits: int = 0, length: int | None = None
    ) -> None:
        """`layout` has the number of frames that are fed; `length` is that of the value in bytes, if it is known.

        A value that is shorter than its pixels, or may be, can hold anything, as in an instance.
        """
        self.is_certain = length is not None and bool(layout.complete_length(length, floating_bits))
        self._left = layout.length(_ANY_LENGTH if length is None else length, floating_bits)
        self._unused = None if floating_bits else layout.unused_bits(removes_overlays=removes_overlays)
        self._begun: bytes | None = b""
        """The first bytes, until they show that this is no code stream."""

    def feed(self, data: bytes | memoryview) -> list[Bytes]:
        """The part of these bytes that passes. Raises DeidentificationError for a code stream."""
        if self._begun is not None:
            if self._begun or len(data) < LONGEST_SIGNATURE:
                data = self._begun = self._begun + bytes(data)
                if len(data) < LONGEST_SIGNATURE:
                    return []
            refuse_code_stream(bytes(data[:LONGEST_SIGNATURE]))
            self._begun = None
        data = memoryview(data)[: self._left]
        self._left -= len(data)
        return [self._unused.feed(bytes(data)) if self._unused else data]

    def close(self) -> list[Bytes]:
        """The bytes of an incomplete pixel, if the value is cut off, or of a value that is very short."""
        begun, self._begun = self._begun, None
        refuse_code_stream(begun or b"")
        out = self.feed(begun) if begun else []
        return [*out, self._unused.close()] if self._unused else out


class HeldFrame:
    """A native frame of unknown length, which is held until its pixels are complete."""

    is_certain = True
    """Whether the value can hold nothing but pixels."""

    def __init__(self, layout: PixelLayout, *, removes_overlays: bool, limit: int) -> None:
        """`limit`: the most bytes that are held."""
        self._layout, self._removes_overlays, self._limit = layout, removes_overlays, limit
        self._needed = layout.complete_length(_ANY_LENGTH)
        self._held = bytearray()
        self._chosen: NativeFrame | None = None

    def feed(self, data: bytes | memoryview) -> list[Bytes]:
        """The part of these bytes that passes. Raises DeidentificationError for what is not a frame, or too long."""
        if self._chosen is not None:
            return self._chosen.feed(data)
        self._held += data
        if len(self._held) >= self._needed:
            return self._choose()
        if len(self._held) > self._limit:
            raise DeidentificationError(
                f"(7FE0,0010) PixelData has a frame over {self._limit} bytes, of which the origin server does not say "
                "the length"
            )
        return []

    def close(self) -> list[Bytes]:
        """The rest of the output, at the end of the frame. Raises DeidentificationError if pixels are missing."""
        first = self._choose() if self._chosen is None else []
        assert self._chosen is not None
        return [*first, *self._chosen.close()]

    def _choose(self) -> list[Bytes]:
        held, self._held = bytes(self._held), bytearray()
        self._chosen = native_frame(self._layout, removes_overlays=self._removes_overlays, length=len(held))
        return self._chosen.feed(held)


def native_frame(layout: PixelLayout, *, removes_overlays: bool, length: int) -> NativeFrame:
    """The filter for a frame of this length. Raises DeidentificationError if it is shorter than its pixels."""
    frame = NativeFrame(layout, removes_overlays=removes_overlays, length=length)
    if not frame.is_certain:
        raise DeidentificationError("(7FE0,0010) PixelData has a frame that is shorter than its attributes describe")
    return frame
