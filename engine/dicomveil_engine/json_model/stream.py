"""A JSON array of data sets, one object at a time, from chunks of any size."""

from __future__ import annotations

import codecs
import json
import re

import orjson

from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.json_model import large
from dicomveil_engine.json_model.outline import Outlines
from dicomveil_engine.json_model.values import JSONDataSet

_BLANKS = re.compile(rb"[ \t\r\n]*")
_BETWEEN = re.compile(rb'\s*,\s*\{\s*"[0-9A-Fa-f]{8}"')
_SMALL = 1 << 16
_WINDOWS = (1 << 12, _SMALL)
"""Bytes within which an object is looked for; a longer one is read in pieces."""


class ObjectStream:
    """Splits the document that a metadata or search response is; holds one object, not the array.

    Objects that follow each other share the elements that they have in common: change none of them.

    `limit` bounds the bytes of one object. Raises InvalidDataSetError for what is not an array of objects,
    and at `close` when it is cut off.
    """

    def __init__(self, limit: int = 64 << 20) -> None:
        self._limit = limit
        self._parse = json.JSONDecoder().raw_decode
        self._buffer = b""
        self._state = "start"
        self._retry_at = 0
        self._between = b""
        """What stood between the last two objects, up to the key that the second begins with."""
        self._outlines = Outlines()

    @property
    def held(self) -> int:
        """Bytes of the object that is not complete yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[JSONDataSet]:
        """The objects that are complete now."""
        self._buffer += data
        return self._objects(closing=False)

    def close(self) -> list[JSONDataSet]:
        """The last objects; the array must be complete."""
        objects = self._objects(closing=True)
        if self._state != "end":
            raise InvalidDataSetError("the metadata is cut off, or is not an array of objects")
        return objects

    def _objects(self, *, closing: bool) -> list[JSONDataSet]:
        objects: list[JSONDataSet] = []
        position = 0
        if len(self._buffer) < self._retry_at and not closing:
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
                found = self._next_alike(position) or self._next(position)
                if found is None:
                    break  # not complete; or broken, which the end will show
                objects.append(found[0])
                position = found[1]
                self._state = "next"
            else:
                raise InvalidDataSetError("the metadata is not an array of objects")
        self._buffer = self._buffer[position:]
        held = len(self._buffer)
        if held > self._limit:
            raise InvalidDataSetError(f"one instance's metadata is longer than {self._limit} bytes")
        # Once for every doubling, so that a long object in small pieces costs twice its length, no more.
        self._retry_at = 2 * held if held > _SMALL else 0
        return objects

    def _next_alike(self, start: int) -> tuple[JSONDataSet, int] | None:
        """The object and its end, if the next one follows as the last did: several times as fast as `_next`.

        Where it ends is a guess until it can be read: no object's text is the beginning of another's.
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

    def _next(self, start: int) -> tuple[JSONDataSet, int] | None:
        """The object and its end, wherever that is; None where it is not complete."""
        # Most are short, and what is behind them need not be decoded for each anew.
        for window in _WINDOWS:
            if found := self._within(start, start + window):
                return found
            if len(self._buffer) <= start + window:
                return None
        return self._next_long(start)

    def _within(self, start: int, stop: int) -> tuple[JSONDataSet, int] | None:
        """The object and its end, if that is within these bytes."""
        try:
            text, _ = codecs.utf_8_decode(memoryview(self._buffer)[start:stop], "strict", False)
        except UnicodeDecodeError:
            raise InvalidDataSetError("the metadata is not UTF-8") from None
        try:
            found, length = self._parse(text)
        except (json.JSONDecodeError, RecursionError):
            return None
        except ValueError:  # Python bounds their length, since reading them costs its square
            raise InvalidDataSetError("the metadata has a number of thousands of digits") from None
        end = start + (length if text.isascii() else len(text[:length].encode()))
        if between := _BETWEEN.match(self._buffer, end):
            self._between = self._buffer[end - 1 : between.end()]
        return found, end

    def _next_long(self, start: int) -> tuple[JSONDataSet, int] | None:
        try:
            return large.read(self._buffer, start)
        except UnicodeDecodeError:
            raise InvalidDataSetError("the metadata is not UTF-8") from None
        except ValueError:
            return None

    def _skip_blanks(self, position: int) -> int:
        match = _BLANKS.match(self._buffer, position)
        return match.end() if match else position
