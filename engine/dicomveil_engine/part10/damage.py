"""Searching what can be read of a dropped sequence with damage.

Nothing of the sequence comes out, so damage in it is no reason to refuse the instance. But a name in it must not be
left in a text: the search resumes behind what cannot be read wherever its end is known, and notes UNREAD for bytes that
were not read. It is slower than `search`, and only used after that has failed.
"""

from __future__ import annotations

import struct

from dicomveil_engine.attributes import characters
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.part10 import kinds
from dicomveil_engine.part10.encoding import ITEM_END, UNDEFINED, Encoding
from dicomveil_engine.part10.reading import UNREAD, UNREAD_TEXT
from dicomveil_engine.part10.skip import encoding_at, end_of_sequence
from dicomveil_engine.part10.state import ItemWalk, State, decide_private, end_of_stray, refuse_short
from dicomveil_engine.part10.table import DecisionTable

_HEAD = 8
"""Bytes of the head of an item or delimiter, and of the shortest element."""
_LONGEST_TEXT = 256
"""Bytes of a text in the place of items, such as one of another VR in implicit VR."""


class DamagedSequence:
    """The search of one dropped sequence."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._buffer = state.buffer

    def items(
        self, position: int, end: int, encoding: Encoding, depth: int, codecs: tuple[str, ...], *, is_open: bool
    ) -> int:
        """Note the identifying values in the items up to `end`, or a delimiter if `is_open`; return their end.

        `depth` and `codecs` are those of the items.
        """
        if depth > self._state.depth_limit:
            return self._leave(position, end)
        while position + _HEAD <= end:
            tag, size = encoding.item.unpack_from(self._buffer, position)
            if tag == encoding.sequence_end:
                position += _HEAD
                if is_open:
                    return position
                continue  # superfluous in a sequence of defined length
            if tag != encoding.item_tag:
                break
            position += _HEAD
            item_open = size == UNDEFINED
            item_end = end if item_open else min(position + size, end)
            walked = ItemWalk(item_end, item_open, depth, codecs, self._state.place(depth, encoding.name, codecs))
            after = self._elements(position, encoding_at(self._buffer, position, encoding), walked)
            position = after if item_open else item_end
        return self._leave(position, end)

    def _leave(self, position: int, end: int) -> int:
        """Pass over bytes that cannot be read; zeros hold nothing, and a plain text is taken for a name."""
        identifying, raw = self._state.reading.identifying, self._buffer[position:end].rstrip(b" \0")
        if len(raw) > _LONGEST_TEXT or not raw.isascii() or not raw.decode("ascii").isprintable():
            identifying.append(UNREAD)
        elif raw:
            identifying += ((entry, raw, characters.DEFAULT) for entry in UNREAD_TEXT)
        return end

    def _elements(self, position: int, encoding: Encoding, item: ItemWalk) -> int:
        """Search the elements of an item; return its end."""
        table = self._state.tables_of(encoding).nested
        while position + _HEAD <= item.end:
            key, _ = encoding.head.unpack_from(self._buffer, position)
            try:
                entry = table[key]
                if entry.kind != kinds.DELIMITER:
                    position = self._element(position, table, encoding, item)
                    continue
            except (InvalidDataSetError, struct.error):
                break  # its length cannot be relied on
            if item.is_open:
                return position + _HEAD if entry.tag == ITEM_END else position
            position += _HEAD  # superfluous in an item of defined length
        return self._leave(position, item.end)

    def _element(self, position: int, table: DecisionTable, encoding: Encoding, item: ItemWalk) -> int:
        """Search an element; return its end. Raises InvalidDataSetError or struct.error if that is not known."""
        state, buffer, end = self._state, self._buffer, item.end
        key, length = encoding.head.unpack_from(buffer, position)
        entry = table[key]
        if entry.kind == kinds.STRAY:
            return end_of_stray(state, entry.tag, position, end, False, encoding)
        value_at = position + entry.head
        if entry.head != _HEAD:
            (length,) = encoding.u32.unpack_from(buffer, position + _HEAD)
        after: int = value_at + length
        is_open = length == UNDEFINED
        if not is_open and after > end:
            refuse_short(after, False)
        if entry.kind == kinds.PRIVATE:
            decided = decide_private(state, table, entry, position, length, item)
            if decided is None:
                return after
            entry = decided
        if entry.kind == kinds.CHARACTER_SET:
            if entry.vr != "CS" or is_open:
                raise InvalidDataSetError("the character set cannot be read")
            item.codecs = characters.codecs_of(buffer[value_at:after])
        elif entry.vr == "SQ" or (entry.kind == kinds.OPAQUE and self._holds_items(value_at, entry.values)):
            stop = end if is_open else after
            found = self.items(value_at, stop, entry.values, item.depth + 1, item.codecs, is_open=is_open)
            return found if is_open else after
        elif is_open:
            after = end_of_sequence(buffer, value_at, entry.values, state.depth_limit - item.depth)
            if after > end:
                refuse_short(after, False)
            if entry.noted:
                self._leave(value_at, after)
        elif entry.noted:
            state.reading.identifying.append((entry, buffer[value_at:after], item.codecs))
        return after

    def _holds_items(self, position: int, encoding: Encoding) -> bool:
        return self._buffer[position : position + 4] == encoding.item_tag
