"""Handlers of elements that contain others: kind → handler.

Items that are kept are walked in `recursion`, those that are dropped in `search`; a handler begins or surrounds such a
walk. The walks find the handlers in `State`, which avoids circular imports.
"""

from __future__ import annotations

from typing import Final

from dicomveil_engine.part10 import kinds
from dicomveil_engine.part10.content_item import Siblings
from dicomveil_engine.part10.declarations import read_private_blocks
from dicomveil_engine.part10.encoding import UNDEFINED
from dicomveil_engine.part10.recursion import walk_sequence
from dicomveil_engine.part10.search import search
from dicomveil_engine.part10.skip import end_of_sequence
from dicomveil_engine.part10.state import Handler, ItemWalk, State, refuse_short
from dicomveil_engine.part10.table import Entry
from dicomveil_engine.rewriting.deidentification_attributes import CODE_VALUE, METHOD_CODES, METHOD_TEXT
from dicomveil_engine.structured_content.content_items import CONTENT_SEQUENCE

_ITEM_TAG = b"\xfe\xff\x00\xe0"
"""The tag of an item in little endian, the encoding of items in UN."""


def _end(state: State, entry: Entry, position: int, length: int, item: ItemWalk) -> int:
    """The end of an element. Raises an error if the buffer does not hold it completely."""
    value_at = position + entry.head
    if length == UNDEFINED:
        return end_of_sequence(state.buffer, value_at, entry.values, state.depth_limit)
    return _checked(entry, position, length, item)


def _checked(entry: Entry, position: int, length: int, item: ItemWalk) -> int:
    """The end of an element of defined length, checked against its item; meaningless for undefined length."""
    after = position + entry.head + length
    if length != UNDEFINED and after > item.end:
        refuse_short(after, item.is_open)
    return after


def declare(state: State, entry: Entry, position: int, length: int, item: ItemWalk) -> int:
    """Read which private blocks are declared safe, then walk the sequence, which is kept."""
    value_at, after = position + entry.head, _end(state, entry, position, length, item)
    state.declared = read_private_blocks(state.buffer[value_at:after], entry.values, item.codecs)
    return walk_sequence(state, entry, value_at, length, item)


def add_text(state: State, entry: Entry, position: int, length: int, item: ItemWalk) -> int:
    """Add the policy's text to those of earlier de-identifications."""
    after = _checked(entry, position, length, item)
    state.claims.write_beside(state.section, state.buffer, position, METHOD_TEXT)
    place = state.section.hold(state.buffer, position, after)
    state.section.pending.append((place, (entry, state.buffer[position:after], item.codecs)))
    return after


def add_codes(state: State, entry: Entry, position: int, length: int, item: ItemWalk) -> int:
    """Add the policy's codes to those of earlier de-identifications, except those that are there already."""
    value_at, after = position + entry.head, _end(state, entry, position, length, item)
    known = state.buffer[value_at:after] if state.policy.keeps(CODE_VALUE, "SH") else b""
    state.claims.write_beside(state.section, state.buffer, position, METHOD_CODES)
    more = b"".join(code_item for code, code_item in state.tables.method_codes if code not in known)
    return walk_sequence(state, entry, value_at, length, item, more)


def judge_items(state: State, entry: Entry, position: int, length: int, item: ItemWalk) -> int:
    """Walk a sequence of content items; if none of them is kept, drop the sequence."""
    _checked(entry, position, length, item)
    tree, section = state.reading.content, state.section
    if entry.tag == CONTENT_SEQUENCE and not item.depth:
        tree.clear()  # an earlier walk may have stopped at the end of the buffer
    siblings = Siblings(tree.parent(entry.tag, item.depth))
    before, at = section.checkpoint(), tree.at
    try:
        after = walk_sequence(state, entry, position + entry.head, length, item, siblings=siblings)
    finally:
        tree.at = at
    if siblings.number and not siblings.kept:
        section.roll_back(before)
        section.leave_out(state.buffer, position, after, b"")
    return after


def choose_later(state: State, entry: Entry, position: int, length: int, item: ItemWalk) -> int:
    """Search a sequence that will be dropped, emptied or replaced when the SOP Class is known, and hold its place."""
    _checked(entry, position, length, item)
    after = search(state, entry, position, length, item)
    place = state.section.hold(state.buffer, position, after)
    state.section.pending.append((place, (entry, b"", ())))
    return after


def pass_unread(state: State, entry: Entry, position: int, length: int, item: ItemWalk) -> int:
    """Pass a value of VR UN, unless it is an encoded sequence, which is walked (PS3.5 Section 6.2.2)."""
    after, value_at = _checked(entry, position, length, item), position + entry.head
    if length != UNDEFINED and state.buffer[value_at : value_at + len(_ITEM_TAG)] != _ITEM_TAG:
        return after
    return walk_sequence(state, entry, value_at, length, item)


HANDLERS: Final[dict[int, Handler]] = {
    kinds.OPAQUE: pass_unread,
    kinds.CHOSEN: choose_later,
    kinds.ADD_TEXT: add_text,
    kinds.ADD_CODES: add_codes,
    kinds.DECLARED: declare,
    kinds.CONTENT: judge_items,
}
"""All kinds between SEARCHED and SPECIAL. `walk_nested` treats kept and dropped sequences, the most frequent kinds,
since it caches their results."""
