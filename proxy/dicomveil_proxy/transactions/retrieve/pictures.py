"""Retrieve rendered instances, frames and thumbnails (WADO-RS, PS3.18 Sections 10.4.1.1.3 and 10.4.1.1.4)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy.errors import NotAcceptable, NotReleasable, UnknownResource
from dicomveil_proxy.pixels.looks import rendering_query
from dicomveil_proxy.project import Project
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.request.resource import OriginalResource, Resource
from dicomveil_proxy.transactions.covering.metadata import passes, verdict_on
from dicomveil_proxy.transactions.covering.released import released_file
from dicomveil_proxy.transactions.retrieve.frames import require_pixels
from dicomveil_proxy.translation.translation import identity_of
from dicomveil_proxy.wire.multipart import MultipartWriter


async def rendered(
    project: Project, original: OriginalResource, media_type: str, parameters: Mapping[str, str]
) -> tuple[str, bytes]:
    """Media type and bytes of a picture of a frame, an instance, a series' middle instance, or a study's first series.

    Raises NotAcceptable, NotReleasable, UnknownResource, OriginError and EngineError.
    """
    require_pixels(project)
    series, instance = original.series, original.instance
    if series is None or instance is None:
        series, instance = await _shown_instance(project, original)
    if len(original.frames) > 1:
        raise NotAcceptable("a picture shows one frame: accept multipart/related, or request each frame by itself")
    frame = original.frames[0] if original.frames else None
    if (looking := project.looking) is not None:
        asked = Resource(original.study, series, instance)
        if not passes(await verdict_on(project, looking, asked)):
            rendering_query(parameters)
            file = await released_file(project, looking, asked)
            with file as path:
                picture = await looking.in_process(
                    looking.processes.render, path, frame or 1, media_type, dict(parameters)
                )
            return media_type, picture
    kind, picture = await project.origin.rendered(
        original.study, series, instance, frame, media_type=media_type, params=parameters
    )
    if not kind.startswith("image/"):
        # The rendered form of an encapsulated document is the document itself.
        raise NotReleasable("only pictures of Pixel Data are released as rendered")
    # Encoded again, since an image file may contain more than pixels: author, subject, a thumbnail.
    return kind, await project.transcoder.picture(picture, kind)


async def rendered_frames(
    project: Project,
    original: OriginalResource,
    media_type: str,
    parameters: Mapping[str, str],
    writer: MultipartWriter,
    urls: Sequence[str],
) -> AsyncGenerator[bytes, None]:
    """Pictures of the listed frames, one in each part; `urls` are their Content-Locations, or empty."""
    locations = iter(urls)
    for number in original.frames:
        kind, picture = await rendered(project, replace(original, frames=(number,)), media_type, parameters)
        location = next(locations, "")
        yield writer.head({"Content-Type": kind} | ({"Content-Location": location} if location else {})) + picture
    yield writer.close()


async def _shown_instance(project: Project, original: OriginalResource) -> tuple[OriginalUID, OriginalUID]:
    """The series and instance whose picture represents a study or series."""
    series, first = await _instance_at(project, original.study, original.series, 0)
    count = await _count_of(project, original.study, series)
    if count > 2:
        try:
            return await _instance_at(project, original.study, series, count // 2)
        except UnknownResource:
            pass  # fewer than the origin server reported
    return series, first


async def _instance_at(
    project: Project, study: OriginalUID, series: OriginalUID | None, place: int
) -> tuple[OriginalUID, OriginalUID]:
    params = [("includefield", "SeriesInstanceUID"), ("includefield", "SOPInstanceUID")]
    page = await project.origin.search(Level.INSTANCES, study, series, params, limit=1, offset=place)
    identity = identity_of(page[0]) if page else None
    series = series or OriginalUID(identity.series_instance_uid if identity else "")
    if identity is None or not series or not identity.sop_instance_uid:
        raise UnknownResource("there is no such resource")
    return series, OriginalUID(identity.sop_instance_uid)


async def _count_of(project: Project, study: OriginalUID, series: OriginalUID) -> int:
    """Number of Series Related Instances (0020,1209), by the origin server; 0 where it is missing."""
    params = [("SeriesInstanceUID", series), ("includefield", "NumberOfSeriesRelatedInstances")]
    for found in await project.origin.search(Level.SERIES, study, None, params, limit=0, offset=0):
        values = found.get("00201209", {}).get("Value")
        if identity_of(found).series_instance_uid == series and isinstance(values, list) and len(values) == 1:
            with suppress(ValueError, TypeError):
                return int(values[0])
    return 0
