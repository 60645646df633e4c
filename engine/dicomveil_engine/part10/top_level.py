"""The elements of the data set itself, up to where the buffer ends or something is to be streamed.

Here stand the instance's marks and its context; here alone the walk may be interrupted, between any two elements. The
instances of a series have most of this level in common: a run of elements that came before is passed at once.
"""

from __future__ import annotations

import struct

from dicomveil_engine.attributes.well_known import SOP_INSTANCE_UID
from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.part10 import kinds
from dicomveil_engine.part10.compound import Compound
from dicomveil_engine.part10.encoding import UNDEFINED
from dicomveil_engine.part10.fragment import UNCHANGED
from dicomveil_engine.part10.reading import NotedRun
from dicomveil_engine.part10.remembered import LONGEST_RUN, LONGEST_SEQUENCE, RUN_KEY, SHORTEST_RUN, Place, Run
from dicomveil_engine.part10.section import Checkpoint
from dicomveil_engine.part10.state import NeedMoreError
from dicomveil_engine.part10.table import KEEP, DecisionTable, Entry

LONG_VALUE = 1 << 20
"""A kept value longer than this, behind the groups that identify, is not held but passed through."""
FIRST_GROUP_PASSED = 0x0042

_Here = tuple[int, Checkpoint, int, int]
"""A position, and what was collected when the walk came to it: output, what identifies, and context."""


class TopLevel(Compound):
    """What happens to the elements of the data set itself."""

    def _elements(self) -> None:
        """Walk on from the position; it stays at an element that is to be streamed, or in which the buffer ends.

        Raises NeedMoreError or struct.error in the latter case.
        """
        buffer, encoding, end = self._buffer, self._encoding, len(self._buffer)
        read, read_long, starts_with = encoding.head.unpack_from, encoding.u32.unpack_from, buffer.startswith
        section, reading = self._section, self.reading
        out, starts, pending = section.out, section.starts, section.pending
        table, place = self._tables.top[self._stage], self._top_place()
        since: _Here | None = None
        """Where those elements begin that came before and are in no run."""
        is_behind_run = False
        position = self._position
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
                        self._learn(place, since, self._here(position))
                        since = None
                    after = position + run.size
                    # As `_known`, without its call, which costs a series some hundredths.
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
                    position, is_behind_run = after, True
                    continue
            self._position = position
            key, length = read(buffer, position)
            entry = table[key]
            kind, value_at = entry.kind, position + entry.head
            if value_at != position + 8:
                (length,) = read_long(buffer, position + 8)
            after = value_at + length
            # With what stands behind a run the instances began to differ: it is not looked at again.
            may_repeat = kind <= kinds.PLAIN and not is_behind_run and entry.tag != SOP_INSTANCE_UID
            is_behind_run = False
            if since is not None and not may_repeat:
                self._learn(place, since, self._here(position))
                since = None
            if kind >= kinds.SPECIAL:
                if kind == kinds.BOUNDARY:
                    table = self._cross(entry.tag, position)
                    place = self._top_place()
                    continue
                if kind == kinds.CHARACTER_SET:
                    codecs = self._character_set(entry, position, length, end, True)
                    if codecs != self._codecs:
                        self._codecs = codecs
                        place = self._top_place()
                    position = after
                    continue
                if kind == kinds.DELIMITER:
                    raise InvalidDataSetError("a delimiter stands where an element should")
                if kind != kinds.PRIVATE:
                    if entry.constant:
                        section.replace(buffer, position, position, entry.constant)
                    self._streamed = entry, length
                    return
                decided = self._private(table, entry, position, length, end, self._codecs, self._creators, True)
                if decided is None:
                    position = after
                    continue
                entry, kind = decided, decided.kind
            if kind >= kinds.COMPOUND:
                here = self._here(position)
                after = self._compound_or_nothing(entry, position, length, after, here, place)
                if kind == kinds.DECLARED:
                    place = self._top_place()
                if may_repeat:
                    since = self._follow(place, since, position, after, here)
            elif kind == kinds.KEPT and length > LONG_VALUE and self._is_streamed(entry, length):
                self._streamed = entry, length
                break
            else:
                if may_repeat:
                    since = self._follow(place, since, position, after)
                if entry is not KEEP or length == UNDEFINED:
                    after = self._single(entry, key, position, length, after)
            position = after
        if since is not None:
            self._learn(place, since, self._here(position))
        self._position = position

    def _single(self, entry: Entry, key: bytes, position: int, length: int, after: int) -> int:
        """Do with one element, and its value alone, what its entry says; the position behind it."""
        value_at = position + entry.head
        if length == UNDEFINED:
            after = self._end_of_value(entry, value_at, 0)
        elif after > len(self._buffer) and (entry.noted or entry.kind not in kinds.VALUE_UNSEEN):
            raise NeedMoreError(after)
        elif entry.noted:
            noted = (entry, self._buffer[value_at:after], self._codecs)
            if entry.identifies:
                self.reading.identifying.append(noted)
            if entry.tag == SOP_INSTANCE_UID:
                self.reading.instance = self.reading.instance or noted
            elif entry.is_context:
                self.reading.context.append(noted)
        if entry.kind >= kinds.REMOVED:
            self._change(entry, key, position, length, after, self._codecs)
        return after

    @staticmethod
    def _is_streamed(entry: Entry, length: int) -> bool:
        """Whether a long kept value need not be held: nothing behind it identifies what is before it."""
        return length != UNDEFINED and not entry.noted and entry.tag >> 16 >= FIRST_GROUP_PASSED

    def _compound_or_nothing(
        self, entry: Entry, position: int, length: int, after: int, here: _Here, place: Place
    ) -> int:
        """Walk an element in which others stand; nothing of it stays when the buffer ends inside."""
        end, due = len(self._buffer), self._marks.due
        is_short = entry.kind <= kinds.SEARCHED and length <= LONGEST_SEQUENCE and after <= end
        raw = self._buffer[position:after] if is_short else b""
        if entry.kind == kinds.SEQUENCE and (outcome := place.kept.get(raw)) is not None:
            if outcome is not UNCHANGED:
                self._known(position, after, outcome)
            return after
        try:
            return self._nested(entry, position, length, end, 0, self._codecs, True, place, raw)
        except (NeedMoreError, struct.error):
            self._section.roll_back(here[1])
            del self.reading.identifying[here[2] :]
            self._marks.due = due
            raise

    def _cross(self, tag: int, position: int) -> DecisionTable:
        """Write the marks that stand before the tag; the table that knows what comes then."""
        self._marks.write(self._section, self._buffer, position, before=tag)
        while self._tables.top[self._stage].until < tag:
            self._stage += 1
        return self._tables.top[self._stage]

    def _top_place(self) -> Place:
        """What is remembered of the top level, as far as the walk has come; each stage has a depth of its own."""
        return self._place(-self._stage, self._encoding.name, self._codecs)

    def _here(self, position: int) -> _Here:
        return position, self._section.checkpoint(), len(self.reading.identifying), len(self.reading.context)

    def _follow(
        self, place: Place, since: _Here | None, position: int, after: int, here: _Here | None = None
    ) -> _Here | None:
        """Where the elements begin that came before and are in no run, now that there is one more.

        `here` is what was collected when the walk came to it, if it has been walked already.
        """
        is_repeated = after <= len(self._buffer) and after - position <= LONGEST_RUN
        if is_repeated:
            is_repeated = self._tables.remembered.is_seen_again(self._buffer[position:after], at_top=True)
        if since is not None and (not is_repeated or after - since[0] > LONGEST_RUN):
            self._learn(place, since, here or self._here(position))
            since = None
        if not is_repeated:
            return None
        return since or here or self._here(position)

    def _learn(self, place: Place, since: _Here, until: _Here) -> None:
        """Remember the elements in between as a run, if they came together before."""
        start, section, identifying, context = since
        after, section_then, identifying_then, context_then = until
        raw = self._buffer[start:after]
        if len(raw) < SHORTEST_RUN or not self._tables.remembered.is_seen_again(raw, at_top=True):
            return
        outcome = self._section.outcome(section, section_then, self._buffer, start, after)
        noted = [one for one in self.reading.identifying[identifying:identifying_then] if not isinstance(one, NotedRun)]
        in_context = tuple(self.reading.context[context:context_then])
        place.learn(Run(raw, outcome, NotedRun(tuple(noted)) if noted else None, in_context))
