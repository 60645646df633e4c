"""The walker: walks a data set that arrives in pieces, as far as it has arrived.

The output depends on the bytes, never on how they were split.
"""

from __future__ import annotations

import struct
from contextlib import suppress

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.errors import DeidentificationError, InvalidDataSetError
from dicomveil_engine.part10.encoding import UNDEFINED, read_head
from dicomveil_engine.part10.handlers import HANDLERS
from dicomveil_engine.part10.reading import Reading
from dicomveil_engine.part10.resolution import Resolver
from dicomveil_engine.part10.state import NeedMoreError, State
from dicomveil_engine.part10.table import FIRST_STREAMED, LAST_STREAMED, Entry, Pending
from dicomveil_engine.part10.tables import Tables
from dicomveil_engine.part10.top_level import walk_elements
from dicomveil_engine.rewriting.decisions import Decisions

_CUT_OFF = "an element is longer than the rest of the instance, which is cut off, or has a damaged length"
_SMALL = 64
"""Bytes of an incomplete element that are walked again with each piece."""


class Walker:
    """The walk through one data set under a policy."""

    def __init__(self, policy: Decisions, tables: Tables) -> None:
        self._state = State(policy, tables, HANDLERS)
        self._chunks: list[bytes] = []
        """The pieces that arrived since the buffer was last walked."""
        self.held = 0
        """Bytes that cannot be written yet."""
        self._retry_at = 0
        """The number of held bytes at which walking again is worthwhile."""
        self._begun = 0
        """The beginning of the elements in the buffer."""
        self._offset = 0
        """The offset of the buffer in the instance, for messages."""
        self._last: int | None = None
        """The tag of the streamed element before the buffer."""
        self._latest: Resolver | None = None
        self._early: list[tuple[list[tuple[int, Pending]], Resolver | None, int]] = []
        """What was written before a long value: pending elements, their resolver, and the number of names known."""
        self._is_behind_pixels = False
        self._is_over = False
        """Whether the rest is surplus bytes after Pixel Data, which are dropped."""

    def feed(self, data: bytes, start: int = 0) -> None:
        """Add bytes of the data set, which begins at `start` in the first piece."""
        if self._is_over:
            return
        state = self._state
        missing = state.section.start - self.held
        if missing > 0:
            # The dropped element is longer than the buffer; its bytes are not held.
            drop = min(missing, len(data))
            data = data[drop:]
            state.section.start -= drop
            state.position -= drop
            self._offset += drop
        if self.held:
            self._chunks.append(data)
        else:
            state.buffer = data
            self._begun = start
            if start:
                state.position = state.section.start = start
        self.held += len(data)

    @property
    def reading(self) -> Reading:
        """The noted values, as far as the data set has been walked."""
        return self._state.reading

    @property
    def is_finished(self) -> bool:
        """Whether everything is written."""
        return not self.held and not self._state.position and not self._state.claims.due

    def skip(self, count: int) -> None:
        """Count bytes that were passed on without the walker."""
        self._offset += count

    def take(self, head: int = 0, *, keep: bool = False) -> tuple[bytes | bytearray, memoryview]:
        """The output that is ready, and the bytes that were not walked yet.

        At a streamed element, `head` is the length of its head, which is written too if `keep`.
        """
        state = self._state
        position, streamed = state.position, state.streamed
        end = position + head if keep else position
        state.reading.measure(position)
        if self._early:
            self._refuse_late_names()
        pending = state.section.pending
        written = state.section.write(state.buffer, end, self._resolver)
        if pending and streamed:
            self._early.append((pending, self._latest, len(state.reading.identifying)))
        position += head
        rest = memoryview(state.buffer)[position:]
        self._offset += position
        state.buffer = b""
        state.position = state.section.start = self._begun = self._retry_at = self.held = 0
        self._last = tag = streamed[0].tag if streamed else None
        if tag is not None and FIRST_STREAMED <= tag <= LAST_STREAMED:
            if keep and self._is_behind_pixels:
                # The search for text in pixels covers the first one only.
                raise InvalidDataSetError("there are several Pixel Data elements, of which one is allowed")
            self._is_behind_pixels = True
        # Elements after the streamed one may be in the same private blocks.
        state.creators.keep_only(None if tag is None else tag >> 16)
        return written, rest

    def _refuse_late_names(self) -> None:
        """Refuse a name after Pixel Data or another long value, if it is in a text that was written before it."""
        for pending, early, named in self._early:
            if early is None or len(self._state.reading.identifying) == named:
                continue
            resolver = self._resolver()
            for _, one in pending:
                if resolver[one] != early[one]:
                    where = dictionary.described(one[0].tag) if one[0].tag else "an element"
                    raise DeidentificationError(
                        f"{where} holds a word of an identifying attribute that comes after Pixel Data or another long "
                        "value, and was written before that attribute was read"
                    )

    def _drop_surplus(self) -> None:
        state = self._state
        state.buffer, self.held, self._is_over = state.buffer[: state.position], state.position, True

    def _where(self) -> str:
        """The location of an error, for messages: its offset, and the element before it if that is known."""
        state, position = self._state, self._begun
        last = "" if self._last is None else dictionary.described(self._last)
        wrong = state.position
        with suppress(struct.error):
            while position < state.position:
                tag, _, value_at, length, _ = read_head(state.buffer, position, state.encoding)
                if length == UNDEFINED:
                    break
                if value_at + length > len(state.buffer):
                    wrong = position  # kept elements are passed over before the buffer holds them
                    break
                last, position = dictionary.described(tag), value_at + length
        before = f" after {last}" if last and position == wrong else ""
        return f"it is the element at offset {self._offset + wrong}{before}"

    def _resolver(self) -> Resolver:
        resolver = Resolver if self._state.reading.is_long else self._state.tables.resolver
        self._latest = latest = resolver(self._state.reading.known())
        return latest

    def walk(self, *, closing: bool) -> tuple[Entry, int] | None:
        """Continue the walk. Return the element to be streamed and its length, or None at the end of the buffer.

        Raises InvalidDataSetError and DeidentificationError; when `closing`, also if the data set is cut off.
        """
        state = self._state
        if self.held < self._retry_at and not closing:
            return None
        if self._chunks:
            state.buffer = b"".join((state.buffer, *self._chunks))
            self._chunks.clear()
        state.streamed = None
        state.is_complete = closing
        try:
            if self.held:
                walk_elements(state)
        except InvalidDataSetError as error:
            if not self._is_behind_pixels:
                raise InvalidDataSetError(f"{error}; {self._where()}") from None
            self._drop_surplus()
        except (NeedMoreError, struct.error) as error:
            if not closing:
                held = len(state.buffer) - state.position
                until = error.until if isinstance(error, NeedMoreError) else 0
                # Walk again when the length has doubled, so that a sequence in small pieces costs twice its length.
                self._retry_at = max(until, 2 * held + state.position if held > _SMALL else 0)
                return None
            if self._is_behind_pixels:
                self._drop_surplus()
            elif any(state.buffer[state.position :]):
                raise InvalidDataSetError(f"{_CUT_OFF}; {self._where()}") from None
        if closing and not state.streamed:
            if state.position > len(state.buffer):
                raise InvalidDataSetError(f"{_CUT_OFF}; {self._where()}")
            state.claims.write(state.section, state.buffer, state.position)
        return state.streamed
