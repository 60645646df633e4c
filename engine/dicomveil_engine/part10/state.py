"""What the walk of one data set knows at any moment, and the few things that every part of it asks.

Nothing here walks: items are walked in `recursion` and `compound`, what goes in `search`, the data set itself in
`top_level`.
"""

from __future__ import annotations

from dicomveil_engine.attributes import characters, dictionary
from dicomveil_engine.errors import DeidentificationError, InvalidDataSetError
from dicomveil_engine.part10 import kinds
from dicomveil_engine.part10.creators import Creators
from dicomveil_engine.part10.reading import Reading
from dicomveil_engine.part10.remembered import Place
from dicomveil_engine.part10.section import DueMarks, Section
from dicomveil_engine.part10.skip import end_of_sequence
from dicomveil_engine.part10.table import DecisionTable, Entry
from dicomveil_engine.part10.tables import Tables
from dicomveil_engine.policy import Policy
from dicomveil_engine.profile.private import LONGEST_CREATOR, PrivateBlock, is_declared_safe


class NeedMoreError(Exception):
    """The buffer ends before the element does; walk again when it reaches `until`."""

    def __init__(self, until: int) -> None:
        self.until = until


class State:
    """One data set, as far as it has been walked."""

    def __init__(self, policy: Policy, tables: Tables) -> None:
        self.reading = Reading(policy, tables.readings)
        self._policy = policy
        self._depth_limit = policy.limits.depth
        self._tables = tables
        self._encoding = tables.encoding
        self._stage = 0
        """Which of the tables for the top level is in use."""
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

    def _place(self, depth: int, name: str, codecs: tuple[str, ...]) -> Place:
        """What is remembered of sequences at this depth, in this encoding and character set."""
        return self._tables.remembered[depth, name, codecs, self._declared]

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
            name = characters.decode(self._buffer[value_at:after], codecs).strip(" \0")[:LONGEST_CREATOR]
            creators.hold(entry.tag, name, self._section, self._buffer, position, after)
            return None
        creator = creators.name_of(entry.tag)
        declared = is_declared_safe(self._declared, entry.tag, creator)
        decided = table.private(entry, creator, declared=declared)
        if decided.kind != kinds.REMOVED and (decided.kind != kinds.SEARCHED or decided.constant):
            creators.release(entry.tag, self._section, self._buffer, position)
        return decided
