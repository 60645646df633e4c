"""Elements in which others stand, and with which more is to be done than with a sequence that stays or goes.

Sequences of content items, marks of earlier de-identifications, what is chosen when the SOP Class is known, what the
instance declares of its private blocks, and what is kept unread. Their items are walked in `recursion`.
"""

from __future__ import annotations

from dicomveil_engine.part10 import kinds
from dicomveil_engine.part10.content_item import Siblings
from dicomveil_engine.part10.declarations import read_private_blocks
from dicomveil_engine.part10.encoding import UNDEFINED
from dicomveil_engine.part10.recursion import Recursion
from dicomveil_engine.part10.skip import end_of_sequence
from dicomveil_engine.part10.table import Entry
from dicomveil_engine.rewriting.deidentification_attributes import CODE_VALUE, METHOD_CODES, METHOD_TEXT
from dicomveil_engine.structured_content.content_items import CONTENT_SEQUENCE


class Compound(Recursion):
    """What happens to them."""

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
        if entry.kind == kinds.CHOSEN:
            after = self._search(entry, position, length, end, depth, codecs)
            place = self._section.hold(self._buffer, position, after)
            self._section.pending.append((place, (entry, b"", ())))
            return after
        # What is kept unread may be a sequence in disguise (PS3.5 Section 6.2.2), to which the policy applies.
        begins_with_item = length == UNDEFINED or self._buffer[value_at : value_at + 4] == b"\xfe\xff\x00\xe0"
        if entry.kind == kinds.OPAQUE and not begins_with_item:
            return after
        return self._sequence(entry, value_at, length, end, depth, codecs)

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
