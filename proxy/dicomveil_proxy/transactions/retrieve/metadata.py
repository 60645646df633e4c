"""Retrieve metadata (WADO-RS, PS3.18 Section 10.4.1.1.2): de-identified, in DICOM JSON or Native DICOM XML."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

from dicomveil_engine import BulkDataURIs, EngineError, InstanceIdentity, JSONDataSet, SeriesRewriter
from dicomveil_engine.json_model import large
from dicomveil_proxy.errors import OriginMalformed
from dicomveil_proxy.origin.web.metadata import Batch, data_sets
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.resource import OriginalResource
from dicomveil_proxy.spent import deidentifying
from dicomveil_proxy.transactions.covering.metadata import PIXELS, SeriesHeaders, claimed
from dicomveil_proxy.transactions.covering.released import check_identity
from dicomveil_proxy.transactions.pixel_values import note_layouts
from dicomveil_proxy.transactions.tally import Tally
from dicomveil_proxy.translation.translation import identity_of
from dicomveil_proxy.turns import EACH, LONG, Turns, beside
from dicomveil_proxy.wire.json_document import encoded
from dicomveil_proxy.wire.multipart import MultipartWriter
from dicomveil_proxy.wire.native_xml import native_xml

_ENCODED_TOGETHER = 256
"""Data sets that become one piece of the response."""

_log = logging.getLogger(__name__)


async def metadata(
    project: Project, original: OriginalResource, base_url: str, writer: MultipartWriter | None = None
) -> AsyncGenerator[bytes, None]:
    """The metadata of a resource's instances as one JSON array; with a writer, as one XML part for each instance.

    Raises UnknownResource, OriginError and EngineError.
    """
    lead, turns = b"[", Turns()
    async with aclosing(_batches(project, original, base_url)) as found:
        async for batch in found:
            if writer:
                async for dataset in turns.through(batch.datasets, batch.each):
                    xml = await beside(native_xml, dataset) if batch.are_long else native_xml(dataset)
                    yield writer.head() + xml
                continue
            for begin in range(0, len(batch.datasets), _ENCODED_TOGETHER):
                some = batch.datasets[begin : begin + _ENCODED_TOGETHER]
                if batch.are_long:
                    for dataset in some:
                        yield lead
                        async for piece in turns.through(large.written(dataset), LONG // 4):
                            yield piece
                        lead = b",\n"
                else:
                    yield lead + b",\n".join(map(encoded, some))
                    await turns.spend(batch.each * len(some) // 8)
                lead = b",\n"
    if writer:
        yield writer.close()
    else:
        yield b"[]" if lead == b"[" else b"]"


async def _batches(project: Project, original: OriginalResource, base_url: str) -> AsyncGenerator[Batch, None]:
    rewriter, watch = SeriesRewriter(project.metadata), project.guard.watch()
    turns, is_there, headers = Turns(), False, SeriesHeaders()
    with Tally(_log, "an instance's metadata was left out") as left_out:
        async with aclosing(data_sets_of(project, original)) as found:
            async for batch in found:
                if original.instance and (is_there or len(batch.datasets) > 1):
                    raise OriginMalformed(
                        "the origin server sent metadata of several instances where one was asked for"
                    )
                is_there = True
                written: list[JSONDataSet] = []
                async for dataset in turns.through(batch.datasets, EACH + batch.each):
                    found_identity = identity_of(dataset)
                    identity = _assumed(found_identity, original)
                    check_identity(original, identity)
                    try:
                        url = _instance_url(project, found_identity, base_url)
                        new = await _rewritten(rewriter, dataset, url, is_long=batch.are_long)
                        if project.looking is not None:
                            if identity != found_identity:
                                url = _instance_url(project, identity, base_url)
                            uri = f"{url}/bulk/{PIXELS.lower()}"
                            new = await claimed(project, project.looking, headers.of(dataset), new, identity, uri)
                    except EngineError as error:
                        project.note_refusal("retrieve", error)
                        if not project.omits_errors:
                            raise
                        left_out.note(str(error))
                        continue
                    if watch.is_on:
                        look = partial(watch.inspect_json, dataset, new)
                        await beside(look) if batch.are_long else look()
                        watch.settle()
                    written.append(new)
                await project.translation.learn(batch.datasets)
                note_layouts(project, batch.datasets)
                if written:
                    yield Batch(written, batch.size)


def _assumed(found: InstanceIdentity, original: OriginalResource) -> InstanceIdentity:
    """The identity, completed from the path: some origin servers omit from metadata what the path contains."""
    if found.study_instance_uid and found.series_instance_uid:
        return found
    return found._replace(
        study_instance_uid=found.study_instance_uid or original.study,
        series_instance_uid=found.series_instance_uid or original.series or "",
    )


def data_sets_of(project: Project, original: OriginalResource) -> AsyncGenerator[Batch, None]:
    """The original metadata of a resource's instances."""
    limit = project.limits.header_bytes
    return data_sets(project.origin, original.study, original.series, original.instance, limit=limit)


async def _rewritten(
    rewriter: SeriesRewriter, original: JSONDataSet, instance_url: str, *, is_long: bool
) -> JSONDataSet:
    rewrite = partial(rewriter.rewrite, original, bulk_data_uri=_bulk_data_below(instance_url))
    with deidentifying():
        return await beside(rewrite) if is_long else rewrite()


def _instance_url(project: Project, original: InstanceIdentity, base_url: str) -> str:
    outside = project.translation.outward(original)
    return (
        f"{base_url}/studies/{outside.study_instance_uid}/series/{outside.series_instance_uid}"
        f"/instances/{outside.sop_instance_uid}"
    )


def _bulk_data_below(instance_url: str) -> BulkDataURIs:
    """BulkDataURIs of this proxy, which name an element by its path in the data set."""
    return lambda path, _: f"{instance_url}/bulk/{path}"
