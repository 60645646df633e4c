"""Walk the elements of a data set and collect what changes.

Rules of this file: the walker takes no decision (the table does), changes no value (the methods do) and
touches no byte of what is kept. It walks as far as its buffer reaches, and can be asked again when there is
more; what it gives depends on the bytes, never on how they were cut.
"""

from __future__ import annotations

import struct

from dicomveil_engine import characters, dictionary
from dicomveil_engine.errors import DeidentificationError, InvalidDataSetError
from dicomveil_engine.marks import METHOD_CODES, METHOD_TEXT
from dicomveil_engine.methods.base import Method
from dicomveil_engine.part10 import table as kinds
from dicomveil_engine.part10.encoding import UNDEFINED, Encoding
from dicomveil_engine.part10.resolution import Pending, Reading
from dicomveil_engine.part10.section import Section
from dicomveil_engine.part10.skip import end_of_sequence
from dicomveil_engine.part10.table import KEEP, NO_BOUNDARY, DecisionTable, Entry
from dicomveil_engine.part10.tables import Tables
from dicomveil_engine.policy import Policy

LONG_VALUE = 1 << 20
"""A kept value longer than this, behind the groups that identify, is not held but passed through."""
FIRST_GROUP_PASSED = 0x0042
_ITEM = 0xFFFEE000
_ITEM_END = 0xFFFEE00D
_SEQUENCE_END = 0xFFFEE0DD


class NeedMoreError(Exception):
    """The buffer ends before the element does; walk again when it reaches `until`."""

    def __init__(self, until: int) -> None:
        self.until = until


class _Creator:
    """A private creator: it comes out only with an element of its block."""

    __slots__ = ("name", "place", "raw")

    def __init__(self, name: str, raw: bytes, place: int) -> None:
        self.name = name
        self.raw = raw
        self.place: int | None = place
        """Held for it in the section's output; None once it stands there."""


_Creators = dict[int, _Creator]
"""By the number of the block's element tags without their last byte."""


class Walker:
    """One data set on its way through the policy."""

    def __init__(self, policy: Policy, tables: Tables) -> None:
        self.reading = Reading(policy)
        self._policy = policy
        self._depth_limit = policy.limits.depth
        self._tables = tables
        self._encoding = tables.encoding
        self._stages = list(tables.top)
        self._table = self._stages.pop(0)
        self._marks_due = list(tables.marks)
        self._mark_method: Method | None = policy.mark_method
        self._section = Section()
        self._codecs = characters.DEFAULT
        self._creators: _Creators = {}
        self._buffer: bytes | bytearray = b""
        self._position = 0
        self._retry_at = 0

    # The buffer

    def feed(self, data: bytes) -> None:
        """Add bytes of the data set."""
        missing = self._section.start - len(self._buffer)
        if missing > 0:
            # What is left out is longer than what has come: it need not be held.
            drop = min(missing, len(data))
            data = data[drop:]
            self._section.start -= drop
            self._position -= drop
        if not self._buffer:
            self._buffer = data
        elif data:
            if isinstance(self._buffer, bytes):
                self._buffer = bytearray(self._buffer)
            self._buffer += data

    @property
    def held(self) -> int:
        """Bytes that are held because they cannot be written yet."""
        return len(self._buffer)

    def take(self, head: int = 0, *, keep: bool = False) -> tuple[bytes | bytearray, memoryview]:
        """What is ready to be written, and what was not walked yet.

        At a streamed element, `head` is the length of what stands before its value, written too if `keep`.
        """
        end = self._position + (head if keep else 0)
        written = self._section.write(self._buffer, end, self.reading.context)
        rest = memoryview(self._buffer)[self._position + head :]
        self._buffer, self._position, self._section.start, self._retry_at = b"", 0, 0, 0
        self._creators = {}
        return written, rest

    # Walking

    def walk(self, *, closing: bool) -> tuple[Entry, int] | None:
        """Walk on. Gives the element to be streamed and its length, or None at the end of the buffer.

        Raises InvalidDataSetError and DeidentificationError; when `closing`, also if the data set is cut off.
        """
        if len(self._buffer) < self._retry_at and not closing:
            return None
        try:
            found = self._top_level()
        except (NeedMoreError, struct.error) as error:
            if closing and any(self._buffer[self._position :]):
                raise InvalidDataSetError("the instance is cut off in the middle of an element") from None
            held = len(self._buffer) - self._position
            until = error.until if isinstance(error, NeedMoreError) else 0
            # Once for every doubling, so that a long sequence in small pieces costs twice its length, no more.
            self._retry_at = max(until, self._position + 2 * held if held > 64 else 0)
            return None
        if found is None and closing:
            if self._position > len(self._buffer):
                raise InvalidDataSetError("the instance is cut off in the middle of a value")
            self._write_marks(NO_BOUNDARY)
        return found

    def _top_level(self) -> tuple[Entry, int] | None:
        """Walk the elements of the data set itself; it may be interrupted between any two."""
        buffer, section, end = self._buffer, self._section, len(self._buffer)
        table, encoding = self._table, self._encoding
        read = encoding.head.unpack_from
        position = self._position
        while position < end:
            key, length = read(buffer, position)
            entry = table[key]
            if entry is KEEP:
                position += 8 + length
                continue
            self._position = position
            kind = entry.kind
            if kind == kinds.BOUNDARY:
                self._write_marks(entry.tag)
                while self._table.until < entry.tag:
                    self._table = self._stages.pop(0)
                table = self._table
                continue
            if kind == kinds.DELIMITER:
                raise InvalidDataSetError("an item delimiter stands outside of a sequence")
            if entry.head == 12:
                (length,) = encoding.u32.unpack_from(buffer, position + 8)
            checkpoint, marker, marks_due = section.checkpoint(), self.reading.marker(), self._marks_due
            try:
                if self._is_streamed(entry, length):
                    return entry, length
                if kind >= kinds.SPECIAL:
                    if kind == kinds.CHARACTER_SET:
                        self._codecs = self._character_set(entry, position, length, end, open_end=True)
                        position += entry.head + length
                        continue
                    private = self._private(table, entry, position, length, end, self._codecs, self._creators, True)
                    if private is None:
                        position += entry.head + length
                        continue
                    entry = private
                position = self._element(table, entry, position, length, end, 0, self._codecs, True)
            except (NeedMoreError, struct.error):
                section.roll_back(checkpoint)
                self.reading.forget(marker)
                self._marks_due = marks_due
                raise
        self._position = position
        return None

    def _is_streamed(self, entry: Entry, length: int) -> bool:
        """Whether the value passes in chunks, or goes in chunks, rather than being held."""
        if entry.kind == kinds.STREAMED:
            return True
        if entry.kind == kinds.KEPT:
            return LONG_VALUE < length < UNDEFINED and entry.tag >> 16 >= FIRST_GROUP_PASSED
        if length != UNDEFINED or not kinds.FIRST_STREAMED <= entry.tag <= kinds.LAST_STREAMED:
            return False
        if entry.kind in {kinds.EMPTIED, kinds.CONSTANT}:
            new = entry.constant or self._encoding.element_head(entry.key, 0)
            self._section.replace(self._buffer, self._position, self._position, new)
        return entry.kind in {kinds.REMOVED, kinds.EMPTIED, kinds.CONSTANT}

    def _level(
        self, table: DecisionTable, position: int, end: int, depth: int, codecs: tuple[str, ...], open_end: bool
    ) -> int:
        """Walk the elements of an item up to `end` or, with an open end, behind the item delimiter."""
        buffer = self._buffer
        encoding = table.encoding
        read = encoding.head.unpack_from
        creators: _Creators = {}
        while position < end:
            key, length = read(buffer, position)
            entry = table[key]
            if entry is KEEP:
                position += 8 + length
                continue
            if entry.head == 12:
                (length,) = encoding.u32.unpack_from(buffer, position + 8)
            if entry.kind >= kinds.SPECIAL:
                if entry.kind == kinds.DELIMITER:
                    if not open_end or entry.tag != _ITEM_END:
                        raise InvalidDataSetError("a delimiter stands where an element should")
                    return position + 8
                if entry.kind == kinds.CHARACTER_SET:
                    codecs = self._character_set(entry, position, length, end, open_end)
                    position += entry.head + length
                    continue
                private = self._private(table, entry, position, length, end, codecs, creators, open_end)
                if private is None:
                    position += entry.head + length
                    continue
                entry = private
            position = self._element(table, entry, position, length, end, depth, codecs, open_end)
        if open_end:
            raise NeedMoreError(position)
        if position != end:
            raise InvalidDataSetError("an element reaches beyond the item that holds it")
        return position

    def _sequence(
        self, entry: Entry, position: int, length: int, end: int, depth: int, codecs: tuple[str, ...], more: bytes
    ) -> int:
        """Walk the items of a sequence whose first item is at `position`; `more` are items to be added."""
        if depth >= self._depth_limit:
            raise InvalidDataSetError(f"sequences are nested more than {self._depth_limit} deep")
        buffer, section, encoding = self._buffer, self._section, entry.values
        nested = self._tables.nested if encoding is self._encoding else Tables.of(self._policy, encoding).nested
        run, start = section.runs, position
        stop = end if length == UNDEFINED else position + length
        while length == UNDEFINED or position < stop:
            group, element = encoding.tag.unpack_from(buffer, position)
            (size,) = encoding.u32.unpack_from(buffer, position + 4)
            tag = group << 16 | element
            if tag == _SEQUENCE_END and length == UNDEFINED:
                if more:
                    section.replace(buffer, position, position, more)
                return position + 8
            if tag != _ITEM:
                raise InvalidDataSetError(f"{dictionary.describe(entry.tag, 'SQ')} holds something that is no item")
            position += 8
            if size == UNDEFINED:
                position = self._level(nested, position, stop, depth + 1, codecs, True)
                continue
            item, item_run = position, section.runs
            if item + size > stop:
                self._short(item + size, length == UNDEFINED)
            position = self._level(nested, item, item + size, depth + 1, codecs, False)
            if section.runs != item_run:
                section.note_length(encoding.u32, item_run, item - 4, item, position)
        if position != stop:
            raise InvalidDataSetError(f"{dictionary.describe(entry.tag, 'SQ')} has items that are longer than it")
        if more:
            section.replace(buffer, position, position, more)
        if section.runs != run:
            section.note_length(encoding.u32, run, start - 4, start, stop)
        return position

    @staticmethod
    def _short(until: int, open_end: bool) -> None:
        """Something reaches beyond the end: more bytes will come, or never can."""
        if open_end:
            raise NeedMoreError(until)
        raise InvalidDataSetError("an element reaches beyond the item that holds it")

    # One element

    def _element(
        self,
        table: DecisionTable,
        entry: Entry,
        position: int,
        length: int,
        end: int,
        depth: int,
        codecs: tuple[str, ...],
        open_end: bool,
    ) -> int:
        """Do what the entry says; the position behind the element."""
        buffer, section, kind = self._buffer, self._section, entry.kind
        value_at = position + entry.head
        after = value_at + length
        if length == UNDEFINED:
            if kind in {kinds.SEQUENCE, kinds.OPAQUE, kinds.MARK_CODES}:
                more = self._more(entry, value_at, None) if kind == kinds.MARK_CODES else b""
                return self._sequence(entry, value_at, length, end, depth, codecs, more)
            if kind not in {kinds.REMOVED, kinds.EMPTIED, kinds.CONSTANT}:
                raise DeidentificationError(
                    f"{dictionary.describe(entry.tag, entry.vr)} has an undefined length; "
                    f"{entry.decision.rule if entry.decision else 'the policy'} needs its value"
                )
            after = end_of_sequence(buffer, value_at, entry.values, self._depth_limit - depth)
        if kind == kinds.REMOVED and not entry.identifies:
            if after > end and depth:
                self._short(after, open_end)
            section.remove(buffer, position, after)
            return after
        if kind == kinds.KEPT:
            return after
        if after > end:
            self._short(after, open_end)

        encoding = table.encoding
        if entry.noted and length != UNDEFINED:
            self.reading.note(entry, bytes(buffer[value_at:after]), depth, codecs)
        if kind == kinds.UID:
            value = bytes(buffer[value_at:after])
            new = self._tables.pseudonym(value)
            if new != value:
                section.replace(buffer, position, after, encoding.element_head(entry.key, len(new)) + new)
        elif kind == kinds.REMOVED:
            section.remove(buffer, position, after)
        elif kind == kinds.SEQUENCE:
            self._sequence(entry, value_at, length, after, depth, codecs, b"")
        elif kind == kinds.EMPTIED:
            if length:
                section.replace(buffer, position, after, encoding.element_head(entry.key, 0))
        elif kind == kinds.CONSTANT:
            section.replace(buffer, position, after, entry.constant)
        elif kind == kinds.CHANGED:
            assert entry.decision is not None
            self._wait(entry, encoding, entry.decision.method, position, after, depth, codecs)
        elif kind == kinds.OPAQUE:
            if buffer[value_at : value_at + 4] == b"\xfe\xff\x00\xe0":
                # A sequence in disguise (PS3.5 Section 6.2.2): what stands in it is subject to the policy.
                self._sequence(entry, value_at, length, after, depth, codecs, b"")
        elif kind == kinds.MARK_TEXT:
            self._write_marks(METHOD_TEXT)
            assert self._mark_method is not None
            self._wait(entry, encoding, self._mark_method, position, after, depth, codecs)
        elif kind == kinds.MARK_CODES:
            more = self._more(entry, value_at, after)
            self._sequence(entry, value_at, length, after, depth, codecs, more)
        return after

    def _wait(
        self,
        entry: Entry,
        encoding: Encoding,
        method: Method,
        position: int,
        after: int,
        depth: int,
        codecs: tuple[str, ...],
    ) -> None:
        """Leave the element's place for what its method makes of it, once the header is known."""
        raw = bytes(self._buffer[position:after])
        place = self._section.hold(self._buffer, position, after)
        self._section.wait(Pending(place, entry, method, encoding, raw, codecs, depth))

    def _character_set(
        self, entry: Entry, position: int, length: int, end: int, open_end: bool
    ) -> tuple[str, ...]:
        value_at = position + entry.head
        if value_at + length > end:
            self._short(value_at + length, open_end)
        return characters.codecs_of(bytes(self._buffer[value_at : value_at + length]))

    def _private(
        self,
        table: DecisionTable,
        entry: Entry,
        position: int,
        length: int,
        end: int,
        codecs: tuple[str, ...],
        creators: _Creators,
        open_end: bool,
    ) -> Entry | None:
        """The entry of a private element by its creator; None for a creator itself, which is held."""
        buffer, number = self._buffer, entry.tag & 0xFFFF
        if 0x10 <= number <= 0xFF:
            value_at, after = position + entry.head, position + entry.head + length
            if after > end:
                self._short(after, open_end)
            name = characters.decode(bytes(buffer[value_at:after]), codecs).strip(" \0")
            raw = bytes(buffer[position:after])
            place = self._section.hold(buffer, position, after)
            creators[entry.tag >> 16 << 8 | number] = _Creator(name, raw, place)
            return None
        creator = creators.get(entry.tag >> 8)
        decided = table.private(entry, creator.name if creator else None)
        if creator and creator.place is not None and decided.kind != kinds.REMOVED:
            self._section.fill(creator.place, creator.raw)
            creator.place = None
        return decided

    # The marks of de-identification

    def _write_marks(self, before: int) -> None:
        """Write the marks that are due before the tag; a mark of the tag itself stands there already."""
        for tag, mark in self._marks_due:
            if tag < before:
                self._section.replace(self._buffer, self._position, self._position, mark)
        self._marks_due = [due for due in self._marks_due if due[0] > before]

    def _more(self, entry: Entry, value_at: int, after: int | None) -> bytes:
        """The code items to be added to (0012,0064): those that it does not hold."""
        if after is None:
            after = end_of_sequence(self._buffer, value_at, entry.values, self._depth_limit)
        value = bytes(self._buffer[value_at:after])
        self._write_marks(METHOD_CODES)
        return b"".join(item for code, item in self._tables.mark_codes if code not in value)
