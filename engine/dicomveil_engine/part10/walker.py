"""The walker: a data set that comes in pieces, walked as far as it has come.

It can be asked again when there is more; what it gives depends on the bytes, never on how they were cut. What an
element means is not known here.
"""

from __future__ import annotations

import struct

from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.part10.resolution import Resolver
from dicomveil_engine.part10.state import NeedMoreError
from dicomveil_engine.part10.table import Entry
from dicomveil_engine.part10.tables import Tables
from dicomveil_engine.part10.top_level import TopLevel
from dicomveil_engine.policy import Policy


class Walker(TopLevel):
    """One data set on its way through the policy."""

    def __init__(self, policy: Policy, tables: Tables) -> None:
        super().__init__(policy, tables)
        self._chunks: list[bytes] = []
        """What has come since the buffer was last walked."""
        self.held = 0
        """Bytes that are held because they cannot be written yet."""
        self._retry_at = 0

    def feed(self, data: bytes, start: int = 0) -> None:
        """Add bytes of the data set, which begins at `start` in the first ones."""
        missing = self._section.start - self.held
        if missing > 0:
            # What is left out is longer than what has come: it need not be held.
            drop = min(missing, len(data))
            data = data[drop:]
            self._section.start -= drop
            self._position -= drop
        if self.held:
            self._chunks.append(data)
        else:
            self._buffer = data
            if start:
                self._position = self._section.start = start
        self.held += len(data)

    @property
    def is_finished(self) -> bool:
        """Whether all that has come is written, and nothing else is due."""
        return not self.held and not self._position and not self._marks.due

    def take(self, head: int = 0, *, keep: bool = False) -> tuple[bytes | bytearray, memoryview]:
        """What is ready to be written, and what was not walked yet.

        At a streamed element, `head` is the length of what stands before its value, written too if `keep`.
        """
        end = self._position + (head if keep else 0)
        self.reading.measure(self._position)
        written = self._section.write(self._buffer, end, self._resolver)
        rest = memoryview(self._buffer)[self._position + head :]
        self._buffer, self._position, self._section.start, self._retry_at, self.held = b"", 0, 0, 0, 0
        # Elements behind the streamed one may be of its blocks.
        self._creators.keep_only(self._streamed[0].tag >> 16 if self._streamed else None)
        return written, rest

    def _resolver(self) -> Resolver:
        resolver = Resolver if self.reading.is_long else self._tables.resolver
        return resolver(self.reading.known())

    def walk(self, *, closing: bool) -> tuple[Entry, int] | None:
        """Walk on. Gives the element to be streamed and its length, or None at the end of the buffer.

        Raises InvalidDataSetError and DeidentificationError; when `closing`, also if the data set is cut off.
        """
        if self.held < self._retry_at and not closing:
            return None
        if self._chunks:
            self._buffer = b"".join((self._buffer, *self._chunks))
            self._chunks.clear()
        self._streamed = None
        try:
            if self.held:
                self._elements()
        except (NeedMoreError, struct.error) as error:
            if not closing:
                held = len(self._buffer) - self._position
                until = error.until if isinstance(error, NeedMoreError) else 0
                # Once for every doubling, so that a long sequence in small pieces costs twice its length, no more.
                self._retry_at = max(until, 2 * held + self._position if held > 64 else 0)
                return None
            if any(self._buffer[self._position :]):
                raise InvalidDataSetError("the instance is cut off in the middle of an element") from None
        if closing and not self._streamed:
            if self._position > len(self._buffer):
                raise InvalidDataSetError("the instance is cut off in the middle of a value")
            self._marks.write(self._section, self._buffer, self._position)
        return self._streamed
