"""Looking through sequences that go: names and numbers in them must not survive in free text elsewhere.

Nothing of them comes out, so that nothing is collected but what identifies. Elements mean what they would mean if the
sequence stayed; only what has a side effect beyond that is left to the recursion, whose output is then forgotten.
"""

from __future__ import annotations

import struct

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.errors import DeidentificationError, InvalidDataSetError
from dicomveil_engine.part10 import kinds
from dicomveil_engine.part10.creators import Creators
from dicomveil_engine.part10.encoding import UNDEFINED
from dicomveil_engine.part10.remembered import LONGEST_SEQUENCE, Place, remember
from dicomveil_engine.part10.state import NeedMoreError, State
from dicomveil_engine.part10.table import DROP, KEEP, Entry
from dicomveil_engine.part10.tables import Tables

ITEM_END = 0xFFFEE00D


class Search(State):
    """What happens to sequences of which nothing comes out."""

    def _compound(
        self,
        entry: Entry,
        position: int,
        length: int,
        end: int,
        depth: int,
        codecs: tuple[str, ...],
        open_end: bool,
    ) -> int:
        """What `compound` does with an element in which others stand."""
        raise NotImplementedError

    def _search(self, entry: Entry, position: int, length: int, end: int, depth: int, codecs: tuple[str, ...]) -> int:
        """Note what identifies in a sequence that goes; the position behind it."""
        value_at = position + entry.head
        before = self._section.checkpoint()
        try:
            after = self._look_through(entry, value_at, length, end, depth, codecs)
        except (InvalidDataSetError, DeidentificationError):
            # Nothing of it comes out, so that it need not be readable; only its end must be known.
            after = self._end_of_value(entry, value_at, depth) if length == UNDEFINED else value_at + length
        except (NeedMoreError, struct.error):
            if length == UNDEFINED:
                raise
            after = value_at + length
        self._section.roll_back(before)
        return after

    def _look_through(
        self, of: Entry, position: int, length: int, end: int, depth: int, codecs: tuple[str, ...]
    ) -> int:
        """Look through the items of a sequence, the first of which is at `position`."""
        depth += 1
        if depth > self._depth_limit:
            raise InvalidDataSetError(f"sequences are nested more than {self._depth_limit} deep")
        buffer, encoding = self._buffer, of.values
        table = self._tables.nested if encoding is self._encoding else Tables.of(self._policy, encoding).nested
        read_item, read, read_long = encoding.item.unpack_from, encoding.head.unpack_from, encoding.u32.unpack_from
        identifying, remembered = self.reading.identifying, self._tables.remembered
        is_open = length == UNDEFINED
        stop = end if is_open else position + length
        item_codecs = codecs
        place: Place | None = None
        while is_open or position < stop:
            tag, size = read_item(buffer, position)
            position += 8
            if tag != encoding.item_tag:
                if tag == encoding.sequence_end and is_open:
                    return position
                raise InvalidDataSetError(f"{dictionary.describe(of.tag, 'SQ')} holds something that is no item")
            item_open = size == UNDEFINED
            item_end = stop if item_open else position + size
            if item_end > stop:
                self._short(item_end, is_open)
            creators: Creators | None = None
            if item_codecs is not codecs:
                item_codecs, place = codecs, None
            while position < item_end:
                key, length = read(buffer, position)
                entry = table[key]
                if entry is KEEP or entry is DROP:
                    position += 8 + length
                    continue
                kind, value_at = entry.kind, position + entry.head
                if value_at != position + 8:
                    (length,) = read_long(buffer, position + 8)
                if kind >= kinds.SPECIAL:
                    if kind == kinds.DELIMITER:
                        if not item_open or entry.tag != ITEM_END:
                            raise InvalidDataSetError("a delimiter stands where an element should")
                        position = value_at
                        break
                    if kind == kinds.CHARACTER_SET:
                        item_codecs = self._character_set(entry, position, length, item_end, item_open)
                        place = None
                        position = value_at + length
                        continue
                    creators = creators or Creators()
                    decided = self._private(table, entry, position, length, item_end, item_codecs, creators, item_open)
                    if decided is None:
                        position = value_at + length
                        continue
                    entry, kind = decided, decided.kind
                after = value_at + length
                if kind >= kinds.COMPOUND:
                    if place is None:
                        place = self._place(depth, encoding.name, item_codecs)
                    # What breaks off in one that goes ends this one alone, in the others the one around it too.
                    known = place.gone if kind == kinds.SEARCHED else place.searched
                    is_short = kind <= kinds.SEARCHED and length <= LONGEST_SEQUENCE and after <= item_end
                    raw = buffer[position:after] if is_short else b""
                    noted = known.get(raw)
                    if noted is not None:
                        identifying += noted
                        position = after
                        continue
                    noted_from = len(identifying)
                    position = self._look_into(entry, position, length, item_end, depth, item_codecs, item_open)
                    if raw and remembered.is_seen_again(raw):
                        remember(known, raw, identifying[noted_from:])
                    continue
                if length == UNDEFINED:
                    after = self._end_of_value(entry, value_at, depth)
                elif after > item_end:
                    self._short(after, item_open)
                elif entry.noted:
                    identifying.append((entry, buffer[value_at:after], item_codecs))
                position = after
            else:
                if item_open:
                    raise NeedMoreError(position)
                if position != item_end:
                    raise InvalidDataSetError("an element reaches beyond the item that holds it")
        if position != stop:
            raise InvalidDataSetError(f"{dictionary.describe(of.tag, 'SQ')} has items that are longer than it")
        return position

    def _look_into(
        self, entry: Entry, position: int, length: int, end: int, depth: int, codecs: tuple[str, ...], open_end: bool
    ) -> int:
        """Look into an element in which others stand; the position behind it."""
        if entry.kind > kinds.SEARCHED:
            return self._compound(entry, position, length, end, depth, codecs, open_end)
        value_at = position + entry.head
        if length != UNDEFINED and value_at + length > end:
            self._short(value_at + length, open_end)
        if entry.kind == kinds.SEARCHED:
            return self._search(entry, position, length, end, depth, codecs)
        return self._look_through(entry, value_at, length, end, depth, codecs)
