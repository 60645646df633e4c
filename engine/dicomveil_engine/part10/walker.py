"""The walker: a data set that comes in pieces, walked as far as it has come.

It can be asked again when there is more; what it gives depends on the bytes, never on how they were cut. What an
element means is not known here.
"""

from __future__ import annotations

import struct

from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.part10.handlers import HANDLERS
from dicomveil_engine.part10.reading import Reading
from dicomveil_engine.part10.resolution import Resolver
from dicomveil_engine.part10.state import NeedMoreError, State
from dicomveil_engine.part10.table import Entry
from dicomveil_engine.part10.tables import Tables
from dicomveil_engine.part10.top_level import walk_elements
from dicomveil_engine.policy import Policy

_SMALL = 64
"""Bytes that are walked again with each piece that comes."""


class Walker:
    """One data set on its way through the policy."""

    def __init__(self, policy: Policy, tables: Tables) -> None:
        self._state = State(policy, tables, HANDLERS)
        self._chunks: list[bytes] = []
        """What has come since the buffer was last walked."""
        self.held = 0
        """Bytes that are held because they cannot be written yet."""
        self._retry_at = 0

    def feed(self, data: bytes, start: int = 0) -> None:
        """Add bytes of the data set, which begins at `start` in the first ones."""
        state = self._state
        missing = state.section.start - self.held
        if missing > 0:
            # What is left out is longer than what has come: it need not be held.
            drop = min(missing, len(data))
            data = data[drop:]
            state.section.start -= drop
            state.position -= drop
        if self.held:
            self._chunks.append(data)
        else:
            state.buffer = data
            if start:
                state.position = state.section.start = start
        self.held += len(data)

    @property
    def reading(self) -> Reading:
        """What the instance says of itself, as far as it has been walked."""
        return self._state.reading

    @property
    def is_finished(self) -> bool:
        """Whether all that has come is written, and nothing else is due."""
        return not self.held and not self._state.position and not self._state.marks.due

    def take(self, head: int = 0, *, keep: bool = False) -> tuple[bytes | bytearray, memoryview]:
        """What is ready to be written, and what was not walked yet.

        At a streamed element, `head` is the length of what stands before its value, written too if `keep`.
        """
        state = self._state
        end = state.position + (head if keep else 0)
        state.reading.measure(state.position)
        written = state.section.write(state.buffer, end, self._resolver)
        rest = memoryview(state.buffer)[state.position + head :]
        state.buffer, state.position, state.section.start, self._retry_at, self.held = b"", 0, 0, 0, 0
        # Elements behind the streamed one may be of its blocks.
        state.creators.keep_only(state.streamed[0].tag >> 16 if state.streamed else None)
        return written, rest

    def _resolver(self) -> Resolver:
        resolver = Resolver if self._state.reading.is_long else self._state.tables.resolver
        return resolver(self._state.reading.known())

    def walk(self, *, closing: bool) -> tuple[Entry, int] | None:
        """Walk on. Gives the element to be streamed and its length, or None at the end of the buffer.

        Raises InvalidDataSetError and DeidentificationError; when `closing`, also if the data set is cut off.
        """
        state = self._state
        if self.held < self._retry_at and not closing:
            return None
        if self._chunks:
            state.buffer = b"".join((state.buffer, *self._chunks))
            self._chunks.clear()
        state.streamed = None
        try:
            if self.held:
                walk_elements(state)
        except (NeedMoreError, struct.error) as error:
            if not closing:
                held = len(state.buffer) - state.position
                until = error.until if isinstance(error, NeedMoreError) else 0
                # Once for every doubling, so that a long sequence in small pieces costs twice its length, no more.
                self._retry_at = max(until, 2 * held + state.position if held > _SMALL else 0)
                return None
            if any(state.buffer[state.position :]):
                raise InvalidDataSetError("the instance is cut off in the middle of an element") from None
        if closing and not state.streamed:
            if state.position > len(state.buffer):
                raise InvalidDataSetError("the instance is cut off in the middle of a value")
            state.marks.write(state.section, state.buffer, state.position)
        return state.streamed
