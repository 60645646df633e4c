"""Reading and writing long JSON texts in pieces.

A JSON library reads a text in one call, during which no other thread of the process runs: for seconds, if the text has
64 MiB. Here each call reads a short piece, and other threads can run between them. The result is the same; short texts
take several times as long.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

LONG = 1 << 18
"""Bytes from which a text is read in pieces."""
_PIECE = 1 << 16
"""Bytes that are read in one call."""

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\],]|"', re.DOTALL)
_NAME = re.compile(rb'\s*("(?:[^"\\]++|\\.)*+")\s*:\s*', re.DOTALL)
_BLANKS = b" \t\r\n"
_COMMA, _QUOTE, _BRACE, _CLOSING = b","[0], b'"'[0], b"{"[0], b"]}"
_NOT_JSON = "not JSON"
_DEEPEST = 500
"""Nesting of objects and arrays; a sequence takes three levels."""


class TextIncompleteError(ValueError):
    """The text ends within its value."""


def read(text: bytes, start: int = 0, container: type[Container] | None = None) -> tuple[Any, int]:
    """The object or array that begins at `start`, and its end; `container` says what long ones become.

    Raises TextIncompleteError if its end is missing, and ValueError if it is not valid JSON.
    """
    container = container or Container
    stack: list[Container] = []
    for token in _TOKEN.finditer(text, start):
        place, character = token.start(), text[token.start()]
        if not stack and place != start:
            raise ValueError(_NOT_JSON)
        if character == _COMMA:
            if not stack:
                raise ValueError(_NOT_JSON)
            stack[-1].divide(place)
        elif character in _CLOSING:
            if not stack or stack[-1].closing != character:
                raise ValueError(_NOT_JSON)
            closed = stack.pop()
            if not stack:
                return closed.closed(place), place + 1
            if closed.is_long(place):
                stack[-1].take(closed.start, closed.closed(place), place + 1)
        elif character != _QUOTE:
            if len(stack) == _DEEPEST:
                raise ValueError(_NOT_JSON)
            stack.append(container(text, place, character == _BRACE))
        elif token.end() == place + 1:
            break  # an unterminated string
    raise TextIncompleteError


@dataclass
class Container:
    """An object or array that is being read; a long one becomes a dict or a list."""

    text: bytes
    start: int
    is_object: bool
    begin: int = 0
    """The beginning of the text that is not read yet."""
    comma: int = -1
    """The last comma between members in that text; -1 if there is none."""
    is_behind_value: bool = False
    """Whether a long value was just read, so that only a comma may follow."""
    found: Any = None
    """The members read so far."""

    def __post_init__(self) -> None:
        self.begin = self.start + 1

    @property
    def closing(self) -> int:
        return b"}"[0] if self.is_object else b"]"[0]

    def is_long(self, end: int) -> bool:
        """Whether it is read by itself, not together with the container around it."""
        return self.found is not None or end - self.begin > _PIECE

    def divide(self, comma: int) -> None:
        """Handle a comma between members."""
        if not self.is_behind_value and comma - self.begin <= _PIECE:
            self.comma = comma
            return
        self._read_until(comma)
        self.begin, self.comma, self.is_behind_value = comma + 1, -1, False

    def take(self, start: int, value: Any, end: int) -> None:
        """Add a value that was read by itself, from the text between `start` and `end`."""
        if self.is_behind_value:
            raise ValueError(_NOT_JSON)
        if self.comma >= 0:
            self._read_until(self.comma)
            self.begin = self.comma + 1
        head = self.text[self.begin : start]
        if self.is_object:
            name = _NAME.fullmatch(head)
            if not name:
                raise ValueError(_NOT_JSON)
            self.add_long(value, loaded(name[1]))
        elif head.strip(_BLANKS):
            raise ValueError(_NOT_JSON)
        else:
            self.add_long(value, None)
        self.begin, self.is_behind_value = end, True

    def closed(self, end: int) -> Any:
        """The complete object or array."""
        if self.found is None:
            return loaded(self.text[self.start : end + 1])
        self._read_until(end)
        return self.found

    def _read_until(self, end: int) -> None:
        text = self.text[self.begin : end]
        if bool(text.strip(_BLANKS)) == self.is_behind_value:
            raise ValueError(_NOT_JSON)
        if not self.is_behind_value:
            self.add_short(self.begin, end, loaded(b"{%b}" % text if self.is_object else b"[%b]" % text))

    def add_short(self, begin: int, end: int, members: Any) -> None:  # noqa: ARG002 - for subclasses
        """Add the short members whose text is between `begin` and `end`."""
        if self.found is None:
            self.found = members
        elif self.is_object:
            self.found.update(members)
        else:
            self.found.extend(members)

    def add_long(self, value: Any, name: str | None) -> None:
        """Add a member that was read by itself; in an array it has no name."""
        self.add_short(0, 0, [value] if name is None else {name: value})


def written(dataset: Mapping[str, Any]) -> Iterator[bytes]:
    """A data set as compact JSON, in pieces of at most an element of the top level or 16 of its values."""
    lead = b"{"
    for key, element in dataset.items():
        yield lead + orjson.dumps(key) + b":"
        lead = b","
        values = element.get("Value") if isinstance(element, dict) else None
        if not isinstance(values, list) or len(values) < 2:
            yield _dumped(element)
            continue
        opening = b"{"
        for name, value in element.items():
            yield opening + orjson.dumps(name) + b":"
            opening = b","
            if value is not values:
                yield _dumped(value)
                continue
            bracket = b"["
            for begin in range(0, len(values), 16):
                yield bracket + _dumped(values[begin : begin + 16])[1:-1]
                bracket = b","
            yield b"]"
        yield b"}"
    yield b"}" if lead == b"," else b"{}"


def _dumped(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # a lone surrogate
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "backslashreplace")


def loaded(text: bytes) -> Any:
    """A piece of a text, read by the standard library. Raises ValueError.

    orjson caches some 2,000 keys. If they are from all over a long text, each keeps the memory around it from being
    returned: 20 MB were left of an object of 8 MB.
    """
    try:
        return json.loads(text.decode())
    except RecursionError:
        raise ValueError(_NOT_JSON) from None
