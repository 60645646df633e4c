"""Splitting a JSON array of data sets into objects, from chunks of any size."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import orjson

from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.json_model import large, object_text
from dicomveil_engine.json_model.object_text import ObjectText
from dicomveil_engine.json_model.outline import Outlines
from dicomveil_engine.json_model.values import JSONDataSet

_BLANKS = re.compile(rb"[ \t\r\n]*")
_BETWEEN = re.compile(rb'\s*,\s*\{\s*"[0-9A-Fa-f]{8}"')
_SMALL = 1 << 16
_WINDOWS = (1 << 12, _SMALL)
"""Bytes that are tried as the length of an object; a longer one is read in pieces."""


_DataSet = TypeVar("_DataSet")


class ArrayStream(Generic[_DataSet]):
    """Splits the array; subclasses say what an object becomes.

    `limit` bounds the bytes of one object. Raises InvalidDataSetError for a document that is not an array of objects,
    and in `close` for one that is cut off.
    """

    def __init__(self, limit: int = 64 << 20) -> None:
        self._limit = limit
        self._parse = json.JSONDecoder().raw_decode
        self._buffer = b""
        self._state = "start"
        self._retry_at = 0
        self._is_closing = False
        self._between = b""
        """The text between the last two objects, up to and including the first key of the second."""

    @property
    def held(self) -> int:
        """Bytes held of an incomplete object."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[_DataSet]:
        """Add data, and return the objects that it completes."""
        self._buffer += data
        return self._objects()

    def close(self) -> list[_DataSet]:
        """The last objects; the array must be complete."""
        self._is_closing = True
        objects = self._objects()
        if self._state != "end":
            raise InvalidDataSetError("the metadata is cut off, or is not an array of objects")
        return objects

    def _objects(self) -> list[_DataSet]:
        objects: list[_DataSet] = []
        position = 0
        if len(self._buffer) < self._retry_at and not self._is_closing:
            return objects
        while True:
            position = self._skip_blanks(position)
            if position == len(self._buffer):
                break
            character = self._buffer[position : position + 1]
            if self._state == "start" and character == b"[":
                self._state = "first"
                position += 1
            elif self._state == "next" and character == b",":
                self._state = "object"
                position += 1
            elif self._state in {"first", "next"} and character == b"]":
                self._state = "end"
                position += 1
            elif self._state in {"first", "object"} and character == b"{":
                found = self._next(position)
                if found is None:
                    break  # incomplete, or invalid, which `close` reports
                objects.append(found[0])
                position = found[1]
                self._state = "next"
            else:
                raise InvalidDataSetError("the metadata is not an array of objects")
        self._buffer = self._buffer[position:]
        held = len(self._buffer)
        if held > self._limit:
            raise InvalidDataSetError(f"one instance's metadata is longer than {self._limit} bytes")
        # Try again when the length has doubled, so that an object in many small chunks costs at most twice its length.
        self._retry_at = 2 * held if held > _SMALL else 0
        return objects

    def _next(self, start: int) -> tuple[_DataSet, int] | None:
        """The object and its end; None if it is incomplete."""
        raise NotImplementedError

    def _short(self, start: int) -> tuple[JSONDataSet, int] | None:
        """The object and its end, if it is short."""
        # Most objects are short; the text after them is not decoded each time.
        for window in _WINDOWS:
            if found := self._within(start, start + window):
                return found
            if len(self._buffer) <= start + window:
                break
        return None

    def _is_long(self, start: int) -> bool:
        return len(self._buffer) > start + _SMALL

    def _within(self, start: int, stop: int) -> tuple[JSONDataSet, int] | None:
        """The object and its end, if it ends within these bytes."""
        try:
            text, _ = codecs.utf_8_decode(memoryview(self._buffer)[start:stop], "strict", False)
        except UnicodeDecodeError:
            raise InvalidDataSetError("the metadata is not UTF-8") from None
        try:
            found, length = self._parse(text)
        except (json.JSONDecodeError, RecursionError):
            return None
        except ValueError:  # Python refuses numbers of thousands of digits, since reading them takes quadratic time
            raise InvalidDataSetError("the metadata has a number of thousands of digits") from None
        end = start + (length if text.isascii() else len(text[:length].encode()))
        if between := _BETWEEN.match(self._buffer, end):
            self._between = self._buffer[end - 1 : between.end()]
        return found, end

    def _skip_blanks(self, position: int) -> int:
        match = _BLANKS.match(self._buffer, position)
        return match.end() if match else position


class ObjectStream(ArrayStream[JSONDataSet]):
    """Splits a metadata or search response into data sets; it holds one object in memory, not the array.

    Consecutive objects share equal elements, so do not modify them.
    """

    def __init__(self, limit: int = 64 << 20) -> None:
        super().__init__(limit)
        self._outlines = Outlines()

    def _next(self, start: int) -> tuple[JSONDataSet, int] | None:
        found = self._next_alike(start)
        if found is None:
            if len(self._buffer) - start < self._outlines.least and not self._is_closing:
                return None  # probably the beginning of one that is alike; trying is in vain, and expensive
            found = self._short(start)
        if found or not self._is_long(start):
            return found
        with _long_texts():
            return large.read(self._buffer, start)
        return None

    def _next_alike(self, start: int) -> tuple[JSONDataSet, int] | None:
        """The object and its end, if the text after it is like that after the last; much faster than `_next`.

        The end is a guess that parsing confirms: no object's text is a prefix of another's.
        """
        if found := self._outlines.read(self._buffer, start):
            return found
        end = self._buffer.find(self._between, start) if self._between else -1
        if end < 0 or end - start > large.LONG:
            return None
        try:
            dataset = orjson.loads(memoryview(self._buffer)[start : end + 1])
        except orjson.JSONDecodeError:
            return None
        self._outlines.learn(dataset, self._buffer, start, end + 1)
        return dataset, end + 1


class TextStream(ArrayStream[ObjectText]):
    """As ObjectStream, for many or long data sets that have to be held: they stay text."""

    def _next(self, start: int) -> tuple[ObjectText, int] | None:
        if found := self._short(start):
            end = found[1]
            return ObjectText(self._buffer[start:end], [range(1, end - start - 1)]), end
        if not self._is_long(start):
            return None
        with _long_texts():
            read, end = object_text.read(self._buffer, start)
            return (read if isinstance(read, ObjectText) else ObjectText.of(read)), end
        return None


@contextmanager
def _long_texts() -> Iterator[None]:
    """Suppress errors of an incomplete or invalid text, which `close` reports."""
    try:
        yield
    except UnicodeDecodeError:
        raise InvalidDataSetError("the metadata is not UTF-8") from None
    except ValueError:
        pass
