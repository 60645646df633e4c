"""Import device tables of other tools: recipes of pydicom/deid, and scripts of RSNA's CTP pixel anonymizer.

An entry is imported only if a device table can express it exactly: conditions that must all hold, on attributes of
the device and the frame, with boxes of fixed size. All others are listed, because a mask under a wider condition would
cover anatomy, and one under a narrower condition would leave text uncovered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from dicomveil_engine.configuration.device_table import NUMBERS, TEXTS
from dicomveil_engine.pixels.boxes import Box
from dicomveil_engine.pixels.masks import Device, DeviceTable

_COORDINATES = re.compile(r"(ctp)?(keep)?coordinates\s+(.*)", re.IGNORECASE)
_SECTION = re.compile(r"\{([^{}]*)\}((?:[^{}()]*\([^()]*\))*)")
_CONDITION = re.compile(r'(!?)\s*([A-Za-z]+)\.(\w+)\(\s*"([^"]*)"\s*\)')
_NAME = re.compile(r"LABEL\s+([^#]*)", re.IGNORECASE)


@dataclass
class Imported:
    """The result of an import."""

    table: DeviceTable
    left_out: list[str] = field(default_factory=list)
    """The entries that were not imported, each with the reason."""


class _UnsupportedError(Exception):
    """The reason why a device table cannot express an entry."""


def read_deid(text: str) -> Imported:
    """Import the entries of a deid recipe that have coordinates."""
    imported = Imported(DeviceTable())
    devices = []
    for name, lines in _labels(text):
        try:
            device = _deid_device(name, lines)
        except _UnsupportedError as reason:
            imported.left_out.append(f"{name}: {reason}")
            continue
        if device is not None:
            devices.append(device)
    imported.table = DeviceTable(tuple(devices))
    return imported


def read_ctp(text: str) -> Imported:
    """Import the sections of a CTP script: { signature } (left, top, width, height) ..."""
    imported = Imported(DeviceTable())
    devices = []
    for number, (signature, regions) in enumerate(_SECTION.findall(text), 1):
        name = f"signature {number}"
        try:
            match = _ctp_match(signature)
            boxes = [_box(region.split(","), is_size=True) for region in re.findall(r"\(([^()]*)\)", regions)]
            if not boxes:
                raise _UnsupportedError("it has no regions")  # noqa: TRY301 - collected below
        except _UnsupportedError as reason:
            imported.left_out.append(f"{name}: {reason}")
            continue
        devices.append(Device(name, match, mask=tuple(boxes)))
    imported.table = DeviceTable(tuple(devices))
    return imported


def _labels(text: str) -> Iterator[tuple[str, list[str]]]:
    name = ""
    lines: list[str] = []
    for line in text.splitlines():
        stripped = line.partition("#")[0].strip() if not line.strip().upper().startswith("LABEL") else line.strip()
        found = _NAME.match(stripped)
        if found is not None or stripped.startswith("%"):
            if name:
                yield name, lines
            name, lines = (found[1].strip() if found is not None else ""), []
        elif stripped:
            lines.append(stripped)
    if name:
        yield name, lines


def _deid_device(name: str, lines: list[str]) -> Device | None:
    """The device of a label; None for a label without coordinates, which only flags."""
    match: dict[str, str | int] = {}
    mask: list[Box] = []
    keep: list[Box] = []
    conditions = []
    for line in lines:
        found = _COORDINATES.fullmatch(line)
        if found is None:
            conditions.append(line)
            continue
        boxes = keep if found[2] else mask
        boxes.append(_box(found[3].split(","), is_size=bool(found[1])))
    if not mask and not keep:
        return None
    if mask and keep:
        raise _UnsupportedError("it both covers and keeps boxes")
    for line in conditions:
        condition = line.removeprefix("+").strip()
        kind, _, rest = condition.partition(" ")
        attribute, _, value = rest.strip().partition(" ")
        if "||" in line or kind.lower() not in {"contains", "equals"}:
            raise _UnsupportedError(f'"{kind}" or alternatives are not conditions of our table')
        if "|" in value:
            raise _UnsupportedError("alternatives within a value are not conditions of our table")
        _add(match, attribute, value.strip(), is_whole=kind.lower() == "equals")
    if not match:
        raise _UnsupportedError("it has no condition")
    return Device(name, match, tuple(mask), tuple(keep))


def _ctp_match(signature: str) -> dict[str, str | int]:
    if re.sub(r"[\s*]", "", _CONDITION.sub("", signature)):
        raise _UnsupportedError("its signature is more than conditions that must all hold")
    match: dict[str, str | int] = {}
    for negation, attribute, function, value in _CONDITION.findall(signature):
        kind = function.lower().removesuffix("ignorecase")
        if negation or kind not in {"contains", "equals", "startswith", "endswith"}:
            raise _UnsupportedError(f'"{negation}{function}" is not a condition of our table')
        pattern = {"startswith": f"{value}*", "endswith": f"*{value}"}.get(kind, value)
        _add(match, attribute, pattern, is_whole=kind != "contains")
    if not match:
        raise _UnsupportedError("it has no condition")
    return match


def _add(match: dict[str, str | int], attribute: str, value: str, *, is_whole: bool) -> None:
    if attribute in match:
        raise _UnsupportedError(f"it has two conditions on {attribute}")
    if attribute in NUMBERS:
        if not is_whole or not value.isdigit():
            raise _UnsupportedError(f"{attribute} is not compared with a whole number")
        match[attribute] = int(value)
    elif attribute in TEXTS:
        match[attribute] = value if is_whole else f"*{value}*"
    else:
        raise _UnsupportedError(f"{attribute} is not an attribute of our table")


def _box(texts: list[str], *, is_size: bool) -> Box:
    """The box from left, top, and either width and height or right and bottom."""
    try:
        left, top, third, fourth = (int(text) for text in texts)
    except ValueError:
        raise _UnsupportedError("its coordinates are not four whole numbers") from None
    box = Box(left, top, third, fourth) if is_size else Box(left, top, third - left, fourth - top)
    if left < 0 or top < 0 or box.width <= 0 or box.height <= 0:
        raise _UnsupportedError("a box of it is empty")
    return box
