"""One frame on its own, as it is delivered beside an instance: cleaned while it streams."""

from __future__ import annotations

from dicomveil_engine.code_streams.native import PixelLayout
from dicomveil_engine.code_streams.sniffing import LONGEST_SIGNATURE, carries_metadata, stream_of
from dicomveil_engine.code_streams.stream import Bytes, CodeStream

_ANY_LENGTH = 1 << 62


class EncodedFrame:
    """A frame of encapsulated Pixel Data, without what no decoder reads; it may be shorter than it came."""

    def __init__(self, syntax: str) -> None:
        """`syntax` is the transfer syntax, or empty where it is not known."""
        self._syntax = syntax
        self._held = b""
        self._stream: CodeStream | None = None

    def feed(self, data: bytes | memoryview) -> list[Bytes]:
        """What passes of these bytes. Raises DeidentificationError for what cannot be cleaned."""
        if self._stream is None:
            self._held += bytes(data)
            if len(self._held) < LONGEST_SIGNATURE:
                return []
            self._stream = stream_of(self._held, self._syntax, _ANY_LENGTH)
            data, self._held = self._held, b""
        return [] if self._stream.is_complete else self._stream.feed(bytes(data))

    def close(self) -> list[Bytes]:
        """The rest, now that the frame has ended."""
        if self._stream is None and self._held:
            self._stream = stream_of(self._held, self._syntax, len(self._held))
            out = self._stream.feed(self._held)
            return out if self._stream.is_complete else [*out, *self._stream.close()]
        return [] if self._stream is None or self._stream.is_complete else self._stream.close()


class UndeclaredFrame:
    """Pixel Data not known to be encapsulated or native: its first bytes decide.

    JPEG and JPEG 2000 can hold a name and are cleaned as what they are. A bare JPEG XL code stream and RLE hold nothing
    but the picture, and begin with what pixels may begin with, too: they pass as native pixels do.
    """

    def __init__(self, native: NativeFrame) -> None:
        """`native` is what it passes through where it is not a code stream."""
        self._native = native
        self._held = b""
        self._chosen: EncodedFrame | NativeFrame | None = None

    def feed(self, data: bytes | memoryview) -> list[Bytes]:
        """What passes of these bytes. Raises DeidentificationError for what cannot be cleaned."""
        if self._chosen is None:
            self._held += bytes(data)
            if len(self._held) < LONGEST_SIGNATURE:
                return []
            return self._choose()
        return self._chosen.feed(data)

    def close(self) -> list[Bytes]:
        """The rest, now that the value has ended."""
        first = self._choose() if self._chosen is None else []
        assert self._chosen is not None
        return [*first, *self._chosen.close()]

    def _choose(self) -> list[Bytes]:
        self._chosen = EncodedFrame("") if carries_metadata(self._held) else self._native
        held, self._held = self._held, b""
        return self._chosen.feed(held) if held else []


class NativeFrame:
    """Frames of native pixels in little endian, one or more, without what stands behind them and in unused bits."""

    def __init__(self, layout: PixelLayout, *, removes_overlays: bool, floating_bits: int = 0) -> None:
        """`layout` counts the frames that come."""
        self._left = layout.length(_ANY_LENGTH, floating_bits)
        self._unused = None if floating_bits else layout.unused_bits(removes_overlays=removes_overlays)

    def feed(self, data: bytes | memoryview) -> list[Bytes]:
        """What passes of these bytes."""
        data = memoryview(data)[: self._left]
        self._left -= len(data)
        return [self._unused.feed(bytes(data)) if self._unused else data]

    def close(self) -> list[Bytes]:
        """The rest of a value that is cut off."""
        return [self._unused.close()] if self._unused else []
