"""Fragments: elements that were walked before with the same bytes, and are replaced as a whole.

Elements in them that depend on the rest of the header are still resolved later, with one look-up for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate
from struct import Struct

from dicomveil_engine.part10 import kinds
from dicomveil_engine.part10.table import Entry, Pending

Length = tuple[Struct, int, int, int, int, int]
"""A length field whose content changed: its encoding; the number of the kept run that holds it; the offsets of the
field and of the content from the beginning of that run; the number of kept runs at the end of the content; the bytes
of content after the last replacement."""


def joined(out: list[bytes], lengths: Iterable[Length]) -> bytearray:
    """Join kept runs and replacements, and correct the lengths of the sequences and items around them."""
    written = bytearray().join(out)
    offsets = [0, *accumulate(map(len, out))]
    for u32, run, field, content, runs_after, tail in lengths:
        base = offsets[2 * run]
        u32.pack_into(written, base + field, offsets[2 * runs_after] - base - content + tail)
    return written


class Fragment(Entry):
    """The result for several elements, except for the pending ones among them."""

    __slots__ = ("_lengths", "_out", "_pending", "waiting")

    def __init__(self, out: list[bytes], pending: list[tuple[int, Pending]], lengths: list[Length]) -> None:
        super().__init__(kinds.FRAGMENT, 0, "", b"", 0, None)
        self.waiting: Pending = self, b"", ()
        self._out = out
        self._pending = pending
        self._lengths = lengths

    def resolved(self, results: Mapping[Pending, bytes]) -> bytes:
        """The elements, with the results of the pending ones."""
        out = list(self._out)
        for place, pending in self._pending:
            out[place] = results[pending]
        return bytes(joined(out, self._lengths))


Rewritten = bytes | Fragment
"""The result for elements: UNCHANGED, the bytes that replace them, or a fragment if some are pending."""
UNCHANGED = Fragment([], [], [])
"""The result for elements that are unchanged; compared by identity."""
