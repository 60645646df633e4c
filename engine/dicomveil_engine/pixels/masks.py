"""The device table: which parts of a frame a device always writes text into, by what the header says of the device.

A table is TOML:

    unmatched = "look"                        # a known device at a size that no entry has: "look" or "refuse"

    [[device]]
    name = "Example console, 480 rows"        # for messages and reports
    match = { Manufacturer = "Example*", ManufacturerModelName = "E 9", Rows = 480, Columns = 640 }
    mask = [[0, 0, 640, 40]]                  # x, y, width, height; covered in every frame
    look = true                               # and text is looked for in the rest (the default)

Instead of `mask`, `keep` names the boxes outside which everything is covered. Texts in `match` may hold `*` and `?`;
case does not matter. The first entry that matches wins.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from itertools import pairwise

from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.pixels.boxes import Box
from dicomveil_engine.pixels.header import PixelHeader

TEXTS = ("Manufacturer", "ManufacturerModelName", "SoftwareVersions", "Modality", "SOPClassUID")
NUMBERS = ("Rows", "Columns")
UNMATCHED = ("look", "refuse")
_KEYS = frozenset(("name", "match", "mask", "keep", "look"))
_LARGEST = 1 << 16
_MOST_BOXES = 64


@dataclass(frozen=True)
class Device:
    """One entry of a table."""

    name: str
    match: Mapping[str, str | int]
    mask: tuple[Box, ...] = ()
    keep: tuple[Box, ...] = ()
    look: bool = True

    def matches(self, header: PixelHeader, *, at_any_size: bool = False) -> bool:
        """Whether the entry is for this device, and for frames of this size."""
        texts = {
            "Manufacturer": header.manufacturer,
            "ManufacturerModelName": header.manufacturer_model_name,
            "SoftwareVersions": header.software_versions,
            "Modality": header.modality,
            "SOPClassUID": header.sop_class_uid,
        }
        numbers = {"Rows": header.rows, "Columns": header.columns}
        for name, wanted in self.match.items():
            if name in NUMBERS:
                if not at_any_size and numbers[name] != wanted:
                    return False
            elif not fnmatchcase(texts[name].casefold(), str(wanted).casefold()):
                return False
        return True

    def boxes(self, header: PixelHeader) -> tuple[Box, ...]:
        """What is covered in a frame of this size."""
        masks = self.mask or _complement(self.keep, header.columns, header.rows)
        inside = (box.within(header.columns, header.rows) for box in masks)
        return tuple(box for box in inside if box is not None)


@dataclass(frozen=True)
class DeviceTable:
    """Entries in the order in which they are tried."""

    devices: tuple[Device, ...] = ()
    unmatched: str = "look"

    def find(self, header: PixelHeader) -> Device | None:
        """The entry for an instance; None if there is none."""
        return next((device for device in self.devices if device.matches(header)), None)

    def knows_other_size(self, header: PixelHeader) -> bool:
        """Whether the device has entries, though none for frames of this size."""
        return any(device.matches(header, at_any_size=True) for device in self.devices)

    def over(self, beneath: DeviceTable) -> DeviceTable:
        """This table, and what another says where this one says nothing."""
        return DeviceTable((*self.devices, *beneath.devices), self.unmatched)


def read_table(text: str) -> DeviceTable:
    """A table from its TOML. Raises ConfigurationError, which names the entry and the key."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise ConfigurationError("the device table is not valid TOML") from None
    unknown = document.keys() - {"unmatched", "device", "version"}
    if unknown:
        raise ConfigurationError(f'the device table has no key "{min(unknown)}"')
    unmatched = document.get("unmatched", "look")
    if unmatched not in UNMATCHED:
        raise ConfigurationError('"unmatched" in the device table must be "look" or "refuse"')
    entries = document.get("device", [])
    if not isinstance(entries, list):
        raise ConfigurationError("entries of the device table are written as [[device]]")
    return DeviceTable(tuple(_device(entry, number) for number, entry in enumerate(entries, 1)), unmatched)


@cache
def shipped_table() -> DeviceTable:
    """The table that comes with dicomveil: few entries, each checked against public instances."""
    return read_table(files("dicomveil_engine").joinpath("pixels", "devices.toml").read_text(encoding="utf-8"))


def write_table(table: DeviceTable) -> str:
    """The table as TOML; `read_table` is its inverse."""
    lines = [f'unmatched = "{table.unmatched}"', ""]
    for device in table.devices:
        match = ", ".join(f"{name} = {_toml(value)}" for name, value in device.match.items())
        lines += ["[[device]]", f"name = {_toml(device.name)}", f"match = {{ {match} }}"]
        for key, boxes in (("mask", device.mask), ("keep", device.keep)):
            if boxes:
                lines.append(f"{key} = [{', '.join(str(list(box)) for box in boxes)}]")
        if not device.look:
            lines.append("look = false")
        lines.append("")
    return "\n".join(lines)


def _toml(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'


def _device(entry: object, number: int) -> Device:
    place = f"entry {number} of the device table"
    if not isinstance(entry, dict):
        raise ConfigurationError(f"{place} is not a table")
    unknown = entry.keys() - _KEYS
    if unknown:
        raise ConfigurationError(f'{place} has an unknown key "{min(unknown)}"; known are {", ".join(sorted(_KEYS))}')
    match, look = entry.get("match"), entry.get("look", True)
    if not isinstance(match, dict) or not match:
        raise ConfigurationError(f'{place} needs "match", with one or more of {", ".join((*TEXTS, *NUMBERS))}')
    for name, value in match.items():
        kind = str if name in TEXTS else int if name in NUMBERS else None
        if kind is None or type(value) is not kind:
            raise ConfigurationError(f'"{name}" in "match" of {place} is unknown, or has a value of the wrong kind')
    if not isinstance(look, bool):
        raise ConfigurationError(f'"look" of {place} must be true or false')
    mask, keep = _boxes(entry.get("mask", []), place), _boxes(entry.get("keep", []), place)
    if bool(mask) is bool(keep):
        raise ConfigurationError(f'{place} needs either "mask" or "keep"')
    return Device(str(entry.get("name", f"entry {number}")), match, mask, keep, look)


def _boxes(value: object, place: str) -> tuple[Box, ...]:
    if not isinstance(value, list) or len(value) > _MOST_BOXES:
        raise ConfigurationError(f"boxes of {place} are an array of [x, y, width, height], {_MOST_BOXES} at most")
    boxes = []
    for numbers in value:
        fits = isinstance(numbers, list) and len(numbers) == 4
        if not fits or not all(type(number) is int and 0 <= number <= _LARGEST for number in numbers):
            raise ConfigurationError(f"boxes of {place} are [x, y, width, height], in pixels")
        box = Box(*numbers)
        if not box.area:
            raise ConfigurationError(f"a box of {place} is empty")
        boxes.append(box)
    return tuple(boxes)


def _complement(keep: Iterable[Box], columns: int, rows: int) -> tuple[Box, ...]:
    """Boxes over all that no kept box has: strips between the kept boxes' edges."""
    kept = [box for box in (box.within(columns, rows) for box in keep) if box is not None]
    edges = sorted({0, rows, *(box.y for box in kept), *(box.bottom for box in kept)})
    boxes = []
    for top, bottom in pairwise(edges):
        left = 0
        for box in sorted(box for box in kept if box.y <= top and box.bottom >= bottom):
            if box.x > left:
                boxes.append(Box(left, top, box.x - left, bottom - top))
            left = max(left, box.right)
        if left < columns:
            boxes.append(Box(left, top, columns - left, bottom - top))
    return tuple(boxes)
