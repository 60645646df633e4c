"""Cleaning encapsulated Pixel Data (PS3.5 Section A.4): offset table and fragments.

Fragments keep their lengths: what is removed from a code stream is made up by zeros after its end. So offset tables
remain correct, and a fragment's length can be written before its end is read. A frame in several fragments fills them
in order.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from itertools import pairwise

from dicomveil_engine.code_streams.sniffing import DEFLATED_FRAMES, LONGEST_SIGNATURE, RLE, image_of, stream_of
from dicomveil_engine.code_streams.stream import Bytes, CodeStream, unclean
from dicomveil_engine.code_streams.video import VIDEO
from dicomveil_engine.errors import InvalidDataSetError

_ITEM, _DELIMITER = 0xE000FFFE, 0xE0DDFFFE
_HEAD = struct.Struct("<II")
_UNDEFINED = 0xFFFFFFFF
_LONGEST_TABLE = 1 << 22
"""Bytes of a Basic Offset Table that is held and checked: a million frames."""
_MOST_WAITING = 1 << 16
"""Fragments that are not filled yet; no encoder makes a stream with more of them."""
_ZEROS = bytes(1 << 16)


class Fragments:
    """The value of Pixel Data, from its offset table to the sequence delimiter."""

    DELIMITER = _HEAD.pack(_DELIMITER, 0)

    def __init__(self, syntax: str, frames: int = 1) -> None:
        """`syntax` is the transfer syntax, `frames` the Number of Frames."""
        self._syntax = syntax
        self._frames = frames
        self._held = b""
        """Bytes of an item's head, the offset table, or a fragment's beginning."""
        self._left = 0
        """Bytes left of the current item's content."""
        self._awaits: Callable[[bytes], None] = self._head
        self._needed = _HEAD.size
        self._offsets: list[int] | None = None
        self._next_offset = 0
        self._position = 0
        """The offset of the next fragment's item, from the first one's."""
        self._is_table_due = False
        self._begins_frame = False
        self._length = 0
        self._stream: CodeStream | None = None
        self._announced: deque[int] = deque()
        self._room = 0
        self._out: list[Bytes] = []
        self.is_complete = False

    def feed(self, data: bytes | memoryview) -> int:
        """The number of these bytes that belong to the value.

        Raises InvalidDataSetError for what is not a fragment, DeidentificationError for a frame that cannot be cleaned.
        """
        taken, size = 0, len(data)
        while not self.is_complete and taken < size:
            if self._needed:
                step = min(self._needed - len(self._held), size - taken)
                self._held += bytes(data[taken : taken + step])
                taken += step
                if len(self._held) == self._needed:
                    held, self._held, self._needed = self._held, b"", 0
                    self._awaits(held)
                continue
            step = min(self._left, size - taken)
            self._left -= step
            self._pass(bytes(data[taken : taken + step]))
            taken += step
            if not self._left:
                self._expect_head()
        return taken

    def passed(self) -> list[Bytes]:
        """The output since the last call."""
        out, self._out = self._out, []
        return out

    def _expect_head(self) -> None:
        self._awaits, self._needed = self._head, _HEAD.size

    def _head(self, head: bytes) -> None:
        tag, length = _HEAD.unpack(head)
        if tag == _DELIMITER:
            self._end()
            return
        if tag != _ITEM or length == _UNDEFINED:
            raise InvalidDataSetError("encapsulated Pixel Data holds something that is not a fragment")
        if self._offsets is None:
            self._begin_table(length)
            return
        self._check_offset(length)
        self._position += _HEAD.size + length
        self._length = self._left = length
        self._awaits, self._needed = self._fragment, min(length, LONGEST_SIGNATURE)
        if not length:
            self._fragment(b"")

    # The offset table

    def _begin_table(self, length: int) -> None:
        self._offsets = []
        self._is_table_due = True
        if length and length == 4 * self._frames and length <= _LONGEST_TABLE:
            self._awaits, self._needed = self._table, length
        elif length:
            self._left, self._stream = length, _Nothing()
        else:
            self._expect_head()

    def _table(self, content: bytes) -> None:
        offsets = list(struct.unpack(f"<{len(content) // 4}I", content))
        rising = all(before < after for before, after in pairwise(offsets))
        if rising and not offsets[0] and not any(offset & 1 for offset in offsets):
            self._offsets = offsets
        self._expect_head()

    def _check_offset(self, length: int) -> None:
        """Compare the table's next offset with this fragment. Raises DeidentificationError for a wrong offset."""
        offsets = self._offsets
        assert offsets is not None
        self._begins_frame = False
        if self._is_table_due:
            # The most frequent error is a table that does not count the heads of items.
            if len(offsets) > 1 and offsets[1] < _HEAD.size + length:
                offsets.clear()
            self._write_table()
        if self._next_offset < len(offsets):
            due = offsets[self._next_offset]
            if due < self._position:
                raise unclean("has a Basic Offset Table whose offsets are not those of its frames")
            if due == self._position:
                self._next_offset += 1
                self._begins_frame = True

    def _write_table(self) -> None:
        offsets = self._offsets or []
        self._is_table_due = False
        self._stream = None
        self._out.append(_HEAD.pack(_ITEM, 4 * len(offsets)) + struct.pack(f"<{len(offsets)}I", *offsets))

    # Fragments

    def _fragment(self, head: bytes) -> None:
        """Begin a fragment, whose first bytes are `head`."""
        stream = self._stream
        if stream is None or self._begins_frame or self._is_next(stream, head):
            self._finish()
            self._stream = stream = stream_of(head, self._syntax, self._length) if head else None
        self._announced.append(self._length)
        if len(self._announced) > _MOST_WAITING:
            raise unclean("has more empty fragments than an encoder makes")
        self._begin_items()
        self._left = self._length - len(head)
        if stream is not None and head:
            self._pass(head)
        if not self._left:
            self._expect_head()

    def _is_next(self, stream: CodeStream, head: bytes) -> bool:
        """Whether a fragment with this beginning belongs to another frame."""
        if self._syntax in VIDEO or not head:
            return False
        if self._syntax == RLE:
            return True
        if stream.is_complete:
            # A fragment after the end that does not begin a picture is surplus.
            return image_of(head, self._length) is not None or self._syntax == DEFLATED_FRAMES
        return stream.may_end and image_of(head, self._length) is not None

    def _pass(self, data: bytes) -> None:
        stream = self._stream
        if stream is None or stream.is_complete:
            return
        for chunk in stream.feed(data):
            self._write(chunk)
        if stream.is_complete:
            self._fill()

    def _finish(self) -> None:
        """End the frame, whether or not its code stream has ended."""
        if self._stream is not None:
            if not self._stream.is_complete:
                for chunk in self._stream.close():
                    self._write(chunk)
            self._fill()

    def _end(self) -> None:
        self._finish()
        if self._is_table_due or self._offsets is None:
            self._write_table()
        elif self._next_offset < len(self._offsets):
            raise unclean("has a Basic Offset Table whose offsets are not those of its frames")
        self._out.append(self.DELIMITER)
        self.is_complete = True

    # Output

    def _begin_items(self) -> None:
        """Write the heads of items, up to the first that is not empty."""
        while not self._room and self._announced:
            self._room = self._announced.popleft()
            self._out.append(_HEAD.pack(_ITEM, self._room))

    def _write(self, data: Bytes) -> None:
        """Write to the announced items."""
        while data:
            step = min(self._room, len(data))
            self._out.append(data[:step] if step < len(data) else data)
            data = data[step:]
            self._room -= step
            self._begin_items()
            if data and not self._room:
                raise unclean("has a damaged code stream, which is longer than its items")

    def _fill(self) -> None:
        """Fill the rest of the announced items with zeros, at the end of a frame."""
        while self._room:
            self._write(memoryview(_ZEROS)[: self._room])


class _Nothing:
    """Bytes that are dropped."""

    is_complete = True
    may_end = True

    def feed(self, _: bytes) -> list[Bytes]:
        return []

    def close(self) -> list[Bytes]:
        return []
