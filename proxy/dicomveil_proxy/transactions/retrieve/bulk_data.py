"""Retrieve bulk data (WADO-RS, PS3.18 Section 10.4.1.1.5): values that the policy releases unchanged."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

from dicomveil_engine.code_streams.frame import EncodedFrame, NativeFrame, UndeclaredFrame
from dicomveil_engine.configuration.pixels import Documents
from dicomveil_proxy.errors import UnknownResource
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.resource import BulkPath, OriginalResource, Resource
from dicomveil_proxy.transactions.covering.documents import ENCAPSULATED_DOCUMENT, released_document
from dicomveil_proxy.transactions.covering.metadata import is_beside_pixels, passes, verdict_on
from dicomveil_proxy.transactions.covering.released import released_file
from dicomveil_proxy.transactions.pixel_values import bulk_data_of
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
    passing: EncodedFrame | NativeFrame | UndeclaredFrame | None = None
    events = await _bulk_events(project, original)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, PartStart):
                passing = await bulk_data_of(project, original, tag, checked_type(event)[1])
            elif passing is not None:
                for piece in passing.feed(event.data) if isinstance(event, PartData) else passing.close():
                    yield piece
            elif isinstance(event, PartData):
                yield event.data


async def _bulk_events(project: Project, original: OriginalResource) -> AsyncGenerator[Event, None]:
    """The parts of the value: from the origin server, or from the covered instance."""
    assert original.bulk is not None
    if project.looking is not None and original.instance is not None:
        if original.bulk.tags == (ENCAPSULATED_DOCUMENT,) and project.policy.pixels.documents is Documents.CLEAN:
            # Never the original document, even if a rule keeps it: its text is not covered.
            asked = Resource(original.study, original.series, original.instance)
            return released_document(await released_file(project, project.looking, asked))
        verdict = await verdict_on(project, project.looking, original)
        if len(original.bulk.tags) == 1 and original.bulk.tag >> 16 == _PIXELS and not passes(verdict):
            require_pixels(project)
            asked = Resource(original.study, original.series, original.instance)
            file = await released_file(project, project.looking, asked)
            return released_parts(file, original.bulk.tag)
        if not passes(verdict) and is_beside_pixels(original.bulk.tags[0]):
            raise UnknownResource("there is no such bulk data, or the profile does not release it")
    return project.origin.bulkdata(await _released_uri(project, original, original.bulk))


async def _released_uri(project: Project, original: OriginalResource, bulk: BulkPath) -> str:
    wanted, found = bulk.path(), ""

    def note(path: str, uri: str) -> str | None:
        nonlocal found
        if path == wanted:
            found = uri
        return None

    async with aclosing(data_sets_of(project, original)) as originals:
        async for batch in originals:
            for dataset in batch.datasets:
                rewrite = partial(project.metadata.rewrite, dataset, bulk_data_uri=note)
                await beside(rewrite) if batch.are_long else rewrite()
    if not found:
        raise UnknownResource("there is no such bulk data, or the profile does not release it")
    return found
