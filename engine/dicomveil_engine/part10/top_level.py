"""The walk of the top level, up to the end of the buffer or an element that is streamed.

The de-identification attributes are written here. The walk can be interrupted only here, between two elements. Since
the instances of a series have most of this level in common, runs of known elements are passed at once.
"""

from __future__ import annotations

import struct

from dicomveil_engine.attributes.well_known import SOP_INSTANCE_UID
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.methods.base import BYTES_VRS
from dicomveil_engine.part10.encoding import ITEM, UNDEFINED
from dicomveil_engine.part10.fragment import UNCHANGED
from dicomveil_engine.part10.kinds import (
    BOUNDARY,
    CHARACTER_SET,
    CHECKED,
    COMPOUND,
    DECLARED,
    DELIMITER,
    FIRST_CHANGING,
    KEPT,
    LAST_CACHED,
    PLAIN,
    PRIVATE,
    SEQUENCE,
    SPECIAL,
    STRAY,
    VALUE_UNSEEN,
)
from dicomveil_engine.part10.known import put_known
from dicomveil_engine.part10.reading import NotedRun
from dicomveil_engine.part10.recursion import change, walk_nested
from dicomveil_engine.part10.repeats import LONGEST_RUN, LONGEST_SEQUENCE, RUN_KEY, SHORTEST_RUN, Place, Run
from dicomveil_engine.part10.section import Checkpoint
from dicomveil_engine.part10.state import (
    ItemWalk,
    NeedMoreError,
    State,
    decide_private,
    end_of_stray,
    end_of_value,
    read_character_set,
)
from dicomveil_engine.part10.table import KEEP, SHORTEST_PASSED, DecisionTable, Entry

LONG_VALUE = 1 << 20
"""Bytes; a longer kept value in a group from FIRST_GROUP_PASSED on is not held but passed through in chunks."""
FIRST_GROUP_PASSED = 0x0042

_Mark = tuple[int, Checkpoint, tuple[int, int, int]]
"""A position, and what was collected up to there: output, and the numbers of identifying, context and image values."""


def walk_elements(state: State) -> None:
    """Walk from `state.position` to the end of the buffer, or to an element that is streamed.

    Raises NeedMoreError or struct.error if the buffer ends within an element, which is then at the position.
    """
    buffer, encoding, end = state.buffer, state.encoding, len(state.buffer)
    read, read_long, starts_with = encoding.head.unpack_from, encoding.u32.unpack_from, buffer.startswith
    section, reading = state.section, state.reading
    out, starts, pending = section.out, section.starts, section.pending
    table, place = state.tables.top[state.stage], _top_place(state)
    here = ItemWalk(end, True, 0, state.codecs, place, state.creators)
    since: _Mark | None = None
    """The beginning of consecutive elements that occurred before and are not in a run."""
    is_behind_run = False
    position = state.position
    while position < end:
        alike = place.runs.get(buffer[position : position + RUN_KEY])
        if alike is not None:
            for run in alike:
                if starts_with(run.raw, position):
                    break
            else:
                run = None
            if run is not None:
                if since is not None:
                    _learn(state, place, since, _mark(state, position))
                    since = None
                after = position + run.size
                # Inlined, since a call would cost a series several percent.
                if run.new is not None:
                    start = section.start
                    if run.waiting is not None:
                        pending.append((len(out) + 1, run.waiting))
                    out += (buffer[start:position], run.new)
                    starts.append(start)
                    section.start = after
                if run.identifying is not None:
                    reading.identifying.append(run.identifying)
                if run.context:
                    reading.context += run.context
                if run.image:
                    reading.image += run.image
                position, is_behind_run = after, True
                continue
        state.position = position
        key, length = read(buffer, position)
        entry = table[key]
        kind, value_at = entry.kind, position + entry.head
        if value_at != position + 8:
            (length,) = read_long(buffer, position + 8)
        after = value_at + length
        # The element after a run is one in which the instances differ, so it is not looked up again.
        may_repeat = kind <= PLAIN and not is_behind_run and entry.tag != SOP_INSTANCE_UID
        is_behind_run = False
        if since is not None and not may_repeat:
            _learn(state, place, since, _mark(state, position))
            since = None
        if kind >= SPECIAL:
            if kind == BOUNDARY:
                table = _cross(state, entry.tag, position)
                here.place = place = _top_place(state)
                continue
            if kind == CHARACTER_SET:
                codecs = read_character_set(state, entry, position, length, end, True)
                if codecs != state.codecs:
                    state.codecs = here.codecs = codecs
                    here.place = place = _top_place(state)
                position = after
                continue
            if kind == DELIMITER:
                if entry.tag == ITEM or any(buffer[position + 4 : position + 8]):
                    raise InvalidDataSetError("a delimiter is in the place of an element")
                after = value_at
                section.leave_out(buffer, position, after, b"")  # superfluous, after a sequence of defined length
                position = after
                continue
            if kind == STRAY:
                after = end_of_stray(state, entry.tag, position, end, True, encoding)
                section.leave_out(buffer, position, after, b"")
                position = after
                continue
            if kind != PRIVATE:
                if entry.constant:
                    section.replace(buffer, position, position, entry.constant)
                state.streamed = entry, length
                return
            decided = decide_private(state, table, entry, position, length, here)
            if decided is None:
                position = after
                continue
            entry, kind = decided, decided.kind
        if kind >= COMPOUND:
            begun = _mark(state, position)
            after = _walk_or_nothing(state, entry, position, length, after, begun, here)
            if kind == DECLARED:
                here.place = place = _top_place(state)
            if may_repeat:
                since = _follow(state, place, since, position, after, begun)
        elif length > LONG_VALUE and _is_streamed(entry, length):
            state.streamed = entry, length
            break
        else:
            if may_repeat:
                since = _follow(state, place, since, position, after)
            if kind == CHECKED and after <= end:
                # As `passes`, but in place: numbers and times are most of what differs between instances.
                plain = entry.plain if length <= SHORTEST_PASSED and not entry.noted else None
                if (plain is None or not plain(buffer, value_at, after)) and (
                    entry.noted or not entry.passes(buffer[value_at:after])
                ):
                    after = _single(state, entry, key, position, length, after)
            elif entry is not KEEP or length == UNDEFINED:
                after = _single(state, entry, key, position, length, after)
        position = after
    if since is not None:
        _learn(state, place, since, _mark(state, position))
    state.position = position


def _single(state: State, entry: Entry, key: bytes, position: int, length: int, after: int) -> int:
    """Treat an element that contains no others as its entry says; return its end."""
    value_at = position + entry.head
    if length == UNDEFINED:
        after = end_of_value(state, entry, value_at, 0)
    elif after > len(state.buffer) and (entry.noted or entry.kind not in VALUE_UNSEEN):
        raise NeedMoreError(after)
    elif entry.noted:
        noted = (entry, state.buffer[value_at:after], state.codecs)
        if entry.identifies:
            state.reading.identifying.append(noted)
        if entry.tag == SOP_INSTANCE_UID:
            state.reading.instance = state.reading.instance or noted
        elif entry.is_context:
            state.reading.context.append(noted)
        elif entry.is_image:
            state.reading.image.append(noted)
    if entry.kind >= FIRST_CHANGING:
        change(state, entry, key, position, length, after, state.codecs)
    return after


def _is_streamed(entry: Entry, length: int) -> bool:
    """Whether a long kept value is passed through: no attribute after it should identify what is before it."""
    is_kept = entry.kind == KEPT or (entry.kind == CHECKED and entry.vr in BYTES_VRS)
    return is_kept and length != UNDEFINED and not entry.noted and entry.tag >> 16 >= FIRST_GROUP_PASSED


def _walk_or_nothing(
    state: State, entry: Entry, position: int, length: int, after: int, begun: _Mark, here: ItemWalk
) -> int:
    """Walk an element that contains others; if the buffer ends within it, discard what was collected."""
    end, due = len(state.buffer), state.claims.due
    is_short = entry.kind <= LAST_CACHED and length <= LONGEST_SEQUENCE and after <= end
    raw = state.buffer[position:after] if is_short else b""
    if entry.kind == SEQUENCE and (outcome := here.place.kept.get(raw)) is not None:
        if outcome is not UNCHANGED:
            put_known(state, position, after, outcome)
        return after
    try:
        return walk_nested(state, entry, position, length, here, raw)
    except (NeedMoreError, struct.error, InvalidDataSetError):
        state.section.roll_back(begun[1])
        del state.reading.identifying[begun[2][0] :]
        state.claims.due = due
        raise


def _cross(state: State, tag: int, position: int) -> DecisionTable:
    """Write the de-identification attributes that come before the tag; return the next table."""
    state.claims.write(state.section, state.buffer, position, before=tag)
    while state.tables.top[state.stage].until < tag:
        state.stage += 1
    return state.tables.top[state.stage]


def _top_place(state: State) -> Place:
    """The cache for the current stage of the top level, which has a depth of 0 or less."""
    return state.place(-state.stage, state.encoding.name, state.codecs)


def _mark(state: State, position: int) -> _Mark:
    reading = state.reading
    return position, state.section.checkpoint(), (len(reading.identifying), len(reading.context), len(reading.image))


def _follow(
    state: State, place: Place, since: _Mark | None, position: int, after: int, begun: _Mark | None = None
) -> _Mark | None:
    """The beginning of consecutive repeated elements, after one more element; None if that is not repeated.

    `begun` is the mark at the beginning of the element, if it has been walked already.
    """
    is_repeated = after <= len(state.buffer) and after - position <= LONGEST_RUN
    if is_repeated:
        is_repeated = state.tables.repeats.is_seen_again(state.buffer[position:after], at_top=True)
    if since is not None and (not is_repeated or after - since[0] > LONGEST_RUN):
        _learn(state, place, since, begun or _mark(state, position))
        since = None
    if not is_repeated:
        return None
    return since or begun or _mark(state, position)


def _learn(state: State, place: Place, since: _Mark, until: _Mark) -> None:
    """Cache the elements between two marks as a run, if they occurred together before."""
    start, section, noted_from = since
    after, section_then, noted_until = until
    raw = state.buffer[start:after]
    if len(raw) < SHORTEST_RUN or not state.tables.repeats.is_seen_again(raw, at_top=True):
        return
    outcome = state.section.outcome(section, section_then, state.buffer, start, after)
    identifying, context, image = map(slice, noted_from, noted_until)
    reading = state.reading
    noted = [one for one in reading.identifying[identifying] if not isinstance(one, NotedRun)]
    known = NotedRun(tuple(noted)) if noted else None
    place.learn(Run(raw, outcome, known, tuple(reading.context[context]), tuple(reading.image[image])))
