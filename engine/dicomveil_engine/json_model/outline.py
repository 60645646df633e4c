"""The text of data sets that follow each other, but for the elements that differ: what is the same is read once.

    [fixed text][an element][fixed text][an element] … [fixed text]

A text that consists of the same fixed parts, with one JSON value in each place between, says what the last one said,
with other elements in these places. No more is believed: whatever does not fit is read as a whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import orjson

from dicomveil_engine.json_model.values import JSONDataSet

_BLANKS = re.compile(r"[ \t\r\n]*")
_LONGEST_ELEMENT = 1 << 14
"""Bytes; a longer one that differs is not looked for."""
_LONGEST_TEXT = 1 << 16
"""Bytes of a data set's text that is held."""
_MOST_FAILURES = 8
_PROBE = 40
"""Bytes by which the text behind an element is looked for: its end, and the key and VR of the next."""
_ENDS_TRIED = 8
"""How many false matches to try before giving up."""


class Outline:
    """What the texts of some data sets have in common."""

    __slots__ = ("_beginning", "_dataset", "_gaps")

    def __init__(self, dataset: JSONDataSet, beginning: bytes, gaps: list[tuple[str, bytes]]) -> None:
        self._dataset = dict(dataset)  # the caller may take members out of its own
        self._beginning = beginning
        self._gaps = gaps
        """Keys of the elements that differ, each with the fixed text behind it."""

    @classmethod
    def of(cls, text: bytes, dataset: JSONDataSet, differing: set[str]) -> Outline | None:
        """What `text`, that of the data set, is without some elements; None where that cannot be determined."""
        try:
            members = list(_members(text.decode("latin-1")))  # a character for each byte; others stand in strings only
        except (ValueError, RecursionError):
            return None  # such as numbers of thousands of digits: more than one reader takes
        places = [(key, begin, end) for key, begin, end in members if key in differing]
        if len(members) != len(dataset) or not places:
            return None  # a key comes twice: which element counts is the reader's choice
        ends = [begin for _, begin, _ in places[1:]] + [len(text)]
        gaps = [(key, text[end:until]) for (key, _, end), until in zip(places, ends, strict=True)]
        return cls(dataset, text[: places[0][1]], gaps)

    def read(self, buffer: bytes, start: int) -> tuple[JSONDataSet, int] | None:
        """The data set whose text begins at `start`, and where it ends; None where it is another, or not all there."""
        if not buffer.startswith(self._beginning, start):
            return None
        position = start + len(self._beginning)
        dataset = self._dataset.copy()
        for key, behind in self._gaps:
            probe, latest = behind[:_PROBE], position + _LONGEST_ELEMENT
            end = buffer.find(probe, position, latest)
            for _ in range(_ENDS_TRIED):
                if end < 0:
                    return None
                try:
                    dataset[key] = orjson.loads(buffer[position:end])
                    break
                except orjson.JSONDecodeError:
                    end = buffer.find(probe, end + 1, latest)
            else:
                return None
            if not buffer.startswith(behind, end):
                return None
            position = end + len(behind)
        return dataset, position


class Outlines:
    """The outline of the data sets of one stream, as far as they have come."""

    def __init__(self) -> None:
        self._outline: Outline | None = None
        self._last: JSONDataSet = {}
        self._differing: set[str] = set()
        """Keys of elements that have differed from one data set to the next."""
        self._failures = 0
        """How often in a row the outline was of no use."""
        self._pause = 0
        """Data sets that are to pass before the next one is made."""

    def read(self, buffer: bytes, start: int) -> tuple[JSONDataSet, int] | None:
        """As `Outline.read`."""
        found = self._outline.read(buffer, start) if self._outline else None
        if found:
            self._failures = self._pause = 0
        return found

    def learn(self, dataset: JSONDataSet, buffer: bytes, start: int, end: int) -> None:
        """Make an outline that fits the last data sets; where it is of no use time and again, ever more seldom.

        `dataset` is what the buffer says in between, and could not be read by the outline.
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
            return  # brackets by the thousand, in two of them: reading them is refused
        if self._differing and 2 * len(self._differing) <= len(dataset):
            self._outline = Outline.of(buffer[start:end], dataset, self._differing)


def _members(text: str) -> Iterator[tuple[str, int, int]]:
    """The members of a JSON object: key, and where the value begins and ends."""
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
