"""JSON with comments, trailing commas and single quotes, as in configuration files.

The Microsoft tool accepts these, through Newtonsoft.Json; of duplicate keys, the last is used, and each is reported.
Errors name line and column and never the content, which may be a key.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable

from dicomveil_engine.errors import ConfigurationError

MAXIMUM_DEPTH = 64
"""Nested arrays and objects; Newtonsoft.Json 13 has the same limit."""

_TOKEN = re.compile(
    r"""
    (?P<blank> \s+ | //[^\n]* | /\*.*?\*/ )
  | (?P<string> "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' )
  | (?P<number> -?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)? (?![\w.]) )
  | (?P<word> [A-Za-z]+ )
  | (?P<mark> [\[\]{}:,] )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\.|\"", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
_WORDS = {"true": True, "false": False, "null": None}


Repeated = Callable[[str, str], None]
"""Called with the place of a key that its object already has, and the key."""


def parse(text: str, repeated: Repeated = lambda place, key: None) -> object:  # noqa: ARG005
    """Parse a text. Raises ConfigurationError."""
    reader = _Reader(text.removeprefix("\ufeff"), repeated)
    if reader.kind == "end":
        raise ConfigurationError("the configuration is empty")
    value = reader.value(0)
    if reader.kind != "end":
        raise reader.error("the configuration ends before this")
    return value


class _Reader:
    """A position in the text, and the token at it."""

    def __init__(self, text: str, repeated: Repeated) -> None:
        self._text = text
        self._repeated = repeated
        self._start = self._end = 0
        self.kind = self._lexeme = ""
        self._advance()

    def value(self, depth: int) -> object:
        """Read the value at the position, and move after it."""
        if self._lexeme in {"{", "["} and depth == MAXIMUM_DEPTH:
            raise self.error(f"nested deeper than {MAXIMUM_DEPTH}")
        if self._lexeme == "{":
            return self._object(depth)
        if self._lexeme == "[":
            return self._array(depth)
        if self.kind == "string":
            return self._string()
        if self.kind == "number":
            return self._number()
        if self.kind == "word" and self._lexeme in _WORDS:
            word = _WORDS[self._lexeme]
            self._advance()
            return word
        raise self.error("a value is missing")

    def error(self, problem: str) -> ConfigurationError:
        """An error with the line and column of the position."""
        return ConfigurationError(f"{self._place(self._start)}: {problem}")

    def _place(self, start: int) -> str:
        line = self._text.count("\n", 0, start) + 1
        column = start - (self._text.rfind("\n", 0, start) + 1) + 1
        return f"line {line}, column {column}"

    def _object(self, depth: int) -> dict[str, object]:
        members: dict[str, object] = {}
        self._advance()
        while self._lexeme != "}":
            if self.kind != "string":
                raise self.error('a key in quotes, or "}", is missing')
            place = self._start
            key = self._string()
            if key in members:
                self._repeated(self._place(place), key)
            if self._lexeme != ":":
                raise self.error('a ":" is missing')
            self._advance()
            members[key] = self.value(depth + 1)
            self._separator("}")
        self._advance()
        return members

    def _array(self, depth: int) -> list[object]:
        items: list[object] = []
        self._advance()
        while self._lexeme != "]":
            items.append(self.value(depth + 1))
            self._separator("]")
        self._advance()
        return items

    def _separator(self, closing: str) -> None:
        if self._lexeme == ",":
            self._advance()
        elif self._lexeme != closing:
            raise self.error(f'a "," or "{closing}" is missing')

    def _string(self) -> str:
        body = _ESCAPE.sub(_double_quoted, self._lexeme[1:-1])
        try:
            text: str = json.loads(f'"{body}"', strict=False)
        except ValueError:
            raise self.error("an escape in this string is wrong") from None
        if _SURROGATE.search(text):
            raise self.error("this string holds half of a character")
        self._advance()
        return text

    def _number(self) -> int | float:
        try:
            number: int | float = json.loads(self._lexeme)
        except ValueError:  # CPython refuses integers of more than 4300 digits
            raise self.error("this number is too long") from None
        if math.isinf(number):
            raise self.error("this number is too large")
        self._advance()
        return number

    def _advance(self) -> None:
        while True:
            self._start = self._end
            if self._start == len(self._text):
                self.kind, self._lexeme = "end", ""
                return
            match = _TOKEN.match(self._text, self._start)
            if match is None:
                raise self.error("this is not JSON")
            self._end = match.end()
            if match.lastgroup != "blank":
                self.kind, self._lexeme = str(match.lastgroup), match.group()
                return


def _double_quoted(escape: re.Match[str]) -> str:
    """An escape or quote as it has to be written in a string with double quotes."""
    return {"\\'": "'", '"': '\\"'}.get(escape.group(), escape.group())
