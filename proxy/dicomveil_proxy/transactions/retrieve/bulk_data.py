"""Retrieve bulk data (WADO-RS, PS3.18 Section 10.4.1.1.5): values that the policy releases unchanged."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Protocol

from dicomveil_engine.code_streams.stream import Bytes
from dicomveil_engine.configuration.pixels import Documents
from dicomveil_engine.json_model.bulk_value import FoundValue
from dicomveil_proxy.errors import UnknownResource
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.resource import BulkPath, OriginalResource, Resource
from dicomveil_proxy.transactions.covering.documents import ENCAPSULATED_DOCUMENT, released_document
from dicomveil_proxy.transactions.covering.metadata import is_beside_pixels, passes, verdict_on
from dicomveil_proxy.transactions.covering.released import released_file
from dicomveil_proxy.transactions.pixel_values import bulk_data_of, length_of
from dicomveil_proxy.transactions.retrieve.frames import checked_type, released_parts, require_pixels
from dicomveil_proxy.transactions.retrieve.metadata import data_sets_of
from dicomveil_proxy.turns import beside
from dicomveil_proxy.wire.multipart import Event, PartData, PartStart
from dicomveil_proxy.wire.pieces import Piece

_PIXELS = 0x7FE0
"""The group of Pixel Data."""


async def bulk_data(project: Project, original: OriginalResource) -> AsyncGenerator[Piece, None]:
    """The value of one element, if the policy releases that element unchanged.

    Whether it does is found by de-identifying the instance's metadata, which also has the origin server's URI of the
    value. Orthanc's own route for bulk data returns any element, patients' names included.
    Raises UnknownResource, NotReleasable, OriginError and EngineError.
    """
    assert original.bulk is not None
    tag = original.bulk.tag if len(original.bulk.tags) == 1 else 0
    filters: list[Filter] = []
    is_checked = False
    events, found = await _bulk_events(project, original)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, PartStart):
                pixels = await bulk_data_of(project, original, tag, checked_type(event)[1], length_of(event))
                filters = [pixels] if pixels else []
                is_checked = found is not None and (found.is_checked or (pixels is not None and not pixels.is_certain))
                if found and is_checked:
                    filters.append(found.check())
            else:
                data = event.data if isinstance(event, PartData) else None
                # Checking 1 MB for words takes up to 0.4 s.
                pieces = await beside(_passed, filters, data) if is_checked else _passed(filters, data)
                for piece in pieces:
                    yield piece


class Filter(Protocol):
    """What removes bytes from a value, or checks them, while they pass."""

    def feed(self, data: Bytes, /) -> list[Bytes]:
        """The bytes that pass."""
        ...

    def close(self) -> list[Bytes]:
        """The rest of them."""
        ...


def _passed(filters: Sequence[Filter], data: Bytes | None) -> list[Bytes]:
    """The bytes that pass all filters; None is the end of the value."""
    pieces = [] if data is None else [data]
    for each in filters:
        fed = [piece for passed in pieces for piece in each.feed(passed)]
        pieces = [*fed, *each.close()] if data is None else fed
    return pieces


async def _bulk_events(
    project: Project, original: OriginalResource
) -> tuple[AsyncGenerator[Event, None], FoundValue | None]:
    """The parts of the value: from the origin server, with what is known of it, or from the covered instance."""
    assert original.bulk is not None
    if project.looking is not None and original.instance is not None:
        if original.bulk.tags == (ENCAPSULATED_DOCUMENT,) and project.policy.pixels.documents is Documents.CLEAN:
            # Never the original document, even if a rule keeps it: its text is not covered.
            asked = Resource(original.study, original.series, original.instance)
            return released_document(await released_file(project, project.looking, asked)), None
        verdict = await verdict_on(project, project.looking, original)
        if len(original.bulk.tags) == 1 and original.bulk.tag >> 16 == _PIXELS and not passes(verdict):
            require_pixels(project)
            asked = Resource(original.study, original.series, original.instance)
            file = await released_file(project, project.looking, asked)
            return released_parts(file, original.bulk.tag), None
        if not passes(verdict) and is_beside_pixels(original.bulk.tags[0]):
            raise UnknownResource("there is no such bulk data, or the profile does not release it")
    found = await _found(project, original, original.bulk)
    return project.origin.bulkdata(found.uri), found


async def _found(project: Project, original: OriginalResource, bulk: BulkPath) -> FoundValue:
    found: FoundValue | None = None
    async with aclosing(data_sets_of(project, original)) as originals:
        async for batch in originals:
            for dataset in batch.datasets:
                find = partial(project.metadata.find_value, dataset, bulk.path())
                found = (await beside(find) if batch.are_long else find()) or found
    if found is None:
        raise UnknownResource("there is no such bulk data, or the profile does not release it")
    return found
