"""What is done with an element in which others stand: kind → handler.

Items are walked in `recursion`, what is dropped is looked through in `search`; a handler begins, ends or surrounds such
a walk. The walks find the handlers in their state, so that no module here needs one that needs it.
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
"""In the encoding of what is UN."""


def _end(state: State, entry: Entry, position: int, length: int, item: ItemWalk) -> int:
    """The position behind an element; it is all there, or the walk waits."""
    value_at = position + entry.head
    if length == UNDEFINED:
        return end_of_sequence(state.buffer, value_at, entry.values, state.depth_limit)
    return _checked(entry, position, length, item)


def _checked(entry: Entry, position: int, length: int, item: ItemWalk) -> int:
    """The position behind an element with a length; without one, its items say where it ends."""
    after = position + entry.head + length
    if length != UNDEFINED and after > item.end:
        refuse_short(after, item.is_open)
    return after


def declare(state: State, entry: Entry, position: int, length: int, item: ItemWalk) -> int:
    """Read which private blocks are said to be safe; the sequence itself is kept, and walked."""
    value_at, after = position + entry.head, _end(state, entry, position, length, item)
    state.declared = read_private_blocks(state.buffer[value_at:after], entry.values, item.codecs)
    return walk_sequence(state, entry, value_at, length, item)


def add_text(state: State, entry: Entry, position: int, length: int, item: ItemWalk) -> int:
    """Add ours to the texts of earlier de-identifications."""
    after = _checked(entry, position, length, item)
    state.claims.write_beside(state.section, state.buffer, position, METHOD_TEXT)
    place = state.section.hold(state.buffer, position, after)
    state.section.pending.append((place, (entry, state.buffer[position:after], item.codecs)))
    return after


def add_codes(state: State, entry: Entry, position: int, length: int, item: ItemWalk) -> int:
    """Add ours to the codes of earlier de-identifications, but for those that are there already."""
    value_at, after = position + entry.head, _end(state, entry, position, length, item)
    known = state.buffer[value_at:after] if state.policy.keeps(CODE_VALUE, "SH") else b""
    state.claims.write_beside(state.section, state.buffer, position, METHOD_CODES)
    more = b"".join(code_item for code, code_item in state.tables.method_codes if code not in known)
    return walk_sequence(state, entry, value_at, length, item, more)


def judge_items(state: State, entry: Entry, position: int, length: int, item: ItemWalk) -> int:
    """Walk a sequence of content items; when none of them is kept, the sequence is dropped."""
    _checked(entry, position, length, item)
    tree, section = state.reading.content, state.section
    if entry.tag == CONTENT_SEQUENCE and not item.depth:
        tree.clear()  # it may have been walked before, as far as the buffer reached
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
    """Look through what is dropped, emptied or replaced when the SOP Class is known, and hold its place."""
    _checked(entry, position, length, item)
    after = search(state, entry, position, length, item)
    place = state.section.hold(state.buffer, position, after)
    state.section.pending.append((place, (entry, b"", ())))
    return after


def pass_unread(state: State, entry: Entry, position: int, length: int, item: ItemWalk) -> int:
    """Pass a value that cannot be read, unless it is a sequence in disguise (PS3.5 Section 6.2.2)."""
    after, value_at = _checked(entry, position, length, item), position + entry.head
    if length != UNDEFINED and state.buffer[value_at : value_at + len(_ITEM_TAG)] != _ITEM_TAG:
        return after
    return walk_sequence(state, entry, value_at, length, item)


HANDLERS: Final[dict[int, Handler]] = {
    kinds.OPAQUE: pass_unread,
    kinds.CHOSEN: choose_later,
    kinds.MARK_TEXT: add_text,
    kinds.MARK_CODES: add_codes,
    kinds.DECLARED: declare,
    kinds.CONTENT: judge_items,
}
"""All kinds between SEARCHED and SPECIAL; sequences that are kept or dropped, the commonest, `walk_nested` tells apart,
since what became of equal ones is cached."""
