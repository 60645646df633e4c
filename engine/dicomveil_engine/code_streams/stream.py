"""What every family of code streams has in common."""

from __future__ import annotations

from typing import Protocol

from dicomveil_engine.errors import DeidentificationError

Bytes = bytes | memoryview


class CodeStream(Protocol):
    """One code stream, fed in chunks of any size. It gives no more bytes than it was fed."""

    is_complete: bool
    """Whether its end has come: nothing behind it belongs to it."""

    def feed(self, data: bytes, /) -> list[Bytes]:
        """What passes of these bytes. Raises DeidentificationError for what cannot be cleaned."""
        ...

    def close(self) -> list[Bytes]:
        """What passes of bytes that were held back, now that no more come; for streams that are cut off."""
        ...

    @property
    def may_end(self) -> bool:
        """Whether another stream may begin here although this one has no end."""
        ...


def unclean(what: str) -> DeidentificationError:
    """The refusal of Pixel Data in which something stands that cannot be cleaned."""
    return DeidentificationError(f"(7FE0,0010) PixelData {what}; a rule that removes it lets the instance out without")
