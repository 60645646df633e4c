"""The value of a streamed element (Pixel Data or another long value), passed through in chunks of any size."""

from __future__ import annotations

from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.part10.encoding import UNDEFINED, Encoding


class Body:
    """A value of known length, or fragments up to the sequence delimiter (PS3.5 Section A.4)."""

    def __init__(self, length: int, encoding: Encoding) -> None:
        self._encoding = encoding
        self._is_encapsulated = length == UNDEFINED
        self._remaining = 0 if self._is_encapsulated else length
        self._head = b""
        """The bytes received of the next fragment's head."""
        self.is_complete = length == 0

    def feed(self, data: bytes | memoryview) -> int:
        """The number of these bytes that belong to the value. Raises InvalidDataSetError for what is not a fragment."""
        taken, size = 0, len(data)
        while not self.is_complete and taken < size:
            if self._remaining:
                step = min(self._remaining, size - taken)
                self._remaining -= step
                taken += step
                self.is_complete = not self._is_encapsulated and not self._remaining
                continue
            step = min(8 - len(self._head), size - taken)
            self._head += bytes(data[taken : taken + step])
            taken += step
            if len(self._head) == 8:
                self._next_fragment()
        return taken

    def passed(self, data: bytes | memoryview, taken: int) -> list[bytes | memoryview]:
        """The output for these bytes, of which the first `taken` belong to the value."""
        return [memoryview(data)[:taken]] if taken else []

    def _next_fragment(self) -> None:
        group, element = self._encoding.tag.unpack_from(self._head)
        (length,) = self._encoding.u32.unpack_from(self._head, 4)
        self._head = b""
        if (group, element) == (0xFFFE, 0xE0DD):
            self.is_complete = True
        elif (group, element) == (0xFFFE, 0xE000) and length != UNDEFINED:
            self._remaining = length
        else:
            raise InvalidDataSetError("encapsulated Pixel Data holds something that is not a fragment")
