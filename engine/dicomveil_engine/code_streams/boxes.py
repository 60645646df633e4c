"""Boxes of JP2 files and JPEG XL containers (ISO/IEC 15444-1 Annex I, ISO/IEC 18181-2).

Only the code stream in the boxes passes: PS3.5 Section A.4.4 requires a code stream without a file header, and all
decoders read it.
"""

from __future__ import annotations

from collections.abc import Mapping

from dicomveil_engine.code_streams.stream import Bytes, CodeStream, unclean

_SUPERBOXES = frozenset((b"jp2h",))
_PALETTE = b"pclr"
_LAST_PART = 0x80000000


def box_head(data: bytes, position: int) -> tuple[bytes, int, int] | None:
    """The type of a box, the length of its head, and of its content (-1: to the end); None if it is cut off."""
    if position + 8 > len(data):
        return None
    length, head = int.from_bytes(data[position : position + 4], "big"), 8
    if length == 1:
        if position + 16 > len(data):
            return None
        length, head = int.from_bytes(data[position + 8 : position + 16], "big"), 16
    return data[position + 4 : position + 8], head, length - head if length else -1


class BoxedStream:
    """The code stream within boxes."""

    def __init__(self, inner: CodeStream, skipped: Mapping[bytes, int]) -> None:
        """`skipped`: type of a box that holds the code stream → bytes of its content before the code stream."""
        self._inner = inner
        self._skipped = skipped
        self._held = b""
        self._left = 0
        """Bytes left of the box's content; -1 for a box that extends to the end."""
        self._is_passed = self._is_last = False
        self.is_complete = False

    @property
    def may_end(self) -> bool:
        """Whether the code stream in the boxes may end here."""
        return self._is_passed and self._inner.may_end

    def feed(self, data: bytes) -> list[Bytes]:
        """The part of these bytes that passes."""
        data = self._held + data if self._held else data
        out: list[Bytes] = []
        position, size = 0, len(data)
        while position < size and not self.is_complete:
            if self._left:
                step = size - position if self._left < 0 else min(self._left, size - position)
                if self._is_passed:
                    out += self._inner.feed(data[position : position + step])
                position += step
                self._left -= step if self._left > 0 else 0
            else:
                head = self._enter(data, position)
                if not head:
                    break
                position += head
            self.is_complete = self._inner.is_complete or (self._is_passed and self._is_last and not self._left)
        self._held = b"" if self.is_complete else data[position:]
        return out

    def close(self) -> list[Bytes]:
        """The bytes that the code stream held back."""
        self._held = b""
        return self._inner.close() if self._is_passed else []

    def _enter(self, data: bytes, position: int) -> int:
        """Begin the box at the position; return the length of its head, or 0 if more bytes are needed."""
        found = box_head(data, position)
        if found is None:
            return 0
        kind, head, length = found
        if length < -1 or kind == _PALETTE:
            raise unclean("has a frame in a file format from which its code stream cannot be taken")
        self._is_passed = kind in self._skipped
        if self._is_passed:
            before = self._skipped[kind]
            if position + head + before > len(data):
                return 0
            number = data[position + head : position + head + before]
            self._is_last = not before or bool(int.from_bytes(number, "big") & _LAST_PART)
            head, length = head + before, length if length < 0 else max(0, length - before)
        self._left = 0 if kind in _SUPERBOXES else length
        return head
