"""Collect what changes in one stretch of a data set, and write it.

A section is a chain of kept runs and replacements. Kept runs are slices of the buffer; a replacement that has
to wait for the rest of the header is filled in at the end, and then the lengths of the sequences and items
around what changed are made right.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from dicomveil_engine.part10.fragment import UNCHANGED, Fragment, Length, Rewritten, joined
from dicomveil_engine.part10.resolution import Resolver
from dicomveil_engine.part10.table import NO_BOUNDARY, Pending

Checkpoint = tuple[int, int, int, int]


class Section:
    """Output that is not written yet. The walker appends to its lists where a call would cost more than the work."""

    def __init__(self) -> None:
        self.start = 0
        """Where in the buffer the current kept run began."""
        self.starts: list[int] = []
        """Where the earlier ones began; the list grows when something changes."""
        self.out: list[bytes] = []
        """Kept run, replacement, kept run, replacement ..."""
        self.pending: list[tuple[int, Pending]] = []
        """Places in `out` and what is to stand there, once the header is known."""
        self.lengths: list[Length] = []
        """Those that are to follow what changed, as `note_length` has them."""

    def replace(self, buffer: bytes, position: int, after: int, new: bytes) -> None:
        """Put `new` where the buffer has [position, after)."""
        start = self.start
        self.out += (buffer[start:position], new)
        self.starts.append(start)
        self.start = after

    def leave_out(self, buffer: bytes, position: int, after: int, new: bytes) -> None:
        """Leave out [position, after), and put `new` there if it is anything."""
        if new or self.start != position:
            self.replace(buffer, position, after, new)
        else:
            self.start = after

    def hold(self, buffer: bytes, position: int, after: int) -> int:
        """Leave out [position, after) for now; the place where `fill` may put it."""
        self.replace(buffer, position, after, b"")
        return len(self.out) - 1

    def fill(self, place: int, new: bytes) -> None:
        """Write into a place that was held."""
        self.out[place] = new

    def note_length(self, u32: Struct, run: int, field: int, content: int, end: int) -> None:
        """The length at `field` must follow what changed between `content` and `end`, since `run`."""
        start = self.starts[run]
        self.lengths.append((u32, run, field - start, content - start, len(self.starts), end - self.start))

    def checkpoint(self) -> Checkpoint:
        """A state to come back to."""
        return self.start, len(self.starts), len(self.pending), len(self.lengths)

    def roll_back(self, checkpoint: Checkpoint) -> None:
        """Forget what was collected since."""
        self.start, runs, pending, lengths = checkpoint
        del self.out[2 * runs :], self.starts[runs:], self.pending[pending:], self.lengths[lengths:]

    def outcome(self, since: Checkpoint, until: Checkpoint, buffer: bytes, position: int, after: int) -> Rewritten:
        """What became of [position, after) between two checkpoints."""
        start, runs, pending, lengths = since
        end, runs_until, pending_until, lengths_until = until
        if runs == runs_until and start == end:
            return UNCHANGED
        # What is left out right behind what was left out before it leaves no kept run, not even an empty one.
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
    """The de-identification attributes of one data set, encoded, that are not written yet."""

    __slots__ = ("due",)

    def __init__(self, attributes: list[tuple[int, bytes]]) -> None:
        self.due = attributes
        """Tag and element, in the order of tags; replaced, never changed, so that it can be put back."""

    def write(self, section: Section, buffer: bytes, position: int, *, before: int = NO_BOUNDARY) -> None:
        """Write those whose tags are below `before`."""
        attributes = [encoded for tag, encoded in self.due if tag < before]
        if attributes:
            section.replace(buffer, position, position, b"".join(attributes))
            self.due = self.due[len(attributes) :]

    def write_beside(self, section: Section, buffer: bytes, position: int, tag: int) -> None:
        """Write what is due before an attribute that is there already, and is added to."""
        self.write(section, buffer, position, before=tag)
        self.due = [due for due in self.due if due[0] != tag]
