"""The outline of consecutive data sets: text that they have in common is parsed once.

    [fixed text][an element][fixed text][an element] … [fixed text]

A text that consists of the same fixed parts, with one JSON value in each place between them, is the last data set with
other elements in these places. Any other text is parsed as a whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress

import orjson

from dicomveil_engine.json_model.alike import AlikeDataSet, Pattern
from dicomveil_engine.json_model.values import JSONDataSet, JSONElement

_BLANKS = re.compile(r"[ \t\r\n]*")
_LONGEST_ELEMENT = 1 << 14
"""Bytes of a differing element; a longer one ends the match."""
_LONGEST_TEXT = 1 << 16
"""Bytes of a data set's text from which an outline is made."""
_MOST_FAILURES = 8
_PROBE = 40
"""Bytes of the fixed text after an element that are searched for: its end, and the key and VR of the next."""
_ENDS_TRIED = 8
"""How many false matches to try before giving up."""


class Outline:
    """What the texts of several data sets have in common."""

    __slots__ = ("_beginning", "_dataset", "_gaps", "_pattern", "least")

    def __init__(self, dataset: JSONDataSet, beginning: bytes, gaps: list[tuple[str, bytes]]) -> None:
        self._dataset = dataset
        self._pattern = Pattern([key for key, _ in gaps])
        self._beginning = beginning
        self._gaps = [(key, behind[:_PROBE], behind) for key, behind in gaps]
        """The keys of the elements that differ, each with the fixed text after it, and what of that is searched for."""
        self.least = len(beginning) + sum(len(behind) for _, behind in gaps)
        """Bytes that each text has at least."""

    @classmethod
    def of(cls, text: bytes, dataset: JSONDataSet, differing: set[str]) -> Outline | None:
        """The outline of a data set's text without the differing elements; None if it cannot be determined."""
        try:
            # Latin-1 gives a character for each byte; characters outside ASCII are in strings only.
            members = list(_members(text.decode("latin-1")))
        except (ValueError, RecursionError):
            return None  # for example a number with thousands of digits, which Python refuses
        places = [(key, begin, end) for key, begin, end in members if key in differing]
        if len(members) != len(dataset) or not places:
            return None  # duplicate keys, between which parsers choose differently
        ends = [begin for _, begin, _ in places[1:]] + [len(text)]
        gaps = [(key, text[end:until]) for (key, _, end), until in zip(places, ends, strict=True)]
        return cls(dataset, text[: places[0][1]], gaps)

    def read(self, buffer: bytes, start: int) -> tuple[JSONDataSet, int] | None:
        """The data set whose text begins at `start`, and its end; None if the outline does not fit."""
        if not buffer.startswith(self._beginning, start):
            return None
        position = start + len(self._beginning)
        dataset = AlikeDataSet(self._dataset, self._pattern)
        for key, probe, behind in self._gaps:
            end = buffer.find(probe, position, position + _LONGEST_ELEMENT)
            if end < 0:
                return None
            try:
                dataset[key] = orjson.loads(buffer[position:end])
            except orjson.JSONDecodeError:
                found = _later(buffer, position, end, probe)
                if found is None:
                    return None
                dataset[key], end = found
            if not buffer.startswith(behind, end):
                return None
            position = end + len(behind)
        return dataset, position


def _later(buffer: bytes, position: int, end: int, probe: bytes) -> tuple[JSONElement, int] | None:
    """The element at a position, and its end, where the first occurrence of what comes after it is within it."""
    for _ in range(_ENDS_TRIED - 1):
        end = buffer.find(probe, end + 1, position + _LONGEST_ELEMENT)
        if end < 0:
            break
        with suppress(orjson.JSONDecodeError):
            return orjson.loads(buffer[position:end]), end
    return None


class Outlines:
    """The current outline of a stream's data sets."""

    def __init__(self) -> None:
        self._outline: Outline | None = None
        self._last: JSONDataSet = {}
        self._differing: set[str] = set()
        """Keys of elements that have differed between consecutive data sets."""
        self._failures = 0
        """How often in a row the outline did not fit."""
        self._pause = 0
        """Data sets to skip before the next outline is made."""

    @property
    def least(self) -> int:
        """Bytes that the next data set is expected to have at least; 0 without an outline."""
        return self._outline.least if self._outline else 0

    def read(self, buffer: bytes, start: int) -> tuple[JSONDataSet, int] | None:
        """As `Outline.read`."""
        found = self._outline.read(buffer, start) if self._outline else None
        if found:
            self._failures = self._pause = 0
        return found

    def learn(self, dataset: JSONDataSet, buffer: bytes, start: int, end: int) -> None:
        """Make an outline that fits the last data sets, less often after each failure.

        `dataset` was parsed from the buffer between `start` and `end`, since the outline did not fit.
        """
        if self._pause:
            self._pause -= 1
            return
        self._failures = min(self._failures + 1, _MOST_FAILURES)
        self._pause = (1 << self._failures) // 4
        last, self._last, self._outline = self._last, dataset, None
        if list(last) != list(dataset) or end - start > _LONGEST_TEXT:
            self._differing = set()
            return
        try:
            self._differing |= {key for key, element in dataset.items() if element != last[key]}
        except RecursionError:
            return  # thousands of nested brackets, which are refused later
        if self._differing and 2 * len(self._differing) <= len(dataset):
            self._outline = Outline.of(buffer[start:end], dataset, self._differing)


def _members(text: str) -> Iterator[tuple[str, int, int]]:
    """The members of a JSON object: key, beginning and end of the value."""
    read = json.JSONDecoder().raw_decode
    position = _behind_blanks(text, 1)
    while text[position] == '"':
        key, position = read(text, position)
        begin = _behind_blanks(text, _behind_blanks(text, position) + 1)
        _, end = read(text, begin)
        yield key, begin, end
        position = _behind_blanks(text, end)
        if text[position] == ",":
            position = _behind_blanks(text, position + 1)


def _behind_blanks(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    return match.end() if match else position
