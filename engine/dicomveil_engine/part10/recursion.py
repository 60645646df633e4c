"""The recursion over sequences, items and their elements: what stays is passed over, what changes is collected.

Rules of this file: it takes no decision (the table does), changes no value (the methods do) and touches no byte
of what is kept. Where the bytes come from, and how many at a time, is the walker's business.
"""

from __future__ import annotations

from typing import NamedTuple

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.part10 import kinds
from dicomveil_engine.part10.content_item import Siblings, read_content_item
from dicomveil_engine.part10.creators import Creators
from dicomveil_engine.part10.encoding import UNDEFINED
from dicomveil_engine.part10.fragment import UNCHANGED, Fragment, Outcome
from dicomveil_engine.part10.new_uids import USUAL_BYTES
from dicomveil_engine.part10.remembered import LONGEST_SEQUENCE, Place, remember
from dicomveil_engine.part10.search import ITEM_END, Search
from dicomveil_engine.part10.section import Checkpoint
from dicomveil_engine.part10.state import NeedMoreError
from dicomveil_engine.part10.table import DROP, KEEP, DecisionTable, Entry
from dicomveil_engine.part10.tables import Tables
from dicomveil_engine.structured_content.content_items import ContentAction
from dicomveil_engine.structured_content.references import Position

_LONGEST_TYPE = 32
"""Bytes of a Value Type that are looked at; legal ones have 16."""


class _Judged(NamedTuple):
    """A content item that is to be walked."""

    table: DecisionTable
    goes: bool
    """It is walked for the names in it, which must not survive in free text."""
    place: Position | None
    before: Checkpoint


class Recursion(Search):
    """What happens to sequences that stay, and in them."""

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
        buffer, section, encoding = self._buffer, self._section, of.values
        table = self._tables.nested if encoding is self._encoding else Tables.of(self._policy, encoding).nested
        read_item, read, read_long = encoding.item.unpack_from, encoding.head.unpack_from, encoding.u32.unpack_from
        out, starts, lengths = section.out, section.starts, section.lengths
        run, start = len(starts), position
        is_open = length == UNDEFINED
        stop = end if is_open else position + length
        item_codecs = codecs
        place: Place | None = None
        judged: _Judged | None = None
        while is_open or position < stop:
            tag, size = read_item(buffer, position)
            if tag != encoding.item_tag:
                if tag == encoding.sequence_end and is_open:
                    if more:
                        section.replace(buffer, position, position, more)
                    return position + 8
                raise InvalidDataSetError(f"{dictionary.describe(of.tag, 'SQ')} holds something that is no item")
            position += 8
            item, item_open = position, size == UNDEFINED
            item_end = stop if item_open else position + size
            if item_end > stop:
                self._short(item_end, is_open)
            if siblings is not None:
                verdict = self._judge(siblings, of, position, item_open, item_end, depth, codecs)
                if isinstance(verdict, int):
                    position = verdict
                    continue
                judged, table = verdict, verdict.table
            item_run = len(starts)
            creators: Creators | None = None
            if item_codecs is not codecs:
                item_codecs, place = codecs, None
            while position < item_end:
                key, length = read(buffer, position)
                entry = table[key]
                if entry is KEEP:
                    position += 8 + length
                    continue
                if entry is DROP:
                    kept_from = section.start
                    if kept_from != position:
                        out += (buffer[kept_from:position], b"")
                        starts.append(kept_from)
                    section.start = position = position + 8 + length
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
                    is_short = kind <= kinds.SEARCHED and length <= LONGEST_SEQUENCE and after <= item_end
                    raw = buffer[position:after] if is_short else b""
                    if kind == kinds.SEQUENCE and (outcome := place.kept.get(raw)) is not None:
                        # Frames and slices have most sequences in common.
                        if outcome is not UNCHANGED:
                            self._known(position, after, outcome)
                        position = after
                    else:
                        position = self._nested(
                            entry, position, length, item_end, depth, item_codecs, item_open, place, raw
                        )
                    continue
                if length == UNDEFINED:
                    after = self._end_of_value(entry, value_at, depth)
                elif after > item_end:
                    self._short(after, item_open)
                elif entry.noted:
                    self.reading.identifying.append((entry, buffer[value_at:after], item_codecs))
                if kind >= kinds.REMOVED:
                    self._change(entry, key, position, length, after, item_codecs)
                position = after
            else:
                if item_open:
                    raise NeedMoreError(position)
                if position != item_end:
                    raise InvalidDataSetError("an element reaches beyond the item that holds it")
            if judged is not None and siblings is not None:
                if judged.goes:
                    section.roll_back(judged.before)
                    section.leave_out(buffer, item - 8, position, b"")
                    if judged.place is not None:
                        self.reading.content.removed.append(judged.place)
                    continue
                siblings.kept += 1
            if not item_open and len(starts) != item_run:
                kept_from = starts[item_run]
                changed = item_run, item - 4 - kept_from, item - kept_from, len(starts), position - section.start
                lengths.append((encoding.u32, *changed))
        if position != stop:
            raise InvalidDataSetError(f"{dictionary.describe(of.tag, 'SQ')} has items that are longer than it")
        if more:
            section.replace(buffer, position, position, more)
        if len(starts) != run:
            # The sequence's own length is in the encoding around it, whatever its items are in.
            section.note_length(of.encoding.u32, run, start - 4, start, stop)
        return position

    def _change(
        self, entry: Entry, key: bytes, position: int, length: int, after: int, codecs: tuple[str, ...]
    ) -> None:
        """Do with one element, and its value alone, what its entry says."""
        section, buffer, kind = self._section, self._buffer, entry.kind
        start = section.start
        new: bytes | None = b""
        if kind == kinds.CHANGED:
            section.pending.append((len(section.out) + 1, (entry, buffer[position:after], codecs)))
        elif kind == kinds.UID:
            new = self._tables.new_uids[buffer[position + entry.head : after].strip(b" \0")]
            if new is not None:
                usual = entry.usual_uid_head if len(new) == USUAL_BYTES else b""
                new = (usual or entry.encoding.element_head(key, len(new))) + new
        elif kind == kinds.REMOVED:
            if start == position:
                section.start = after
                return
        elif kind == kinds.CONSTANT:
            new = entry.constant
        else:
            new = entry.encoding.element_head(key, 0) if length else None
        if new is not None:
            section.out += (buffer[start:position], new)
            section.starts.append(start)
            section.start = after

    def _nested(
        self,
        entry: Entry,
        position: int,
        length: int,
        end: int,
        depth: int,
        codecs: tuple[str, ...],
        open_end: bool,
        place: Place,
        raw: bytes,
    ) -> int:
        """Walk an element in which others stand; the position behind it.

        `raw` are its bytes, if it is a short sequence: what becomes of it is remembered when they come again.
        """
        kind, section, identifying = entry.kind, self._section, self.reading.identifying
        if kind > kinds.SEARCHED:
            return self._compound(entry, position, length, end, depth, codecs, open_end)
        if length != UNDEFINED and position + entry.head + length > end:
            self._short(position + entry.head + length, open_end)
        noted_from = len(identifying)
        if kind == kinds.SEARCHED:
            known = place.gone.get(raw)
            if known is not None:
                after = position + len(raw)
                identifying += known
            else:
                after = self._search(entry, position, length, end, depth, codecs)
                if raw and self._tables.remembered.is_seen_again(raw):
                    remember(place.gone, raw, identifying[noted_from:])
            section.leave_out(self._buffer, position, after, entry.constant)
            return after
        before = section.checkpoint()
        after = self._sequence(entry, position + entry.head, length, end, depth, codecs)
        if raw and len(identifying) == noted_from and self._tables.remembered.is_seen_again(raw):
            remember(place.kept, raw, section.outcome(before, section.checkpoint(), self._buffer, position, after))
        return after

    def _known(self, position: int, after: int, outcome: Outcome) -> None:
        """Put what became of the same bytes elsewhere in place of [position, after); it is not UNCHANGED."""
        section, buffer = self._section, self._buffer
        start, new = section.start, b""
        if isinstance(outcome, Fragment):
            section.pending.append((len(section.out) + 1, outcome.waiting))
        else:
            new = outcome
        section.out += (buffer[start:position], new)
        section.starts.append(start)
        section.start = after

    def _judge(
        self,
        siblings: Siblings,
        of: Entry,
        item: int,
        item_open: bool,
        end: int,
        depth: int,
        codecs: tuple[str, ...],
    ) -> _Judged | int:
        """The plan for a content item, by what it is about; the position behind one that is only a reference."""
        buffer, section, tree, encoding = self._buffer, self._section, self.reading.content, of.values
        seen = read_content_item(buffer, item, end, encoding, self._depth_limit - depth)
        tables = self._tables if encoding is self._encoding else Tables.of(self._policy, encoding)
        tree.at = place = siblings.next()
        if seen.target is not None and self._policy.passes_references:
            if not item_open and seen.after != end:
                self._short(seen.after, False)
            siblings.kept += 1
            if place is not None:
                tree.references.append((place, seen.target))
                held = section.hold(buffer, item - 8, seen.after)
                section.pending.append((held, (tables.reference, buffer[item - 8 : seen.after], ())))
            return seen.after
        plan = tables.content_plan(seen.concept, seen.value_type[:_LONGEST_TYPE], seen.concept_encoding, codecs)
        goes = plan.action is ContentAction.REMOVE
        return _Judged(tables.content_table(plan), goes, place, section.checkpoint())
