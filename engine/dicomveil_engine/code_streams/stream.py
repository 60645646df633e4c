"""The interface of code streams."""

from __future__ import annotations

from typing import Protocol

from dicomveil_engine.errors import DeidentificationError

Bytes = bytes | memoryview


class CodeStream(Protocol):
    """A code stream, fed in chunks of any size. It gives no more bytes than it was fed."""

    is_complete: bool
    """Whether the end was reached; bytes after it do not belong to the stream."""

    def feed(self, data: bytes, /) -> list[Bytes]:
        """The part of these bytes that passes. Raises DeidentificationError if the stream cannot be cleaned."""
        ...

    def close(self) -> list[Bytes]:
        """The part of held bytes that passes, for a stream that is cut off."""
        ...

    @property
    def may_end(self) -> bool:
        """Whether another stream may begin here, although this one has not ended."""
        ...


def unclean(what: str) -> DeidentificationError:
    """The error for Pixel Data that cannot be cleaned."""
    return DeidentificationError(f"(7FE0,0010) PixelData {what}; with a rule that removes it, the instance passes")
