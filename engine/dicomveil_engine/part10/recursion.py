"""The recursion over elements, sequences and items: what stays is passed over, what changes is collected.

Rules of this file: it takes no decision (the table does), changes no value (the methods do) and touches no byte
of what is kept. Where the bytes come from, and how many at a time, is the walker's business.
"""

from __future__ import annotations

import struct

from dicomveil_engine import characters, dictionary
from dicomveil_engine.errors import DeidentificationError, InvalidDataSetError
from dicomveil_engine.marks import CODE_VALUE, METHOD_CODES, METHOD_TEXT
from dicomveil_engine.part10 import table as kinds
from dicomveil_engine.part10.content_item import Siblings, read_content_item
from dicomveil_engine.part10.creators import Creators
from dicomveil_engine.part10.declarations import read_private_blocks
from dicomveil_engine.part10.due_marks import DueMarks
from dicomveil_engine.part10.encoding import UNDEFINED
from dicomveil_engine.part10.fragment import Fragment
from dicomveil_engine.part10.resolution import Noted, Reading
from dicomveil_engine.part10.section import Section
from dicomveil_engine.part10.skip import end_of_sequence
from dicomveil_engine.part10.table import DROP, KEEP, DecisionTable, Entry
from dicomveil_engine.part10.tables import Tables
from dicomveil_engine.policy import Policy
from dicomveil_engine.profile.private import PrivateBlock, is_declared_safe
from dicomveil_engine.structured_content.content_items import CONTENT_SEQUENCE, ContentAction

LONG_VALUE = 1 << 20
"""A kept value longer than this, behind the groups that identify, is not held but passed through."""
FIRST_GROUP_PASSED = 0x0042
LONGEST_REMEMBERED = 1 << 10
"""Bytes of a sequence that is known again by them."""
_REMEMBERED = 1 << 11
"""For each depth, encoding and character set, so that the memory stays under some MiB."""
_UNCHANGED: list[Noted] = []
"""Stands for a sequence that stays as it is; compared by identity."""

_ITEM = (0xFFFE, 0xE000)
_SEQUENCE_END = (0xFFFE, 0xE0DD)
_ITEM_END = 0xFFFEE00D


class NeedMoreError(Exception):
    """The buffer ends before the element does; walk again when it reaches `until`."""

    def __init__(self, until: int) -> None:
        self.until = until


def _is_passed(tag: int) -> bool:
    """Whether a long kept value need not be held: nothing behind it identifies what is before it."""
    return tag >> 16 >= FIRST_GROUP_PASSED


class Recursion:
    """The elements of one data set, as far as they have come."""

    def __init__(self, policy: Policy, tables: Tables) -> None:
        self.reading = Reading(policy)
        self._policy = policy
        self._depth_limit = policy.limits.depth
        self._tables = tables
        self._encoding = tables.encoding
        self._stages = list(tables.top)
        self._table = self._stages.pop(0)
        self._marks = DueMarks(tables.marks)
        self._section = Section()
        self._codecs = characters.DEFAULT
        self._creators = Creators()
        self._declared: tuple[PrivateBlock, ...] = ()
        """What the instance says of its private blocks; private elements before it are not declared to be safe."""
        self._buffer = b""
        self._position = 0
        """Where in the buffer the next element of the data set itself begins."""
        self._streamed: tuple[Entry, int] | None = None
        """The element that is passed through in chunks, at the position, and its length."""

    def _elements(
        self,
        table: DecisionTable,
        position: int,
        end: int,
        depth: int,
        codecs: tuple[str, ...],
        open_end: bool,
    ) -> int:
        """Walk the elements of an item up to `end` or, with an open end, behind the item delimiter.

        At depth 0 these are the elements of the data set itself. They may be interrupted between any two: by the
        end of the buffer, and by an element that is to be streamed, at which the position stays.
        """
        buffer, section, encoding = self._buffer, self._section, table.encoding
        read, read_long, out, starts = (
            encoding.head.unpack_from,
            encoding.u32.unpack_from,
            section.out,
            section.starts,
        )
        creators = self._creators if depth == 0 else None
        remembered = self._tables.remembered[depth, encoding.name, codecs, self._declared]
        checkpoint = None
        try:
            while position < end:
                key, length = read(buffer, position)
                entry = table[key]
                if entry is KEEP:
                    position += 8 + length
                    continue
                if entry is DROP:
                    start = section.start
                    if start != position:
                        out += (buffer[start:position], b"")
                        starts.append(start)
                    section.start = position = position + 8 + length
                    continue
                kind = entry.kind
                if entry.head == 12:
                    (length,) = read_long(buffer, position + 8)
                if kind >= kinds.SPECIAL:
                    if kind == kinds.PRIVATE:
                        creators = Creators() if creators is None else creators
                        decided = self._private(table, entry, position, length, end, codecs, creators, open_end)
                        if decided is None:
                            position += entry.head + length
                            continue
                        entry, kind = decided, decided.kind
                    elif kind == kinds.CHARACTER_SET:
                        codecs = self._character_set(entry, position, length, end, open_end)
                        remembered = self._tables.remembered[depth, encoding.name, codecs, self._declared]
                        position += entry.head + length
                        continue
                    elif kind == kinds.DELIMITER:
                        if not open_end or not depth or entry.tag != _ITEM_END:
                            raise InvalidDataSetError("a delimiter stands where an element should")
                        return position + 8
                    elif kind == kinds.BOUNDARY:
                        table = self._cross(entry.tag, position)
                        continue
                    else:
                        if entry.constant:
                            section.replace(buffer, position, position, entry.constant)
                        self._streamed = entry, length
                        break

                value_at = position + entry.head
                after = value_at + length
                if kind >= kinds.COMPOUND:
                    is_short = kind <= kinds.SEARCHED and length <= LONGEST_REMEMBERED and after <= end
                    if is_short:
                        # Frames and slices have most sequences in common.
                        raw = buffer[position:after]
                        noted_before = remembered.get(raw)
                        if isinstance(noted_before, Fragment):
                            if kind == kinds.SEQUENCE:
                                held = section.hold(buffer, position, after)
                                section.pending.append((held, (noted_before, b"", ())))
                                position = after
                                continue
                            noted_before = None
                        # Equal bytes may go or stay: by their private creator, or by what a content item is about.
                        if noted_before is not None and (noted_before is _UNCHANGED) == (kind == kinds.SEQUENCE):
                            if kind == kinds.SEARCHED:
                                self.reading.identifying += noted_before
                                section.leave_out(buffer, position, after, entry.constant)
                            position = after
                            continue
                    before, noted_from = section.checkpoint(), len(self.reading.identifying)
                    if not depth:
                        # Nothing of it may stay when the buffer ends inside.
                        checkpoint = before, noted_from, self._marks.due
                    after = self._compound(entry, position, length, end, depth, codecs, open_end)
                    checkpoint = None
                    if kind == kinds.DECLARED:
                        remembered = self._tables.remembered[depth, encoding.name, codecs, self._declared]
                    if is_short and self._tables.is_seen_again(raw):
                        if len(remembered) >= _REMEMBERED:
                            remembered.clear()
                        noted_inside = self.reading.identifying[noted_from:]
                        if kind == kinds.SEARCHED:
                            remembered[raw] = noted_inside
                        elif not noted_inside:
                            is_unchanged = section.start == before[0]
                            remembered[raw] = (
                                _UNCHANGED if is_unchanged else section.fragment(entry, before, buffer, position, after)
                            )
                    position = after
                    continue
                if length == UNDEFINED:
                    after = self._end_of_value(entry, value_at, depth)
                elif after > end and (depth or entry.noted or kind not in kinds.VALUE_UNSEEN):
                    self._short(after, open_end)
                elif entry.noted:
                    noted = (entry, buffer[value_at:after], codecs)
                    if entry.identifies:
                        self.reading.identifying.append(noted)
                    if entry.is_context:
                        self.reading.top.setdefault(entry.tag, noted)
                elif kind == kinds.KEPT and not depth and length > LONG_VALUE and _is_passed(entry.tag):
                    self._streamed = entry, length
                    break

                start = section.start
                if kind == kinds.REMOVED:
                    if start != position:
                        out += (buffer[start:position], b"")
                        starts.append(start)
                    section.start = after
                elif kind == kinds.CHANGED:
                    out += (buffer[start:position], b"")
                    starts.append(start)
                    section.pending.append((len(out) - 1, (entry, buffer[position:after], codecs)))
                    section.start = after
                elif kind > kinds.REMOVED:
                    if kind == kinds.UID:
                        new = self._tables.uid_element(encoding, key, buffer[value_at:after])
                    elif kind == kinds.CONSTANT:
                        new = entry.constant
                    else:
                        new = encoding.element_head(key, 0) if length else None
                    if new is not None:
                        out += (buffer[start:position], new)
                        starts.append(start)
                        section.start = after
                position = after
        except (NeedMoreError, struct.error):
            if checkpoint is not None:
                section.roll_back(checkpoint[0])
                del self.reading.identifying[checkpoint[1] :]
                self._marks.due = checkpoint[2]
            if not depth:
                self._position, self._codecs = position, codecs
            raise
        if not depth:
            self._position, self._codecs = position, codecs
        elif open_end:
            raise NeedMoreError(position)
        elif position != end:
            raise InvalidDataSetError("an element reaches beyond the item that holds it")
        return position

    def _sequence(
        self,
        of: Entry,
        position: int,
        length: int,
        end: int,
        depth: int,
        codecs: tuple[str, ...],
        more: bytes = b"",
        siblings: Siblings | None = None,
    ) -> int:
        """Walk the items of a sequence whose first item is at `position`; the position behind it.

        `more` are items to be added, `siblings` says that they are content items. A sequence or item of undefined
        length ends with its delimiter, of which `end` is the latest place.
        """
        depth += 1
        if depth > self._depth_limit:
            raise InvalidDataSetError(f"sequences are nested more than {self._depth_limit} deep")
        buffer, section, encoding, table = self._buffer, self._section, of.values, self._tables.nested
        if encoding is not self._encoding:
            table = Tables.of(self._policy, encoding).nested
        read_item, starts = encoding.item.unpack_from, section.starts
        run, start = len(starts), position
        is_open = length == UNDEFINED
        stop = end if is_open else position + length
        while is_open or position < stop:
            group, element, size = read_item(buffer, position)
            if (group, element) != _ITEM:
                if (group, element) == _SEQUENCE_END and is_open:
                    if more:
                        section.replace(buffer, position, position, more)
                    return position + 8
                raise InvalidDataSetError(f"{dictionary.describe(of.tag, 'SQ')} holds something that is no item")
            item = position + 8
            if siblings is not None:
                position = self._content_item(siblings, of, item, size, stop, depth, codecs, is_open)
                continue
            if size == UNDEFINED:
                position = self._elements(table, item, stop, depth, codecs, True)
                continue
            item_run = len(starts)
            if item + size > stop:
                self._short(item + size, is_open)
            position = self._elements(table, item, item + size, depth, codecs, False)
            if len(starts) != item_run:
                section.note_length(encoding.u32, item_run, item - 4, item, position)
        if position != stop:
            raise InvalidDataSetError(f"{dictionary.describe(of.tag, 'SQ')} has items that are longer than it")
        if more:
            section.replace(buffer, position, position, more)
        if len(starts) != run:
            # The sequence's own length is in the encoding around it, whatever its items are in.
            section.note_length(of.encoding.u32, run, start - 4, start, stop)
        return position

    def _content(self, entry: Entry, position: int, length: int, end: int, depth: int, codecs: tuple[str, ...]) -> int:
        """Walk a sequence of content items; when none of them stays, the sequence goes."""
        tree, section = self.reading.content, self._section
        if entry.tag == CONTENT_SEQUENCE and not depth:
            tree.clear()  # it may have been walked before, as far as the buffer reached
        siblings = Siblings(tree.parent(entry.tag, depth))
        before, at = section.checkpoint(), tree.at
        try:
            after = self._sequence(entry, position + entry.head, length, end, depth, codecs, siblings=siblings)
        finally:
            tree.at = at
        if siblings.number and not siblings.kept:
            section.roll_back(before)
            section.leave_out(self._buffer, position, after, b"")
        return after

    def _content_item(
        self,
        siblings: Siblings,
        of: Entry,
        item: int,
        size: int,
        stop: int,
        depth: int,
        codecs: tuple[str, ...],
        is_open: bool,
    ) -> int:
        """Walk one content item by the plan for what it is about; the position behind it."""
        buffer, section, tree, encoding = self._buffer, self._section, self.reading.content, of.values
        end = stop if size == UNDEFINED else item + size
        if end > stop:
            self._short(end, is_open)
        seen = read_content_item(buffer, item, end, encoding, self._depth_limit - depth)
        tables = self._tables if encoding is self._encoding else Tables.of(self._policy, encoding)
        tree.at = place = siblings.next()
        if seen.target is not None and self._policy.passes_references:
            if size != UNDEFINED and seen.after != end:
                self._short(seen.after, False)
            siblings.kept += 1
            if place is not None:
                tree.references.append((place, seen.target))
                held = section.hold(buffer, item - 8, seen.after)
                section.pending.append((held, (tables.reference, buffer[item - 8 : seen.after], ())))
            return seen.after
        plan = tables.content_plan(seen.value_type, seen.concept, seen.concept_encoding, codecs)
        table, starts = tables.content_table(plan), section.starts
        before = section.checkpoint()
        run = len(starts)
        after = self._elements(table, item, end, depth, codecs, size == UNDEFINED)
        if plan.action is ContentAction.REMOVE:
            # It was walked for the names in it, which must not survive in free text.
            section.roll_back(before)
            section.leave_out(buffer, item - 8, after, b"")
            if place is not None:
                tree.removed.append(place)
            return after
        siblings.kept += 1
        if size != UNDEFINED and len(starts) != run:
            section.note_length(encoding.u32, run, item - 4, item, after)
        return after

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
        """Do with an element in which others stand, or beside which others are written, what the entry says."""
        value_at = position + entry.head
        after = value_at + length
        if length != UNDEFINED and after > end:
            self._short(after, open_end)
        if entry.kind == kinds.SEQUENCE:
            return self._sequence(entry, value_at, length, end, depth, codecs)
        if entry.kind == kinds.DECLARED:
            if length == UNDEFINED:
                after = end_of_sequence(self._buffer, value_at, entry.values, self._depth_limit)
            self._declared = read_private_blocks(self._buffer[value_at:after], entry.values, codecs)
            return self._sequence(entry, value_at, length, end, depth, codecs)
        if entry.kind == kinds.MARK_TEXT:
            self._marks.write_beside(self._section, self._buffer, position, METHOD_TEXT)
            place = self._section.hold(self._buffer, position, after)
            self._section.pending.append((place, (entry, self._buffer[position:after], codecs)))
            return after
        if entry.kind == kinds.MARK_CODES:
            if length == UNDEFINED:
                after = end_of_sequence(self._buffer, value_at, entry.values, self._depth_limit)
            known = self._buffer[value_at:after] if self._policy.keeps(CODE_VALUE, "SH") else b""
            self._marks.write_beside(self._section, self._buffer, position, METHOD_CODES)
            more = b"".join(item for code, item in self._tables.mark_codes if code not in known)
            return self._sequence(entry, value_at, length, end, depth, codecs, more)
        if entry.kind == kinds.CONTENT:
            return self._content(entry, position, length, end, depth, codecs)
        if entry.kind in {kinds.SEARCHED, kinds.CHOSEN}:
            return self._search(entry, position, length, end, depth, codecs)
        # What is kept unread may be a sequence in disguise (PS3.5 Section 6.2.2), to which the policy applies.
        begins_with_item = length == UNDEFINED or self._buffer[value_at : value_at + 4] == b"\xfe\xff\x00\xe0"
        if entry.kind == kinds.OPAQUE and not begins_with_item:
            return after
        return self._sequence(entry, value_at, length, end, depth, codecs)

    def _search(self, entry: Entry, position: int, length: int, end: int, depth: int, codecs: tuple[str, ...]) -> int:
        """Note what identifies in a sequence, and leave the sequence out or put something else in its place."""
        section, value_at = self._section, position + entry.head
        before = section.checkpoint()
        try:
            after = self._sequence(entry, value_at, length, end, depth, codecs)
        except (InvalidDataSetError, DeidentificationError):
            # Nothing of it comes out, so that it need not be readable; only its end must be known.
            after = self._end_of_value(entry, value_at, depth) if length == UNDEFINED else value_at + length
        except (NeedMoreError, struct.error):
            if length == UNDEFINED:
                raise
            after = value_at + length
        section.roll_back(before)
        if entry.kind == kinds.CHOSEN:
            place = section.hold(self._buffer, position, after)
            section.pending.append((place, (entry, b"", ())))
        else:
            section.leave_out(self._buffer, position, after, entry.constant)
        return after

    @staticmethod
    def _short(until: int, open_end: bool) -> None:
        """Something reaches beyond the end: more bytes will come, or never can."""
        if open_end:
            raise NeedMoreError(until)
        raise InvalidDataSetError("an element reaches beyond the item that holds it")

    def _end_of_value(self, entry: Entry, value_at: int, depth: int) -> int:
        """Behind a value of undefined length that is left out. No method works on one: raises for all others."""
        # An icon's Pixel Data may be encapsulated too (PS3.5 Section A.4), and is kept like any other bytes.
        if entry.kind not in kinds.VALUE_DROPPED and not (entry.kind == kinds.KEPT and entry.vr in {"OB", "OW"}):
            raise DeidentificationError(
                f"{dictionary.describe(entry.tag, entry.vr)} has an undefined length; {entry.rule} needs its value"
            )
        return end_of_sequence(self._buffer, value_at, entry.values, self._depth_limit - depth)

    def _character_set(self, entry: Entry, position: int, length: int, end: int, open_end: bool) -> tuple[str, ...]:
        value_at = position + entry.head
        if value_at + length > end:
            self._short(value_at + length, open_end)
        return characters.codecs_of(self._buffer[value_at : value_at + length])

    def _private(
        self,
        table: DecisionTable,
        entry: Entry,
        position: int,
        length: int,
        end: int,
        codecs: tuple[str, ...],
        creators: Creators,
        open_end: bool,
    ) -> Entry | None:
        """The entry of a private element by its creator; None for a creator, which is held until it is needed."""
        if 0x10 <= entry.tag & 0xFFFF <= 0xFF:
            value_at, after = position + entry.head, position + entry.head + length
            if after > end:
                self._short(after, open_end)
            name = characters.decode(self._buffer[value_at:after], codecs).strip(" \0")
            creators.hold(entry.tag, name, self._section, self._buffer, position, after)
            return None
        creator = creators.name_of(entry.tag)
        declared = is_declared_safe(self._declared, entry.tag, creator)
        decided = table.private(entry, creator, declared=declared)
        if decided.kind != kinds.REMOVED and (decided.kind != kinds.SEARCHED or decided.constant):
            creators.release(entry.tag, self._section, self._buffer, position)
        return decided

    def _cross(self, tag: int, position: int) -> DecisionTable:
        """Write the marks that stand before the tag; the table that knows what comes then."""
        self._marks.write(self._section, self._buffer, position, before=tag)
        while self._table.until < tag:
            self._table = self._stages.pop(0)
        return self._table
