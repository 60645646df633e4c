"""The device table: the parts of a frame into which a device always writes text, by attributes of the device.

The first entry that matches wins. `mask_file` reads and writes tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import TYPE_CHECKING

from dicomveil_engine.configuration.device_table import NUMBERS
from dicomveil_engine.pixels.boxes import Box

if TYPE_CHECKING:
    from dicomveil_engine.pixels.header import PixelHeader


@dataclass(frozen=True)
class Device:
    """One entry of a device table."""

    name: str
    match: Mapping[str, str | int]
    mask: tuple[Box, ...] = ()
    keep: tuple[Box, ...] = ()
    look: bool = True

    def matches(self, header: PixelHeader, *, at_any_size: bool = False) -> bool:
        """Whether the entry is for this device and, unless `at_any_size`, for frames of this size."""
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

    def fits(self, header: PixelHeader) -> bool:
        """Whether each box is at least partly inside a frame of this size."""
        return all(box.within(header.columns, header.rows) is not None for box in (*self.mask, *self.keep))

    def boxes(self, header: PixelHeader) -> tuple[Box, ...]:
        """The boxes to cover in a frame of this size."""
        masks = self.mask or _complement(self.keep, header.columns, header.rows)
        inside = (box.within(header.columns, header.rows) for box in masks)
        return tuple(box for box in inside if box is not None)


@dataclass(frozen=True)
class DeviceTable:
    """Entries in the order in which they are tried."""

    devices: tuple[Device, ...] = ()
    unmatched: str = "look"

    def find(self, header: PixelHeader) -> Device | None:
        """The entry for an instance, or None."""
        return next((device for device in self.devices if device.matches(header)), None)

    def knows_other_size(self, header: PixelHeader) -> bool:
        """Whether the device has an entry for frames of any size."""
        return any(device.matches(header, at_any_size=True) for device in self.devices)

    def over(self, beneath: DeviceTable) -> DeviceTable:
        """This table, followed by the entries of another one."""
        return DeviceTable((*self.devices, *beneath.devices), self.unmatched)


def _complement(keep: Iterable[Box], columns: int, rows: int) -> tuple[Box, ...]:
    """Boxes over everything outside the kept boxes, as strips between their edges."""
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
