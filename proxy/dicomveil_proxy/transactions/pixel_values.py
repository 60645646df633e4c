"""Frames and bulk data of Pixel Data, cleaned as in the instance: no comments, overlay bits or trailing bytes.

Compressed frames describe themselves. For native pixels, the length and the used bits come from the origin server's
metadata, which is requested once for each instance.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import aclosing
from operator import is_not

from dicomveil_engine import DeidentificationError, JSONDataSet
from dicomveil_engine.attributes.well_known import PIXEL_DATA, SOP_INSTANCE_UID
from dicomveil_engine.code_streams.frame import EncodedFrame, NativeFrame, UndeclaredFrame
from dicomveil_engine.code_streams.native import FLOATING_BITS, IMAGE_TAGS, PixelLayout
from dicomveil_engine.pixels.codecs import NATIVE
from dicomveil_proxy.origin.web.metadata import data_sets
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.resource import OriginalResource

_SOP_INSTANCE_UID = f"{SOP_INSTANCE_UID:08X}"
_ROWS = "00280010"
_KEYS = {f"{tag:08X}": tag for tag in IMAGE_TAGS}


async def frame_of(project: Project, original: OriginalResource, syntax: str) -> EncodedFrame | NativeFrame:
    """The filter for one frame of an instance in this transfer syntax.

    Raises DeidentificationError for native frames of unknown length, whose bytes could be anything.
    """
    if syntax not in NATIVE:
        return EncodedFrame(syntax)
    layout = await _layout(project, original)
    native = NativeFrame(layout._replace(frames=1), removes_overlays=project.policy.removes_overlays)
    if not native.is_certain:
        raise DeidentificationError("(7FE0,0010) PixelData has frames whose length no attribute gives")
    return native


async def bulk_data_of(
    project: Project, original: OriginalResource, tag: int, syntax: str | None
) -> EncodedFrame | NativeFrame | UndeclaredFrame | None:
    """The filter for a part of an element's bulk data: a frame, or all pixels; None for other elements."""
    if tag != PIXEL_DATA and tag not in FLOATING_BITS:
        return None
    if syntax is not None and syntax not in NATIVE:
        return EncodedFrame(syntax)
    bits = FLOATING_BITS.get(tag, 0)
    native = NativeFrame(
        await _layout(project, original), removes_overlays=project.policy.removes_overlays, floating_bits=bits
    )
    return native if syntax else UndeclaredFrame(native)


def note_layouts(project: Project, datasets: Iterable[JSONDataSet]) -> None:
    """Cache the pixel layouts in metadata that is being retrieved: viewers request frames next."""
    last: list[object] = []
    layout = PixelLayout()
    for dataset in datasets:
        instance = _first(dataset.get(_SOP_INSTANCE_UID))
        if isinstance(instance, str) and _ROWS in dataset:
            elements: list[object] = [dataset.get(key) for key in _KEYS]
            if len(last) != len(elements) or any(map(is_not, elements, last)):  # mostly the same objects in a series
                last, layout = elements, _layout_of(dataset)
            project.pixel_layouts.put(instance, layout)


async def _layout(project: Project, original: OriginalResource) -> PixelLayout:
    """The pixel layout of an instance, by the origin server's metadata."""
    assert original.instance is not None
    found = project.pixel_layouts.get(original.instance)
    if found is None:
        found = PixelLayout()
        limit = project.limits.header_bytes
        batches = data_sets(project.origin, original.study, original.series, original.instance, limit=limit)
        async with aclosing(batches):
            async for batch in batches:
                for dataset in batch.datasets:
                    found = _layout_of(dataset)
        project.pixel_layouts.put(original.instance, found)
    return found


def _layout_of(dataset: JSONDataSet) -> PixelLayout:
    return PixelLayout.of({_KEYS[key]: _first(dataset[key]) for key in _KEYS.keys() & dataset.keys()})


def _first(element: object) -> object:
    values = element.get("Value") if isinstance(element, dict) else None
    first = values[0] if isinstance(values, list) and values else None
    return int(first) if isinstance(first, float) and first.is_integer() else first
