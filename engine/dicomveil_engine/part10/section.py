"""Collect what changes in one stretch of a data set, and write it.

A section is a chain of kept runs and replacements. Kept runs are slices of the buffer; a replacement that has
to wait for the rest of the header is filled in at the end, and then the lengths of the sequences and items
around what changed are made right.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from struct import Struct
from typing import NamedTuple

from dicomveil_engine.methods.base import Context
from dicomveil_engine.part10.resolution import Pending


class _Length(NamedTuple):
    """A length field whose content changed; offsets are from the beginning of the kept run that holds it."""

    u32: Struct
    run: int
    field: int
    content: int
    runs_after: int
    """How many kept runs there were when the content ended."""
    tail: int
    """Bytes of content after the last replacement."""


Checkpoint = tuple[int, int, int, int]


class Section:
    """Output that is not written yet."""

    def __init__(self) -> None:
        self.start = 0
        """Where in the buffer the current kept run began."""
        self._out: list[bytes | bytearray] = []
        self._starts: list[int] = []
        self._pending: list[Pending] = []
        self._lengths: list[_Length] = []

    def replace(self, buffer: bytes | bytearray, position: int, after: int, new: bytes) -> None:
        """Put `new` where the buffer has [position, after)."""
        self._out += (buffer[self.start : position], new)
        self._starts.append(self.start)
        self.start = after

    def remove(self, buffer: bytes | bytearray, position: int, after: int) -> None:
        """Leave out [position, after)."""
        if self.start == position:
            self.start = after
        else:
            self.replace(buffer, position, after, b"")

    def hold(self, buffer: bytes | bytearray, position: int, after: int) -> int:
        """Leave out [position, after) for now; the place where `fill` may put it."""
        self.replace(buffer, position, after, b"")
        return len(self._out) - 1

    def wait(self, pending: Pending) -> None:
        """Fill the place that was held for it when the section is written."""
        self._pending.append(pending)

    def fill(self, place: int, new: bytes) -> None:
        """Write into a place that was held."""
        self._out[place] = new

    @property
    def runs(self) -> int:
        """Kept runs so far; a number that grows when something changes."""
        return len(self._starts)

    def note_length(self, u32: Struct, run: int, field: int, content: int, end: int) -> None:
        """The length at `field` must follow what changed between `content` and `end`, since `run`."""
        start = self._starts[run]
        self._lengths.append(_Length(u32, run, field - start, content - start, self.runs, end - self.start))

    def checkpoint(self) -> Checkpoint:
        """A state to come back to."""
        return self.start, len(self._starts), len(self._pending), len(self._lengths)

    def roll_back(self, checkpoint: Checkpoint) -> None:
        """Forget what was collected since."""
        self.start, runs, pending, lengths = checkpoint
        del self._out[2 * runs :], self._starts[runs:], self._pending[pending:], self._lengths[lengths:]

    def write(
        self, buffer: bytes | bytearray, end: int, context: Callable[[], Context]
    ) -> bytes | bytearray:
        """The section's bytes, up to `end` in the buffer; the section is empty afterwards."""
        out = self._out
        if self._pending:
            known = context()
            for pending in self._pending:
                out[pending.place] = pending.resolve(known)
        out.append(buffer[self.start : end])
        if not self._lengths:
            written: bytes | bytearray = b"".join(out)
        else:
            written = bytearray().join(out)
            offsets = [0, *accumulate(map(len, out))]
            for u32, run, field, content, runs_after, tail in self._lengths:
                base = offsets[2 * run]
                length = offsets[2 * runs_after] - (base + content) + tail
                u32.pack_into(written, base + field, length)
        self.start = end
        self._out, self._starts, self._pending, self._lengths = [], [], [], []
        return written
