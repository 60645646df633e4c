"""Streaming Pixel Data without anything that is not pixels.

Metadata is removed from code streams; bytes after the last pixel and unused bits are removed from native values. The
work is done by `code_streams`, with the layout that is read from the attributes before Pixel Data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from dicomveil_engine.code_streams.fragments import Fragments
from dicomveil_engine.code_streams.native import FLOATING_BITS, PixelLayout, UnusedBits
from dicomveil_engine.code_streams.sniffing import LONGEST_SIGNATURE, refuse_code_stream
from dicomveil_engine.code_streams.stream import Bytes
from dicomveil_engine.part10 import kinds
from dicomveil_engine.part10.body import Body
from dicomveil_engine.part10.encoding import UNDEFINED
from dicomveil_engine.part10.reading import Noted
from dicomveil_engine.part10.table import Entry
from dicomveil_engine.rewriting.passing import PassingValue
from dicomveil_engine.text.own_words import OwnWords

_LAYOUTS_CACHED = 256
_LONGEST_NOTED = 64
"""Bytes of an attribute of the layout; longer ones are invalid and are ignored."""


class EncapsulatedValue:
    """Fragments up to the sequence delimiter."""

    def __init__(self, syntax: str, frames: int) -> None:
        self._fragments = Fragments(syntax, frames)

    @property
    def is_complete(self) -> bool:
        """Whether the value has ended."""
        return self._fragments.is_complete

    def feed(self, data: bytes | memoryview) -> int:
        """The number of these bytes that belong to the value."""
        return self._fragments.feed(data)

    def passed(self, data: bytes | memoryview, taken: int) -> list[Bytes]:  # noqa: ARG002
        """The output that is ready."""
        return self._fragments.passed()


class NativeValue(Body):
    """Native pixels."""

    def __init__(self, length: int, pixels: int, entry: Entry, unused: UnusedBits | None) -> None:
        """`length` is the length of the value and `pixels` that of the pixels in it, in bytes."""
        super().__init__(length, entry.values)
        self._pixels = pixels
        self._padding = bytes(pixels % 2)
        self._unused = unused
        self._begun: bytes | None = b""
        """The first bytes, until they show that the value is no code stream."""

    def passed(self, data: bytes | memoryview, taken: int) -> list[Bytes]:
        """The pixels among these bytes, and at the end padding to an even length."""
        data = memoryview(data)[:taken]
        if self._begun is not None:
            begun = self._begun + bytes(data[:LONGEST_SIGNATURE])
            if len(begun) < LONGEST_SIGNATURE and not self.is_complete:
                self._begun = begun
                return []
            refuse_code_stream(begun)
            data, self._begun = memoryview(self._begun + bytes(data)) if self._begun else data, None
        data = data[: self._pixels]
        self._pixels -= len(data)
        if not self._unused and (self._pixels or not self._padding):
            return [data]
        out: list[Bytes] = [self._unused.feed(bytes(data)) if self._unused else data]
        if not self._pixels and self._unused:
            out.append(self._unused.close())
        if not self._pixels:
            out.append(self._padding)
            self._padding = b""
        return out


class CheckedValue:
    """A value that is kept unless it holds an identifying word."""

    def __init__(self, value: Body, entry: Entry, own: OwnWords) -> None:
        self._value = value
        self._check = PassingValue(entry.tag, entry.vr, own)

    @property
    def is_complete(self) -> bool:
        """Whether the value has ended."""
        return self._value.is_complete

    def feed(self, data: bytes | memoryview) -> int:
        """The number of these bytes that belong to the value."""
        return self._value.feed(data)

    def passed(self, data: bytes | memoryview, taken: int) -> list[Bytes]:
        """The bytes that have been checked."""
        out = [piece for passed in self._value.passed(data, taken) for piece in self._check.feed(passed)]
        return [*out, *self._check.close()] if self.is_complete else out


Value = Body | EncapsulatedValue | CheckedValue


def value_of(
    entry: Entry,
    length: int,
    syntax: str,
    image: Iterable[Noted],
    *,
    removes_overlays: bool,
    own: Callable[[], OwnWords],
) -> tuple[Value, int]:
    """The value of a streamed element, and its new length.

    `syntax` is the transfer syntax; `own` gives the identifying words that are known.
    """
    if entry.kind == kinds.CHECKED:
        return CheckedValue(Body(length, entry.values), entry, own()), length
    if entry.kind != kinds.STREAMED or (entry.head == 8 and not entry.encoding.implicit):
        return Body(length, entry.values), length
    noted = tuple(image)
    if length == UNDEFINED:
        return EncapsulatedValue(syntax, _layout(noted).frames), length
    native = _native(noted, entry, length, removes_overlays)
    unused = native.layout and UnusedBits(native.layout, big=entry.encoding.big)
    value = NativeValue(length, native.pixels, entry, unused)
    return value if native.is_complete else CheckedValue(value, entry, own()), native.pixels + native.pixels % 2


class _Native(NamedTuple):
    """A native value."""

    pixels: int
    """The number of bytes of pixels in it."""
    is_complete: bool
    """Whether these are all pixels that the attributes describe. If not, the bytes may be anything."""
    layout: PixelLayout | None
    """The layout, if there are unused bits to clear."""


def _layout(noted: tuple[Noted, ...]) -> PixelLayout:
    """The layout from noted attributes; if a tag occurs twice, the first counts."""
    return PixelLayout.of({one[0].tag: _first(one) for one in reversed(noted)})


@lru_cache(_LAYOUTS_CACHED)
def _native(noted: tuple[Noted, ...], entry: Entry, length: int, removes_overlays: bool) -> _Native:
    layout, floating = _layout(noted), FLOATING_BITS.get(entry.tag, 0)
    is_cleared = not floating and layout.unused_bits(removes_overlays=removes_overlays) is not None
    complete = layout.complete_length(length, floating)
    return _Native(complete or length, bool(complete), layout if is_cleared else None)


def _first(noted: Noted) -> str | int | None:
    """The first value of an element."""
    entry, value, codecs = noted
    if len(value) > _LONGEST_NOTED:
        return None
    try:
        values = entry.values.decode(entry.vr, value, codecs)
    except ValueError:
        return None
    first = values[0] if isinstance(values, list) and values else None
    return first.strip(" \0") if isinstance(first, str) else first if isinstance(first, int) else None
