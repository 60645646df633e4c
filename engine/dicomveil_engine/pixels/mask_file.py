"""Read and write device tables as TOML; `configuration.device_table` defines the allowed keys."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from dicomveil_engine.configuration.device_table import read_device_table
from dicomveil_engine.pixels.boxes import Box
from dicomveil_engine.pixels.masks import Device, DeviceTable


def read_table(text: str) -> DeviceTable:
    """The table in a TOML text. Raises ConfigurationError, which names the line, the entry and the key."""
    raw = read_device_table(text)
    devices = (Device(each.name, each.match, _boxes(each.mask), _boxes(each.keep), each.look) for each in raw.devices)
    return DeviceTable(tuple(devices), raw.unmatched)


@cache
def shipped_table() -> DeviceTable:
    """The table in the package: few entries, each checked against public instances."""
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


def _boxes(corners: tuple[tuple[int, int, int, int], ...]) -> tuple[Box, ...]:
    return tuple(Box(*each) for each in corners)
