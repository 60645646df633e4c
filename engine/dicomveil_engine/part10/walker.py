"""The walker: a data set that comes in pieces, walked as far as it has come.

It can be asked again when there is more; what it gives depends on the bytes, never on how they were cut. What an
element means is not known here.
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

_CUT_OFF = "an element is longer than what is left of the instance, which is cut off, or has a damaged length"
_SMALL = 64
"""Bytes that are walked again with each piece that comes."""


class Walker:
    """The walk through one data set under a policy."""

    def __init__(self, policy: Decisions, tables: Tables) -> None:
        self._state = State(policy, tables, HANDLERS)
        self._chunks: list[bytes] = []
        """What has come since the buffer was last walked."""
        self.held = 0
        """Bytes that are held because they cannot be written yet."""
        self._retry_at = 0
        self._begun = 0
        """Where the elements in the buffer begin."""
        self._offset = 0
        """Where in the data set, with all that came before it, the buffer begins."""
        self._last: int | None = None
        """The tag of the element that was passed on in chunks before the buffer."""
        self._latest: Resolver | None = None
        self._early: list[tuple[list[tuple[int, Pending]], Resolver | None, int]] = []
        """What was written before a long value: what waited, how it was resolved, and how many names were known."""
        self._is_behind_pixels = False
        self._is_over = False
        """Whether what is left is not an element: surplus bytes behind Pixel Data, which are dropped."""

    def feed(self, data: bytes, start: int = 0) -> None:
        """Add bytes of the data set, which begins at `start` in the first ones."""
        if self._is_over:
            return
        state = self._state
        missing = state.section.start - self.held
        if missing > 0:
            # What is left out is longer than what has come: it need not be held.
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
        """What the instance says of itself, as far as it has been walked."""
        return self._state.reading

    @property
    def is_finished(self) -> bool:
        """Whether all that has come is written, and nothing else is due."""
        return not self.held and not self._state.position and not self._state.claims.due

    def skip(self, count: int) -> None:
        """Count bytes that were passed on beside the walker."""
        self._offset += count

    def take(self, head: int = 0, *, keep: bool = False) -> tuple[bytes | bytearray, memoryview]:
        """What is ready to be written, and what was not walked yet.

        At a streamed element, `head` is the length of what stands before its value, written too if `keep`.
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
                # Who looks at pixels has looked at the first element only.
                raise InvalidDataSetError("there are several elements of pixels, of which one is allowed")
            self._is_behind_pixels = True
        # Elements behind the streamed one may be of its blocks.
        state.creators.keep_only(None if tag is None else tag >> 16)
        return written, rest

    def _refuse_late_names(self) -> None:
        """Refuse a name that stands in a text that is written already, before Pixel Data or another long value."""
        for pending, early, named in self._early:
            if early is None or len(self._state.reading.identifying) == named:
                continue
            resolver = self._resolver()
            for _, one in pending:
                if resolver[one] != early[one]:
                    where = dictionary.described(one[0].tag) if one[0].tag else "an element"
                    raise DeidentificationError(
                        f"{where} holds a word of an identifying attribute behind Pixel Data or another long value, "
                        "and was written before that one came"
                    )

    def _drop_surplus(self) -> None:
        state = self._state
        state.buffer, self.held, self._is_over = state.buffer[: state.position], state.position, True

    def _where(self) -> str:
        """Behind which element of the data set itself something is wrong, as far as that is known."""
        state, position = self._state, self._begun
        last = "" if self._last is None else dictionary.described(self._last)
        wrong = state.position
        with suppress(struct.error):
            while position < state.position:
                tag, _, value_at, length, _ = read_head(state.buffer, position, state.encoding)
                if length == UNDEFINED:
                    break
                if value_at + length > len(state.buffer):
                    wrong = position  # what is kept is passed over before it is there
                    break
                last, position = dictionary.described(tag), value_at + length
        behind = f" behind {last}" if last and position == wrong else ""
        return f"it is the element at offset {self._offset + wrong}{behind}"

    def _resolver(self) -> Resolver:
        resolver = Resolver if self._state.reading.is_long else self._state.tables.resolver
        self._latest = latest = resolver(self._state.reading.known())
        return latest

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
                # Once for every doubling, so that a long sequence in small pieces costs twice its length, no more.
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
