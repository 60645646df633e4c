"""A JSON array of data sets, one object at a time, from chunks of any size."""

from __future__ import annotations

import codecs
import json
import re

from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.json_model.values import JSONDataSet

_BLANKS = re.compile(r"[ \t\r\n]*")
_SMALL = 1 << 16


class ObjectStream:
    """Splits the document that a metadata or search response is; holds one object, not the array.

    `limit` bounds the characters of one object. Raises InvalidDataSetError for what is no array of objects,
    and at `close` when it is cut off.
    """

    def __init__(self, limit: int = 64 << 20) -> None:
        self._limit = limit
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._parse = json.JSONDecoder().raw_decode
        self._buffer = ""
        self._state = "start"
        self._retry_at = 0

    def feed(self, data: bytes) -> list[JSONDataSet]:
        """The objects that are complete now."""
        try:
            self._buffer += self._decoder.decode(data)
        except UnicodeDecodeError:
            raise InvalidDataSetError("the metadata is not UTF-8") from None
        return self._objects(closing=False)

    def close(self) -> list[JSONDataSet]:
        """The last objects; the array must be complete."""
        objects = self._objects(closing=True)
        if self._state != "end":
            raise InvalidDataSetError("the metadata is cut off, or is no array of objects")
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
            character = self._buffer[position]
            if self._state == "start" and character == "[":
                self._state = "first"
                position += 1
            elif self._state == "next" and character == ",":
                self._state = "object"
                position += 1
            elif self._state in {"first", "next"} and character == "]":
                self._state = "end"
                position += 1
            elif self._state in {"first", "object"} and character == "{":
                try:
                    found, position = self._parse(self._buffer, position)
                except (json.JSONDecodeError, RecursionError):
                    break  # not complete; or broken, which the end will show
                objects.append(found)
                self._state = "next"
            else:
                raise InvalidDataSetError("the metadata is no array of objects")
        self._buffer = self._buffer[position:]
        held = len(self._buffer)
        if held > self._limit:
            raise InvalidDataSetError(f"one instance's metadata is longer than {self._limit} characters")
        # Once for every doubling, so that a long object in small pieces costs twice its length, no more.
        self._retry_at = 2 * held if held > _SMALL else 0
        return objects

    def _skip_blanks(self, position: int) -> int:
        match = _BLANKS.match(self._buffer, position)
        return match.end() if match else position
