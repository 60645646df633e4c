"""Writing known results of short sequences, and caching new ones, in all places of the data set.

What is cached, and for how long, is in `repeats`, `forms` and `table`.
"""

from __future__ import annotations

from dicomveil_engine.part10.forms import FORM_KEY, MOST_UIDS, Form, uids_of
from dicomveil_engine.part10.fragment import Fragment, Rewritten
from dicomveil_engine.part10.repeats import Place, keep_sequence
from dicomveil_engine.part10.section import Checkpoint
from dicomveil_engine.part10.state import State
from dicomveil_engine.part10.table import LONGEST_PASSED, DecisionTable


def put_known(state: State, position: int, after: int, outcome: Rewritten) -> None:
    """Replace [position, after) by a cached result, which is not UNCHANGED."""
    section, buffer = state.section, state.buffer
    start, new = section.start, b""
    if isinstance(outcome, Fragment):
        section.pending.append((len(section.out) + 1, outcome.waiting))
    else:
        new = outcome
    section.out += (buffer[start:position], new)
    section.starts.append(start)
    section.start = after


def put_known_form(state: State, place: Place, position: int, raw: bytes) -> bool:
    """Replace a short sequence by its result if its form is known; return whether it was."""
    tables = state.tables
    for form in place.forms.get(raw[:FORM_KEY], ()):
        outcome = form.rewritten(raw, tables.new_uids)
        if outcome is not None:
            place.note_use(raw)
            put_known(state, position, position + len(raw), outcome)
            if tables.repeats.is_seen_again(raw):
                keep_sequence(place.kept, raw, outcome)
            return True
    return False


def learn_sequence(state: State, place: Place, position: int, raw: bytes, before: Checkpoint) -> None:
    """Cache the result of a short sequence that was walked, if it occurred before; and its form, if it has one.

    `before` is the state of the section at its beginning; it must hold no identifying values.
    """
    section, tables = state.section, state.tables
    if tables.repeats.is_seen_again(raw):
        outcome = section.outcome(before, section.checkpoint(), state.buffer, position, position + len(raw))
        keep_sequence(place.kept, raw, outcome)
    # Pending elements depend on more than the sequence, which then has no form.
    if (
        place.may_learn_form(raw)
        and len(section.pending) == before[2]
        and 0 < len(section.starts) - before[1] <= MOST_UIDS
    ):
        _learn_form(state, place, position, raw, before)


def _learn_form(state: State, place: Place, position: int, raw: bytes, before: Checkpoint) -> None:
    """Cache the form of a sequence in which at most UIDs changed."""
    section, tables = state.section, state.tables
    until = section.checkpoint()
    uids = uids_of(raw, section.changes(before, until, position), state.encoding, tables.nested)
    if uids:
        outcome = section.outcome(before, until, state.buffer, position, position + len(raw))
        if isinstance(outcome, bytes):
            form = Form(raw, outcome, uids)
            if form.rewritten(raw, tables.new_uids) == outcome:
                place.learn_form(raw, form)


def learn_kept(state: State, table: DecisionTable, start: int, after: int) -> None:
    """Cache consecutive elements that are kept and not noted, if they occurred together before."""
    raw = state.buffer[start:after]
    if len(raw) <= LONGEST_PASSED and state.tables.repeats.is_seen_again(raw):
        table.learn(raw)
