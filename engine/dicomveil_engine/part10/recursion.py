"""The recursion over sequences, items and their elements: kept elements are passed over, changes are collected.

Rules of this file: it takes no decision (the table does), changes no value (the methods do) and copies no byte of what
is kept. It knows nothing of chunks (the walker does).
"""

from __future__ import annotations

from typing import NamedTuple

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.code_streams.whole import clean_fragments
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.part10.content_item import Siblings, read_content_item
from dicomveil_engine.part10.encoding import ITEM_END, UNDEFINED
from dicomveil_engine.part10.fragment import UNCHANGED
from dicomveil_engine.part10.kinds import (
    CHANGED,
    CHARACTER_SET,
    CHECKED,
    COMPOUND,
    CONSTANT,
    DELIMITER,
    FIRST_CHANGING,
    LAST_CACHED,
    REMOVED,
    SEARCHED,
    SEQUENCE,
    SPECIAL,
    STRAY,
    UID,
)
from dicomveil_engine.part10.known import learn_kept, learn_sequence, put_known, put_known_form
from dicomveil_engine.part10.new_uids import USUAL_BYTES
from dicomveil_engine.part10.repeats import LONGEST_SEQUENCE, SHORTEST_RUN, keep_sequence
from dicomveil_engine.part10.search import search
from dicomveil_engine.part10.section import Checkpoint
from dicomveil_engine.part10.state import (
    ItemWalk,
    NeedMoreError,
    State,
    decide_private,
    end_of_stray,
    end_of_value,
    read_character_set,
    refuse_many,
    refuse_short,
)
from dicomveil_engine.part10.table import DROP, KEEP, PASSED_KEY, DecisionTable, Entry
from dicomveil_engine.structured_content.content_items import ContentAction
from dicomveil_engine.structured_content.references import Position

_PENDING = frozenset((CHANGED, CHECKED))
_LONGEST_TYPE = 32
"""Bytes of a Value Type that are read; legal ones have up to 16."""


class _PlannedItem(NamedTuple):
    """A content item that is to be walked."""

    table: DecisionTable
    is_removed: bool
    """Whether it is walked only for names in it, which must not be left in free text elsewhere."""
    place: Position | None
    before: Checkpoint


def walk_sequence(
    state: State,
    of: Entry,
    position: int,
    length: int,
    around: ItemWalk,
    more: bytes = b"",
    siblings: Siblings | None = None,
) -> int:
    """Walk the items of a sequence whose first item is at `position`; return the end of the sequence.

    `more` are encoded items to be added, `siblings` is given for content items. A sequence or item of undefined length
    ends with its delimiter.
    """
    depth, codecs = around.depth + 1, around.codecs
    if depth > state.depth_limit:
        raise InvalidDataSetError(f"sequences are nested more than {state.depth_limit} deep")
    buffer, section, encoding = state.buffer, state.section, of.values
    table = (state.tables if encoding is state.encoding else state.tables_of(encoding)).nested
    runs = table.passed
    read_item, read, read_long = encoding.item.unpack_from, encoding.head.unpack_from, encoding.u32.unpack_from
    out, starts, pending, lengths = section.out, section.starts, section.pending, section.lengths
    run, start = len(starts), position
    starts_with = buffer.startswith
    is_open = length == UNDEFINED
    stop = around.end if is_open else position + length
    item_codecs = codecs
    walked: ItemWalk | None = None
    planned: _PlannedItem | None = None
    while is_open or position < stop:
        tag, size = read_item(buffer, position)
        if tag != encoding.item_tag:
            if tag == encoding.sequence_end and is_open:
                if more:
                    section.replace(buffer, position, position, more)
                return position + 8
            if tag == encoding.sequence_end and not is_open and position + 8 == stop:
                # Some writers add a delimiter to a sequence of defined length.
                section.leave_out(buffer, position, stop, b"")
                position = stop
                break
            raise InvalidDataSetError(f"{dictionary.described(of.tag, 'SQ')} holds something that is not an item")
        position += 8
        item, item_open = position, size == UNDEFINED
        item_end = stop if item_open else position + size
        if item_end > stop:
            refuse_short(item_end, is_open)
        if siblings is not None:
            plan = _plan_item(state, siblings, of, position, item_open, item_end, depth, codecs)
            if isinstance(plan, int):
                position = plan
                continue
            planned, table = plan, plan.table
            runs = table.passed
        item_run = len(starts)
        if item_codecs is not codecs:
            item_codecs, walked = codecs, None
        elif walked is not None:
            walked.end, walked.is_open, walked.creators = item_end, item_open, None
        since = -1  # the beginning of consecutive checked elements that are kept; -1 if there are none
        while position < item_end:
            key, length = read(buffer, position)
            entry = table[key]
            if entry is KEEP:
                position += 8 + length
                continue
            if entry is DROP:
                since = -1
                kept_from = section.start
                if kept_from != position:
                    out += (buffer[kept_from:position], b"")
                    starts.append(kept_from)
                section.start = position = position + 8 + length
                continue
            kind = entry.kind
            if kind == SEQUENCE and since < 0 and walked is not None:
                # Frames and slices have most of their sequences in common.
                value_at = position + entry.head
                (length,) = read_long(buffer, value_at - 4)
                if length <= LONGEST_SEQUENCE and (after := value_at + length) <= item_end:
                    raw = buffer[position:after]
                    outcome = walked.place.kept.get(raw)
                    if outcome is None:
                        position = walk_nested(state, entry, position, length, walked, raw)
                        continue
                    if outcome is not UNCHANGED:  # as `put_known`, inlined
                        kept_from = section.start
                        if isinstance(outcome, bytes):
                            out += (buffer[kept_from:position], outcome)
                        else:
                            pending.append((len(out) + 1, outcome.waiting))
                            out += (buffer[kept_from:position], b"")
                        starts.append(kept_from)
                        section.start = after
                    position = after
                    continue
            elif kind == CHECKED:
                if since < 0:
                    known = runs.get(buffer[position : position + PASSED_KEY])
                    if (
                        known is not None
                        and starts_with(known, position)
                        and (after := position + len(known)) <= item_end
                    ):
                        position = after
                        continue
                if entry.is_looked_at and (after := position + 8 + length) <= item_end:
                    value = buffer[position + 8 : after]
                    if value in entry.passed or entry.passes(value):
                        if since < 0:
                            since = position
                        position = after
                        continue
                since = -1
            elif since >= 0:
                if position - since >= SHORTEST_RUN:
                    learn_kept(state, table, since, position)
                since = -1
            value_at = position + entry.head
            if value_at != position + 8:
                (length,) = read_long(buffer, position + 8)
            if kind >= SPECIAL:
                if kind == DELIMITER:
                    if not item_open and value_at == item_end:
                        section.leave_out(buffer, position, value_at, b"")
                    elif not item_open or entry.tag != ITEM_END:
                        raise InvalidDataSetError("a delimiter is in the place of an element")
                    position = value_at
                    break
                if kind == CHARACTER_SET:
                    item_codecs = read_character_set(state, entry, position, length, item_end, item_open)
                    walked = None
                    position = value_at + length
                    continue
                if walked is None:
                    place = state.place(depth, encoding.name, item_codecs)
                    walked = ItemWalk(item_end, item_open, depth, item_codecs, place)
                if kind == STRAY:
                    after = end_of_stray(state, entry.tag, position, item_end, item_open, encoding)
                    section.leave_out(buffer, position, after, b"")
                    position = after
                    continue
                decided = decide_private(state, table, entry, position, length, walked)
                if decided is None:
                    position = value_at + length
                    continue
                entry, kind = decided, decided.kind
            after = value_at + length
            if kind >= COMPOUND:
                if walked is None:
                    place = state.place(depth, encoding.name, item_codecs)
                    walked = ItemWalk(item_end, item_open, depth, item_codecs, place)
                is_short = length <= LONGEST_SEQUENCE and after <= item_end and kind <= LAST_CACHED
                raw = buffer[position:after] if is_short else b""
                if kind == SEQUENCE and (outcome := walked.place.kept.get(raw)) is not None:
                    if outcome is not UNCHANGED:
                        put_known(state, position, after, outcome)
                    position = after
                else:
                    position = walk_nested(state, entry, position, length, walked, raw)
                continue
            if length == UNDEFINED:
                after = end_of_value(state, entry, value_at, depth)
                if kind == CHECKED:  # the fragments of an icon
                    section.replace(buffer, value_at, after, clean_fragments(buffer[value_at:after], "", 1))
                    position = after
                    continue
            elif after > item_end:
                refuse_short(after, item_open)
            elif entry.noted:
                state.reading.identifying.append((entry, buffer[value_at:after], item_codecs))
            if kind >= FIRST_CHANGING:
                change(state, entry, key, position, length, after, item_codecs)
            position = after
        else:
            if item_open:
                raise NeedMoreError(position)
            if position != item_end:
                raise InvalidDataSetError("an element reaches beyond the item that holds it")
            if since >= 0 and position - since >= SHORTEST_RUN:
                learn_kept(state, table, since, position)
        if planned is not None and siblings is not None:
            if planned.is_removed:
                section.roll_back(planned.before)
                section.leave_out(buffer, item - 8, position, b"")
                if planned.place is not None:
                    state.reading.content.removed.append(planned.place)
                continue
            siblings.kept += 1
        if not item_open and (changed := len(starts)) != item_run:
            content = item - starts[item_run]
            lengths.append((encoding.u32, item_run, content - 4, content, changed, position - section.start))
            if changed > state.unquestioned:
                refuse_many(state, position)
    if position != stop:
        raise InvalidDataSetError(f"{dictionary.described(of.tag, 'SQ')} has items that are longer than it")
    if more:
        section.replace(buffer, position, position, more)
    if len(starts) != run:
        # The length of the sequence is in the surrounding encoding, which for UN differs from that of its items.
        section.note_length(of.encoding.u32, run, start - 4, start, stop)
    return position


def change(
    state: State, entry: Entry, key: bytes, position: int, length: int, after: int, codecs: tuple[str, ...]
) -> None:
    """Treat an element that contains no others as its entry says."""
    section, buffer, kind = state.section, state.buffer, entry.kind
    start = section.start
    if len(section.starts) > state.unquestioned:
        refuse_many(state, position)
    new: bytes | None = b""
    if kind == UID:
        new = state.tables.new_uids[buffer[position + entry.head : after].strip(b" \0")]
        if new is not None:
            usual = entry.usual_uid_head if len(new) == USUAL_BYTES else b""
            new = (usual or entry.encoding.element_head(key, len(new))) + new
    elif kind in _PENDING:
        if kind == CHECKED and entry.passes(buffer[position + entry.head : after]):
            return
        section.pending.append((len(section.out) + 1, (entry, buffer[position:after], codecs)))
    elif kind == REMOVED:
        if start == position:
            section.start = after
            return
    elif kind == CONSTANT:
        new = entry.constant
    else:
        new = entry.encoding.element_head(key, 0) if length else None
    if new is not None:
        section.out += (buffer[start:position], new)
        section.starts.append(start)
        section.start = after


def walk_nested(state: State, entry: Entry, position: int, length: int, item: ItemWalk, raw: bytes) -> int:
    """Walk an element that contains others; return its end.

    `raw` is the bytes of a short sequence, whose result is cached when they occur again; else it is empty.
    """
    kind, section, identifying = entry.kind, state.section, state.reading.identifying
    if kind > LAST_CACHED:
        return state.handlers[kind](state, entry, position, length, item)
    if length != UNDEFINED and position + entry.head + length > item.end:
        refuse_short(position + entry.head + length, item.is_open)
    noted_from = len(identifying)
    if kind == SEARCHED:
        known = item.place.removed.get(raw)
        if known is not None:
            after = position + len(raw)
            identifying += known
        else:
            after = search(state, entry, position, length, item)
            if raw and state.tables.repeats.is_seen_again(raw):
                keep_sequence(item.place.removed, raw, identifying[noted_from:])
        section.leave_out(state.buffer, position, after, entry.constant)
        return after
    if raw and item.place.forms and put_known_form(state, item.place, position, raw):
        return position + len(raw)
    before = section.checkpoint()
    after = walk_sequence(state, entry, position + entry.head, length, item)
    if raw and len(identifying) == noted_from:
        learn_sequence(state, item.place, position, raw, before)
    return after


def _plan_item(
    state: State,
    siblings: Siblings,
    of: Entry,
    item: int,
    item_open: bool,
    end: int,
    depth: int,
    codecs: tuple[str, ...],
) -> _PlannedItem | int:
    """The plan for a content item by its concept name and value type; for a by-reference item, its end."""
    buffer, section, tree, encoding = state.buffer, state.section, state.reading.content, of.values
    seen = read_content_item(buffer, item, end, encoding, state.depth_limit - depth)
    tables = state.tables_of(encoding)
    tree.at = place = siblings.next()
    if seen.target is not None and state.policy.passes_references:
        if not item_open and seen.after != end:
            refuse_short(seen.after, False)
        siblings.kept += 1
        if place is not None:
            tree.references.append((place, seen.target))
            held = section.hold(buffer, item - 8, seen.after)
            section.pending.append((held, (tables.reference, buffer[item - 8 : seen.after], ())))
        return seen.after
    plan = tables.content_plan(seen.concept, seen.value_type[:_LONGEST_TYPE], seen.concept_encoding, codecs)
    is_removed = plan.action is ContentAction.REMOVE
    return _PlannedItem(tables.content_table(plan), is_removed, place, section.checkpoint())
