"""Messages of HL7 version 2 in the encoding with separators: only the reporting segments are kept.

Kept are the fields of MSH that a reader needs, and of OBR, OBX and NTE the service, texts and values. Other segments
are removed: patient (PID), next of kin (NK1), visit (PV1), orders, insurances and local segments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dicomveil_engine.text.documents.words import DocumentWords
from dicomveil_engine.text.own_words import OwnWords
from dicomveil_engine.text.words import IdentifyingWords

BEGINNING = b"MSH|^~\\&"
"""With the usual separators; messages with others are not read."""
MOST_CHARACTERS = 1 << 18
_UNICODE = "UNICODE UTF-8"
_CHARACTER_SET = 17
"""MSH-18; since MSH-1 is the separator itself, the fields of MSH are counted from 2."""

_AS_WRITTEN = {
    "MSH": {1: re.compile(r"\^~\\&"), 8: re.compile(r"[A-Z0-9]{3}(\^[A-Z0-9_]{3,7}){0,2}"),
            10: re.compile(r"[PTD]"), 11: re.compile(r"2(\.\d){1,2}")},
    "OBR": {1: re.compile(r"\d{1,4}"), 24: re.compile(r"[A-Z]{2,4}"), 25: re.compile(r"[A-Z]")},
    "OBX": {1: re.compile(r"\d{1,4}"), 2: re.compile(r"[A-Z]{2,3}"), 8: re.compile(r"[A-Z<>]{1,3}"),
            11: re.compile(r"[A-Z]")},
    "NTE": {1: re.compile(r"\d{1,4}"), 2: re.compile(r"[A-Z]")},
}  # fmt: skip
"""Segment → position of a field that is kept if it matches → pattern."""
_CLEANED = {"MSH": frozenset[int](), "OBR": frozenset((4,)), "OBX": frozenset((3, 4, 5, 6, 7)), "NTE": frozenset((3,))}
"""Fields whose components are cleaned."""
_VALUES, _VALUE_TYPE = 5, 2
_TEXT_TYPES = frozenset(("TX", "FT", "ST", "NM", "SN", "CE", "CWE", "CNE", "IS", "ID", "CF"))
"""Types of OBX-5 that are texts, numbers or codes, not names, dates, identifiers or embedded data."""

_NAMES = {"PID": (5, 6, 9), "NK1": (2,), "GT1": (3,), "IN1": (16,), "PD1": ()}
"""XPN: family name, given name."""
_PERSONS = {
    "PV1": (7, 8, 9, 17, 52), "OBR": (10, 16, 28, 32, 33, 34, 35), "ORC": (10, 11, 12, 19), "PD1": (4,),
    "OBX": (16,), "TXA": (5, 9, 10, 11, 22), "ROL": (4,), "PRT": (5,),
}  # fmt: skip
"""XCN: identifier, family name, given name."""
_IDENTIFIERS = {
    "PID": (2, 3, 4, 18, 19, 20, 21), "PV1": (5, 19, 50), "OBR": (2, 3, 18, 19, 20, 21), "ORC": (2, 3, 4),
    "IN1": (36, 49),
}  # fmt: skip
_PLACES = {"MSH": (3, 5), "PID": (11, 13, 14), "NK1": (4, 5), "PV1": (3, 39), "ORC": (17, 21, 22)}
_DATES = {"PID": (7,), "OBR": (7, 8, 14, 22), "PV1": (44, 45), "OBX": (14,)}
_SHORTEST_PLACE = 4

_ESCAPE = re.compile(r"\\([^\\\n]{1,64})\\")
_MEANT = {"F": "|", "S": "^", "T": "&", "R": "~", "E": "\\", ".br": "\n"}
_WRITTEN = str.maketrans(
    {"|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\\": "\\E\\", "\n": "\\.br\\", "\r": " "}
)

Segment = list[str]
"""Its name, then its fields."""


def cleaned(document: bytes, identifying: IdentifyingWords, own: OwnWords) -> bytes | None:
    """The cleaned message; None if it is over a limit."""
    text = _decoded(document.rstrip(b"\0"))
    if len(text) > MOST_CHARACTERS:
        return None
    segments = [line.split("|") for line in re.split(r"[\r\n]+", text) if line.strip()]
    words = DocumentWords(identifying, own, (value for segment in segments for value in _values_of(segment)))
    if words.are_many:
        return None
    left = [_left_of(segment, words) for segment in segments if segment[0] in _CLEANED]
    written = "\r".join("|".join(segment).rstrip("|") for segment in left) + "\r"
    if not written.isascii():
        left[0] += [""] * (_CHARACTER_SET + 1 - len(left[0]))
        left[0][_CHARACTER_SET] = _UNICODE
        written = "\r".join("|".join(segment).rstrip("|") for segment in left) + "\r"
    return written.encode("utf-8")


def _decoded(document: bytes) -> str:
    try:
        return document.decode("utf-8")
    except UnicodeDecodeError:
        return document.decode("latin-1")


def _field(segment: Segment, number: int) -> list[list[str]]:
    """The repetitions of a field, each as its components."""
    written = segment[number] if number < len(segment) else ""
    return [[_read(one) for one in repetition.split("^")] for repetition in written.split("~")]


def _read(written: str) -> str:
    return _ESCAPE.sub(lambda match: _MEANT.get(match[1], ""), written)


# Identifying values of removed fields


def _values_of(segment: Segment) -> Iterator[tuple[str, str]]:
    kind = segment[0]
    for number in _NAMES.get(kind, ()):
        for components in _field(segment, number):
            yield from _name(components[:2])
    for number in _PERSONS.get(kind, ()):
        for components in _field(segment, number):
            # Identifiers of staff are numbers; letters are a log-in name, or a name without a number.
            yield from ((one, "LO") for one in components[:1] if len(one) >= _SHORTEST_PLACE)
            yield from _name([part.split("&")[0] for part in components[1:3]])
    for number in _IDENTIFIERS.get(kind, ()):
        yield from ((components[0], "LO") for components in _field(segment, number) if components[0])
    for number in _PLACES.get(kind, ()):
        for components in _field(segment, number):
            yield from ((one, "LO") for one in components if len(one) >= _SHORTEST_PLACE)
    for number in _DATES.get(kind, ()):
        dates = (components[0][:8] for components in _field(segment, number))
        yield from ((date, "DA") for date in dates if len(date) == 8 and date.isascii() and date.isdecimal())


def _name(parts: list[str]) -> Iterator[tuple[str, str]]:
    name = "^".join(part.split("&")[0] for part in parts)
    if name.strip("^ "):
        yield name, "PN"


# Cleaning


def _left_of(segment: Segment, words: DocumentWords) -> Segment:
    kind = segment[0]
    as_written, texts = _AS_WRITTEN[kind], _CLEANED[kind]
    left = [kind]
    for number, written in enumerate(segment[1:], 1):
        pattern = as_written.get(number)
        if pattern is not None and pattern.fullmatch(written):
            left.append(written)
        elif number in texts and (number != _VALUES or segment[_VALUE_TYPE] in _TEXT_TYPES):
            left.append(_cleaned_field(written, words))
        else:
            left.append("")
    return left


def _cleaned_field(written: str, words: DocumentWords) -> str:
    """Clean a field, whose repetitions are the lines of one text."""
    repetitions = [repetition.split("^") for repetition in written.split("~")]
    pieces = [_read(component) for repetition in repetitions for component in repetition]
    new = iter(words.cleaned_together(pieces, "\n"))
    return "~".join("^".join(next(new).translate(_WRITTEN) for _ in repetition) for repetition in repetitions)
