"""Collect the changes in one section of a data set, and write it.

A section alternates kept runs and replacements. Kept runs are slices of the buffer. Replacements that depend on the
rest of the header are filled in at the end, and then the lengths of sequences and items around changes are corrected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import Struct

from dicomveil_engine.part10.forms import Change
from dicomveil_engine.part10.fragment import UNCHANGED, Fragment, Length, Rewritten, joined
from dicomveil_engine.part10.resolution import Resolver
from dicomveil_engine.part10.table import NO_BOUNDARY, Pending

Checkpoint = tuple[int, int, int, int]


class Section:
    """Output that is not written yet. Some functions append to its lists directly, where a call would cost too much."""

    def __init__(self) -> None:
        self.start = 0
        """The beginning of the current kept run in the buffer."""
        self.starts: list[int] = []
        """The beginnings of the earlier runs; each change adds one."""
        self.out: list[bytes] = []
        """Kept run, replacement, kept run, replacement, …"""
        self.pending: list[tuple[int, Pending]] = []
        """Places in `out`, and the elements to be resolved there."""
        self.lengths: list[Length] = []
        """The lengths to be corrected (`note_length`)."""

    def replace(self, buffer: bytes, position: int, after: int, new: bytes) -> None:
        """Replace [position, after) of the buffer by `new`."""
        start = self.start
        self.out += (buffer[start:position], new)
        self.starts.append(start)
        self.start = after

    def leave_out(self, buffer: bytes, position: int, after: int, new: bytes) -> None:
        """Drop [position, after), or replace it by `new` if that is not empty."""
        if new or self.start != position:
            self.replace(buffer, position, after, new)
        else:
            self.start = after

    def hold(self, buffer: bytes, position: int, after: int) -> int:
        """Drop [position, after) for now; return the place for `fill`."""
        self.replace(buffer, position, after, b"")
        return len(self.out) - 1

    def fill(self, place: int, new: bytes) -> None:
        """Write to a place that `hold` returned."""
        self.out[place] = new

    def note_length(self, u32: Struct, run: int, field: int, content: int, end: int) -> None:
        """Correct the length at `field` later by the changes between `content` and `end`, which began at `run`."""
        start = self.starts[run]
        self.lengths.append((u32, run, field - start, content - start, len(self.starts), end - self.start))

    def checkpoint(self) -> Checkpoint:
        """The current state, for `roll_back` and `outcome`."""
        return self.start, len(self.starts), len(self.pending), len(self.lengths)

    def roll_back(self, checkpoint: Checkpoint) -> None:
        """Discard the changes since the checkpoint."""
        self.start, runs, pending, lengths = checkpoint
        del self.out[2 * runs :], self.starts[runs:], self.pending[pending:], self.lengths[lengths:]

    def outcome(self, since: Checkpoint, until: Checkpoint, buffer: bytes, position: int, after: int) -> Rewritten:
        """The result for [position, after), from the changes between two checkpoints."""
        start, runs, pending, lengths = since
        end, runs_until, pending_until, lengths_until = until
        if runs == runs_until and start == end:
            return UNCHANGED
        # Of two adjacent dropped ranges, the second adds no kept run, not even an empty one.
        first = self.starts[runs] if runs < runs_until else end
        shift = max(0, position - first)
        out = [*self.out[2 * runs : 2 * runs_until], buffer[end:after]]
        out[0] = out[0][shift:]
        waiting = [(place - 2 * runs, one) for place, one in self.pending[pending:pending_until]]
        around: list[Length] = []
        for u32, run, field, content, runs_after, tail in self.lengths[lengths:lengths_until]:
            # Only the first kept run began before the position.
            moved = 0 if run > runs else shift
            around.append((u32, run - runs, field - moved, content - moved, runs_after - runs, tail))
        return Fragment(out, waiting, around) if waiting else bytes(joined(out, around))

    def changes(self, since: Checkpoint, until: Checkpoint, position: int) -> Iterator[Change]:
        """The changes between two checkpoints, relative to a position in the buffer."""
        first, last = since[1], until[1]
        for run in range(first, last):
            end = until[0] if run + 1 == last else self.starts[run + 1]
            kept, new = self.out[2 * run : 2 * run + 2]
            yield self.starts[run] + len(kept) - position, end - position, new

    def write(self, buffer: bytes, end: int, resolver: Callable[[], Resolver]) -> bytes | bytearray:
        """The section's bytes, up to `end` in the buffer; the section is empty afterwards."""
        out = self.out
        if self.pending:
            resolve = resolver()
            for place, pending in self.pending:
                out[place] = resolve[pending]
        out.append(buffer[self.start : end])
        written = joined(out, self.lengths) if self.lengths else b"".join(out)
        self.start = end
        self.out, self.starts, self.pending, self.lengths = [], [], [], []
        return written


class DueAttributes:
    """The encoded de-identification attributes of a data set that are not written yet."""

    __slots__ = ("due",)

    def __init__(self, attributes: list[tuple[int, bytes]]) -> None:
        self.due = attributes
        """(tag, element) in tag order; never modified in place, so that it can be restored."""

    def write(self, section: Section, buffer: bytes, position: int, *, before: int = NO_BOUNDARY) -> None:
        """Write the attributes with tags below `before`."""
        attributes = [encoded for tag, encoded in self.due if tag < before]
        if attributes:
            section.replace(buffer, position, position, b"".join(attributes))
            self.due = self.due[len(attributes) :]

    def write_beside(self, section: Section, buffer: bytes, position: int, tag: int) -> None:
        """Write those before an attribute that is there already, to which the policy's values are added."""
        self.write(section, buffer, position, before=tag)
        self.due = [due for due in self.due if due[0] != tag]
