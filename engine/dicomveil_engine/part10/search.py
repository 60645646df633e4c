"""Searching dropped sequences for names and numbers, which must not be left in free text elsewhere.

Only identifying values are collected. Elements are decided on as if the sequence were kept; those with side effects are
left to the handlers, whose output is then discarded.
"""

from __future__ import annotations

import struct

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.errors import DeidentificationError, InvalidDataSetError
from dicomveil_engine.part10 import kinds
from dicomveil_engine.part10.damage import DamagedSequence
from dicomveil_engine.part10.encoding import ITEM_END, UNDEFINED, Encoding
from dicomveil_engine.part10.repeats import LONGEST_SEQUENCE, keep_sequence
from dicomveil_engine.part10.skip import encoding_at, end_of_sequence
from dicomveil_engine.part10.state import (
    ItemWalk,
    NeedMoreError,
    State,
    decide_private,
    end_of_stray,
    end_of_value,
    read_character_set,
    refuse_short,
)
from dicomveil_engine.part10.table import Entry


def search(state: State, entry: Entry, position: int, length: int, item: ItemWalk) -> int:
    """Note the identifying values in a sequence that is removed; return its end."""
    before = state.section.checkpoint()
    after = _search_sequence(state, entry, position + entry.head, length, item)
    state.section.roll_back(before)
    return after


def _search_sequence(state: State, entry: Entry, position: int, length: int, item: ItemWalk) -> int:
    """Search a sequence whose first item is at `position`, which need not be readable if its end is known."""
    identifying = state.reading.identifying
    noted_from, is_open = len(identifying), length == UNDEFINED
    encoding = entry.values
    if encoding is not entry.encoding:
        encoding = encoding_at(state.buffer, position + 8, encoding)
    try:
        return _search_items(state, entry, encoding, position, length, item)
    except (NeedMoreError, struct.error):
        if is_open:
            raise
    except (InvalidDataSetError, DeidentificationError):
        pass
    after = position + length
    if is_open:
        after = end_of_sequence(state.buffer, position, entry.values, state.depth_limit - item.depth)
    del identifying[noted_from:]
    damaged = DamagedSequence(state)
    damaged.items(position, after, entry.values, item.depth + 1, item.codecs, is_open=is_open)
    return after


def _search_items(state: State, of: Entry, encoding: Encoding, position: int, length: int, around: ItemWalk) -> int:
    """Search the items of a sequence, the first of which is at `position`; return the end of the sequence."""
    depth, codecs = around.depth + 1, around.codecs
    if depth > state.depth_limit:
        raise InvalidDataSetError(f"sequences are nested more than {state.depth_limit} deep")
    buffer = state.buffer
    table = state.tables_of(encoding).nested
    read_item, read, read_long = encoding.item.unpack_from, encoding.head.unpack_from, encoding.u32.unpack_from
    identifying, repeats = state.reading.identifying, state.tables.repeats
    is_open = length == UNDEFINED
    stop = around.end if is_open else position + length
    item_codecs = codecs
    item: ItemWalk | None = None
    while is_open or position < stop:
        tag, size = read_item(buffer, position)
        position += 8
        if tag != encoding.item_tag:
            if tag == encoding.sequence_end and is_open:
                return position
            raise InvalidDataSetError(f"{dictionary.described(of.tag, 'SQ')} holds something that is not an item")
        item_open = size == UNDEFINED
        item_end = stop if item_open else position + size
        if item_end > stop:
            refuse_short(item_end, is_open)
        if item_codecs is not codecs:
            item_codecs, item = codecs, None
        elif item is not None:
            item.end, item.is_open, item.creators = item_end, item_open, None
        while position < item_end:
            key, length = read(buffer, position)
            entry = table[key]
            if entry.is_over:
                position += 8 + length
                continue
            kind, value_at = entry.kind, position + entry.head
            if value_at != position + 8:
                (length,) = read_long(buffer, position + 8)
            if kind >= kinds.SPECIAL:
                if kind == kinds.DELIMITER:
                    if not item_open or entry.tag != ITEM_END:
                        raise InvalidDataSetError("a delimiter is in the place of an element")
                    position = value_at
                    break
                if kind == kinds.CHARACTER_SET:
                    item_codecs = read_character_set(state, entry, position, length, item_end, item_open)
                    item = None
                    position = value_at + length
                    continue
                if item is None:
                    item = ItemWalk(
                        item_end, item_open, depth, item_codecs, state.place(depth, encoding.name, item_codecs)
                    )
                if kind == kinds.STRAY:
                    position = end_of_stray(state, entry.tag, position, item_end, item_open, encoding)
                    continue
                decided = decide_private(state, table, entry, position, length, item)
                if decided is None:
                    position = value_at + length
                    continue
                entry, kind = decided, decided.kind
            after = value_at + length
            if kind >= kinds.COMPOUND:
                if item is None:
                    item = ItemWalk(
                        item_end, item_open, depth, item_codecs, state.place(depth, encoding.name, item_codecs)
                    )
                known = item.place.removed
                is_short = kind <= kinds.LAST_CACHED and length <= LONGEST_SEQUENCE and after <= item_end
                raw = buffer[position:after] if is_short else b""
                noted = known.get(raw)
                if noted is not None:
                    identifying += noted
                    position = after
                    continue
                noted_from = len(identifying)
                position = _search_element(state, entry, position, length, item)
                if raw and repeats.is_seen_again(raw):
                    keep_sequence(known, raw, identifying[noted_from:])
                continue
            if length == UNDEFINED:
                after = end_of_value(state, entry, value_at, depth)
            elif after > item_end:
                refuse_short(after, item_open)
            elif entry.noted:
                identifying.append((entry, buffer[value_at:after], item_codecs))
            position = after
        else:
            if item_open:
                raise NeedMoreError(position)
            if position != item_end:
                raise InvalidDataSetError("an element reaches beyond the item that holds it")
    if position != stop:
        raise InvalidDataSetError(f"{dictionary.described(of.tag, 'SQ')} has items that are longer than it")
    return position


def _search_element(state: State, entry: Entry, position: int, length: int, item: ItemWalk) -> int:
    """Search an element that contains others; return its end."""
    if entry.kind > kinds.LAST_CACHED:
        return state.handlers[entry.kind](state, entry, position, length, item)
    value_at = position + entry.head
    if length != UNDEFINED and value_at + length > item.end:
        refuse_short(value_at + length, item.is_open)
    return _search_sequence(state, entry, value_at, length, item)
