"""Reading and checking device tables in TOML; `pixels.masks` applies them.

    unmatched = "look"                        # for a known device with an unknown size: "look" or "refuse"

    [[device]]
    name = "Example console, 480 rows"        # for messages and reports
    match = { Manufacturer = "Example*", ManufacturerModelName = "E 9", Rows = 480, Columns = 640 }
    mask = [[0, 0, 640, 40]]                  # x, y, width, height; covered in every frame
    look = true                               # the rest is searched for text (the default)

Instead of `mask`, `keep` gives boxes outside which everything is covered. Texts in `match` are case-insensitive and may
have the wildcards `*` and `?`. `device_table_schema` has the JSON Schema.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from dicomveil_engine.errors import ConfigurationError

Corners = tuple[int, int, int, int]
"""x, y, width and height, in pixels."""
TEXTS = ("Manufacturer", "ManufacturerModelName", "SoftwareVersions", "Modality", "SOPClassUID")
NUMBERS = ("Rows", "Columns")
UNMATCHED = ("look", "refuse")
KEYS = ("name", "match", "mask", "keep", "look")
TABLE_KEYS = ("version", "unmatched", "device")
LARGEST = 1 << 16
"""Pixels; no image has more rows or columns (PS3.3 Section C.7.6.3.1)."""
MOST_BOXES = 64

_ENTRY = re.compile(r"\s*\[\[\s*device\s*\]\]\s*(#.*)?")
_TOML_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")


class RawDevice(NamedTuple):
    """An entry as written."""

    name: str
    match: Mapping[str, str | int]
    mask: tuple[Corners, ...] = ()
    keep: tuple[Corners, ...] = ()
    look: bool = True


class RawTable(NamedTuple):
    """Entries in the order in which they are tried."""

    devices: tuple[RawDevice, ...] = ()
    unmatched: str = "look"


class TableFault(NamedTuple):
    """Something wrong in a table."""

    line: int
    """From 1; 0 if it is unknown."""
    message: str
    """It names the entry and the key, and says what is expected."""

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}" if self.line else self.message


class _FaultError(Exception):
    """An error in an entry, and the key whose line is reported."""

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


def read_device_table(text: str) -> RawTable:
    """Read a table in TOML. Raises ConfigurationError, which names the line, the entry and the key."""
    table, faults = _read(text)
    if faults:
        raise ConfigurationError(str(faults[0]))
    return table


def table_faults(text: str) -> list[TableFault]:
    """The errors in a table, at most one for each entry; empty if it is valid."""
    return _read(text)[1]


def _read(text: str) -> tuple[RawTable, list[TableFault]]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _TOML_PLACE.search(str(error))
        line = int(place[1]) if place else text.count("\n") + 1
        return RawTable(), [TableFault(line, "the device table is not valid TOML")]
    faults = [
        TableFault(_line_of(text, key), f'the device table has no key "{key}"; known are {", ".join(TABLE_KEYS)}')
        for key in sorted(document.keys() - set(TABLE_KEYS))
    ]
    unmatched = document.get("unmatched", "look")
    if unmatched not in UNMATCHED:
        message = '"unmatched" in the device table must be "look" or "refuse"'
        faults.append(TableFault(_line_of(text, "unmatched"), message))
    entries = document.get("device", [])
    if not isinstance(entries, list):
        message = "entries of the device table are written as [[device]]"
        return RawTable(), [*faults, TableFault(_line_of(text, "device"), message)]
    starts = [number for number, line in enumerate(text.split("\n"), 1) if _ENTRY.fullmatch(line)]
    if len(starts) != len(entries):
        starts = []  # entries as an inline array, or a text that looks like the start of one
    devices = []
    for number, entry in enumerate(entries, 1):
        try:
            devices.append(_device(entry, number))
        except _FaultError as fault:
            line = _line_in(text, starts, number, fault.key)
            faults.append(TableFault(line, str(fault)))
    return RawTable(tuple(devices), str(unmatched)), faults


def _line_of(text: str, key: str) -> int:
    return next(_lines_with(text.split("\n"), 1, key), 0)


def _line_in(text: str, starts: list[int], number: int, key: str) -> int:
    """The line of a key in an entry; the line of the entry if the key has none."""
    if not starts:
        return 0
    first = starts[number - 1]
    end = starts[number] - 1 if number < len(starts) else None
    return next(_lines_with(text.split("\n")[first:end], first + 1, key), first) if key else first


def _lines_with(lines: list[str], first: int, key: str) -> Iterator[int]:
    for number, line in enumerate(lines, first):
        if re.match(rf"""\s*(\[\s*device\.)?["']?{re.escape(key)}["']?\s*[=.\]]""", line):
            yield number


def _device(entry: object, number: int) -> RawDevice:
    place = f"entry {number} of the device table"
    if not isinstance(entry, dict):
        raise _FaultError(f"{place} is not a table")
    for key in sorted(entry.keys() - set(KEYS)):
        raise _FaultError(f'{place} has an unknown key "{key}"; known are {", ".join(sorted(KEYS))}', key)
    name, match, look = entry.get("name", f"entry {number}"), entry.get("match"), entry.get("look", True)
    if not isinstance(name, str):
        raise _FaultError(f'"name" of {place} must be a text', "name")
    if not isinstance(match, dict) or not match:
        raise _FaultError(f'{place} needs "match", with one or more of {", ".join((*TEXTS, *NUMBERS))}', "match")
    for attribute, value in match.items():
        kind = str if attribute in TEXTS else int if attribute in NUMBERS else None
        if kind is None:
            known = ", ".join((*TEXTS, *NUMBERS))
            raise _FaultError(f'"{attribute}" in "match" of {place} is unknown; known are {known}', "match")
        if type(value) is not kind:
            wanted = "a text" if kind is str else "a whole number"
            raise _FaultError(f'"{attribute}" in "match" of {place} must be {wanted}', "match")
        if isinstance(value, int) and not 0 < value <= LARGEST:
            raise _FaultError(f'"{attribute}" in "match" of {place} must be from 1 to {LARGEST}', "match")
    if not isinstance(look, bool):
        raise _FaultError(f'"look" of {place} must be true or false', "look")
    if not look and not set(NUMBERS) <= match.keys():
        # With another size the text may be elsewhere, and it would not be searched for.
        raise _FaultError(f'{place} has look = false, so "match" must have Rows and Columns', "look")
    mask, keep = (_boxes(entry.get(key, []), key, place) for key in ("mask", "keep"))
    if bool(mask) is bool(keep):
        raise _FaultError(f'{place} needs either "mask" or "keep"', "keep" if mask else "")
    return RawDevice(name, match, mask, keep, look)


def _boxes(value: object, key: str, place: str) -> tuple[Corners, ...]:
    if not isinstance(value, list) or len(value) > MOST_BOXES:
        raise _FaultError(f'"{key}" of {place} must be an array of [x, y, width, height], {MOST_BOXES} at most', key)
    boxes = []
    for numbers in value:
        fits = isinstance(numbers, list) and len(numbers) == 4
        if not fits or not all(type(number) is int and 0 <= number <= LARGEST for number in numbers):
            raise _FaultError(f'boxes in "{key}" of {place} are [x, y, width, height], in pixels', key)
        if not numbers[2] * numbers[3]:
            raise _FaultError(f'a box in "{key}" of {place} is empty', key)
        boxes.append((numbers[0], numbers[1], numbers[2], numbers[3]))
    return tuple(boxes)
