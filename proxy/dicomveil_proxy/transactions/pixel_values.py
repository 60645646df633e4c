"""Frames and bulk data of Pixel Data, cleaned as in the instance: no comments, overlay bits or trailing bytes.

Compressed frames describe themselves. For native pixels, the length and the used bits come from the origin server's
metadata, which is requested once for each instance.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import aclosing

from dicomveil_engine import DeidentificationError, JSONDataSet
from dicomveil_engine.attributes.well_known import PIXEL_DATA, SOP_INSTANCE_UID
from dicomveil_engine.code_streams.frame import EncodedFrame, HeldFrame, NativeFrame, UndeclaredFrame, native_frame
from dicomveil_engine.code_streams.native import FLOATING_BITS, IMAGE_TAGS, PixelLayout
from dicomveil_engine.json_model.alike import share
from dicomveil_engine.pixels.codecs import NATIVE
from dicomveil_proxy.origin.web.metadata import data_sets
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.resource import OriginalResource
from dicomveil_proxy.wire.multipart import PartStart

_SOP_INSTANCE_UID = f"{SOP_INSTANCE_UID:08X}"
_ROWS = "00280010"
_ANY_LENGTH = 1 << 62
_HELD_BYTES = 64 << 20
"""The longest native frame of an origin server that does not give the lengths of parts."""
_KEYS = {f"{tag:08X}": tag for tag in IMAGE_TAGS}
_IMAGE = frozenset(_KEYS)


async def frame_of(
    project: Project, original: OriginalResource, syntax: str, length: int | None
) -> EncodedFrame | NativeFrame | HeldFrame:
    """The filter for one frame of an instance in this transfer syntax, and of this length in bytes, if it is known.

    Raises DeidentificationError for native frames whose bytes could be anything, because no attribute gives their
    length, or because they are shorter.
    """
    if syntax not in NATIVE:
        return EncodedFrame(syntax)
    layout = (await _layout(project, original))._replace(frames=1)
    if not layout.complete_length(_ANY_LENGTH):
        raise DeidentificationError("(7FE0,0010) PixelData has frames whose length no attribute gives")
    removes_overlays = project.policy.removes_overlays
    if length is None:
        return HeldFrame(layout, removes_overlays=removes_overlays, limit=_HELD_BYTES)
    return native_frame(layout, removes_overlays=removes_overlays, length=length)


def length_of(start: PartStart) -> int | None:
    """The length of a part by its headers, which the reader of the part enforces; None if it is not given."""
    text = start.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdecimal() else None


async def bulk_data_of(
    project: Project, original: OriginalResource, tag: int, syntax: str | None, length: int | None
) -> EncodedFrame | NativeFrame | UndeclaredFrame | None:
    """The filter for a part of an element's bulk data: a frame, or all pixels; None for other elements.

    If it is not certain that its bytes are pixels, they have to be checked besides: the value is shorter than its
    attributes describe, or may be, since its length is not known.
    """
    if tag != PIXEL_DATA and tag not in FLOATING_BITS:
        return None
    if syntax is not None and syntax not in NATIVE:
        return EncodedFrame(syntax)
    bits = FLOATING_BITS.get(tag, 0)
    native = NativeFrame(
        await _layout(project, original),
        removes_overlays=project.policy.removes_overlays,
        floating_bits=bits,
        length=length,
    )
    return native if syntax else UndeclaredFrame(native)


def note_layouts(project: Project, datasets: Iterable[JSONDataSet]) -> None:
    """Cache the pixel layouts in metadata that is being retrieved: viewers request frames next."""
    last: JSONDataSet = {}
    layout = PixelLayout()
    for dataset in datasets:
        instance = _first(dataset.get(_SOP_INSTANCE_UID))
        if isinstance(instance, str) and _ROWS in dataset:
            if not share(dataset, last, _IMAGE):
                last, layout = dataset, _layout_of(dataset)
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
