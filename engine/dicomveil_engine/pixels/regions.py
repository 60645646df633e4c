"""The regions of an ultrasound image, (0018,6011): calibrated echo, in which no text is expected.

Real instances have regions outside the image, empty regions, and a region that covers everything. None of these are
used.
"""

from __future__ import annotations

from dicomveil_engine.pixels.boxes import Box
from dicomveil_engine.pixels.header import PixelHeader

_LARGEST = 0.98
"""A region over more than this share of the image does not tell where text is."""


def trusted_regions(header: PixelHeader) -> tuple[Box, ...]:
    """The regions; none at all if one exceeds the image, or if they do not tell where text is."""
    size = header.rows * header.columns
    for region in header.regions:
        if region.within(header.columns, header.rows) != region or region.area > _LARGEST * size:
            return ()
    return header.regions


def outside(header: PixelHeader) -> tuple[Box, ...]:
    """Boxes over everything outside the bounding rectangle of all regions; none without regions."""
    regions = trusted_regions(header)
    if not regions:
        return ()
    left, top = min(region.x for region in regions), min(region.y for region in regions)
    right, bottom = max(region.right for region in regions), max(region.bottom for region in regions)
    frame = (
        Box(0, 0, header.columns, top),
        Box(0, bottom, header.columns, header.rows - bottom),
        Box(0, top, left, bottom - top),
        Box(right, top, header.columns - right, bottom - top),
    )
    return tuple(box for box in frame if box.width > 0 and box.height > 0)
