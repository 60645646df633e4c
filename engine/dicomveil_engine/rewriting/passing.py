"""Kept values that pass in chunks, and are checked meanwhile. Values that are held are checked by `checking`.

What has passed cannot be emptied any more, so an identifying word ends the instance with an error.
"""

from __future__ import annotations

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.errors import DeidentificationError
from dicomveil_engine.rewriting.checking import is_data_set
from dicomveil_engine.text.in_bytes import SHORTEST_IN_LONG, has_word_within
from dicomveil_engine.text.own_words import OwnWords

Bytes = bytes | memoryview

_BLOCK = 1 << 16
"""Bytes that are searched at once, from the value's beginning: the result does not depend on how it was divided."""
_OVERLAP = 128
"""Bytes that are held until the next block is searched, since a word may continue there; an even number."""


class PassingValue:
    """A binary value, fed in chunks of any size; at most one block is held."""

    def __init__(self, tag: int, vr: str, own: OwnWords) -> None:
        """`own` are the identifying words of the data set, as far as they are known."""
        self._tag, self._vr, self._own = tag, vr, own
        self._held = b""
        self._is_begun = False

    def feed(self, data: Bytes) -> list[Bytes]:
        """The bytes that have been checked. Raises DeidentificationError for an identifying word, or a data set."""
        held = len(self._held)
        if held + len(data) < _BLOCK:
            self._held += bytes(data)
            return []
        view = memoryview(self._held + bytes(data) if held else data)
        position = 0
        while len(view) - position >= _BLOCK:
            self._check(bytes(view[position : position + _BLOCK]))
            position += _BLOCK - _OVERLAP
        self._held = bytes(view[position:])
        return [view[:position]]

    def close(self) -> list[Bytes]:
        """The rest, at the end of the value."""
        held, self._held = self._held, b""
        if held:
            self._check(held)
        return [held]

    def _check(self, block: bytes) -> None:
        is_nested = not self._is_begun and is_data_set(block)
        self._is_begun = True
        if is_nested or has_word_within(block, self._own, SHORTEST_IN_LONG):
            what = "a data set" if is_nested else "an identifying word of the instance"
            raise DeidentificationError(
                f"{dictionary.described(self._tag, self._vr)} holds {what}; with a rule that removes it, "
                "the instance passes"
            )
