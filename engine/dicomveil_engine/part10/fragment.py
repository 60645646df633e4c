"""Elements that were walked once and occur elsewhere with the same bytes: recognised as a whole.

What waits for the rest of the header still waits, but is found with one look-up: codes and their meanings are the
same in hundreds of items.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate
from struct import Struct

from dicomveil_engine.part10 import kinds
from dicomveil_engine.part10.table import Entry, Pending

Length = tuple[Struct, int, int, int, int, int]
"""A length field whose content changed: how it is written; the kept run that holds it, and the offsets of the
field and of the content from that run's beginning; how many kept runs there were when the content ended; and the
bytes of content after the last replacement."""


def joined(out: list[bytes], lengths: Iterable[Length]) -> bytearray:
    """Kept runs and replacements one after the other, with the lengths around them made right."""
    written = bytearray().join(out)
    offsets = [0, *accumulate(map(len, out))]
    for u32, run, field, content, runs_after, tail in lengths:
        base = offsets[2 * run]
        u32.pack_into(written, base + field, offsets[2 * runs_after] - base - content + tail)
    return written


class Fragment(Entry):
    """What elements become, but for what is pending; stands for them among the pending elements."""

    __slots__ = ("_lengths", "_out", "_pending", "waiting")

    def __init__(self, out: list[bytes], pending: list[tuple[int, Pending]], lengths: list[Length]) -> None:
        super().__init__(kinds.FRAGMENT, 0, "", b"", 0, None)
        self.waiting: Pending = self, b"", ()
        self._out = out
        self._pending = pending
        self._lengths = lengths

    def resolved(self, results: Mapping[Pending, bytes]) -> bytes:
        """The elements, with what the pending ones among them became."""
        out = list(self._out)
        for place, pending in self._pending:
            out[place] = results[pending]
        return bytes(joined(out, self._lengths))


Rewritten = bytes | Fragment
"""What becomes of elements: UNCHANGED, the bytes in their place, or those with some that are pending."""
UNCHANGED = Fragment([], [], [])
"""Stands for what becomes of elements that stay as they are; compared by identity."""
