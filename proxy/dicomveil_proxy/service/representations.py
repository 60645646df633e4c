"""Responses to retrieve requests: the representation that a client accepts of each resource (PS3.18 Section 8.7).

What a representation contains is decided in `transactions/retrieve`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from dicomveil_proxy.project import Project
from dicomveil_proxy.request import accept
from dicomveil_proxy.request.accept import Choice, acceptable, choose
from dicomveil_proxy.request.resource import OriginalResource, OutsideResource, Representation
from dicomveil_proxy.service.entity_tag import MAXIMUM_INSTANCE_BYTES, MAXIMUM_METADATA_BYTES
from dicomveil_proxy.service.streams import Streams
from dicomveil_proxy.transactions.retrieve.bulk_data import bulk_data
from dicomveil_proxy.transactions.retrieve.frames import FrameStart
from dicomveil_proxy.transactions.retrieve.frames import frames as retrieve_frames
from dicomveil_proxy.transactions.retrieve.instances import instances
from dicomveil_proxy.transactions.retrieve.metadata import metadata
from dicomveil_proxy.transactions.retrieve.pictures import rendered, rendered_frames
from dicomveil_proxy.transactions.wado_uri import OFFERS, WadoQuery, rendering
from dicomveil_proxy.wire.media_type import DICOM, DICOM_JSON, DICOM_XML, OCTET_STREAM, ZIP
from dicomveil_proxy.wire.multipart import MultipartWriter, random_boundary
from dicomveil_proxy.wire.pieces import Piece, primed
from dicomveil_proxy.wire.zip_writer import ZipWriter

_THUMBNAIL_VIEWPORT = "256,256"


class RetrieveRequest(NamedTuple):
    """A request for a resource."""

    request: Request
    resource: OutsideResource
    """The resource in pseudonymised space."""
    accept: str | None
    """The Accept header."""
    parameters: list[tuple[str, str]]
    base_url: str

    @property
    def accept_parameter(self) -> str | None:
        """The query parameter `accept`, which overrides the header (PS3.18 Section 8.3.3.1)."""
        return dict(self.parameters).get("accept")


class Representations:
    """The resources of one project, in the media types that clients accept."""

    def __init__(self, project: Project, streams: Streams) -> None:
        self._project = project
        self._streams = streams

    async def metadata(self, wanted: RetrieveRequest) -> Response:
        """Metadata in DICOM JSON, or in XML with one part for each instance."""
        choice = choose(wanted.accept, accept.METADATA, wanted.accept_parameter)
        original = await self._project.translation.resource(wanted.resource)
        boundary = random_boundary() if choice.offer.is_multipart else None
        writer = MultipartWriter(boundary, DICOM_XML) if boundary else None
        body = metadata(self._project, original, wanted.base_url, writer)
        media_type = writer.content_type if writer else DICOM_JSON
        return await self._streams.tagged(
            wanted.request, body, media_type, limit=MAXIMUM_METADATA_BYTES, boundary=boundary
        )

    async def instances(self, wanted: RetrieveRequest) -> Response:
        """Instances as multipart, as a ZIP archive, or a single one by itself."""
        request, outside = wanted.request, wanted.resource
        offers = accept.INSTANCE if outside.instance else accept.INSTANCES
        choices = acceptable(wanted.accept, offers, wanted.accept_parameter)
        offer = choices[0].offer
        original = await self._project.translation.resource(outside)
        boundary = random_boundary() if offer.is_multipart else None
        alike = [choice for choice in choices if choice.offer == offer]
        if offer.media_type == ZIP:
            return await self._streams.stream(instances(self._project, original, ZipWriter(), alike), ZIP)
        writer = MultipartWriter(boundary, DICOM) if boundary else None
        body = instances(self._project, original, writer, alike)
        media_type = writer.content_type if writer else DICOM
        if not outside.instance:
            return await self._streams.stream(body, media_type)
        return await self._streams.tagged(request, body, media_type, limit=MAXIMUM_INSTANCE_BYTES, boundary=boundary)

    async def frames(self, wanted: RetrieveRequest) -> Response:
        """Frames as multipart, or a single one by itself."""
        choices = acceptable(wanted.accept, accept.FRAMES, wanted.accept_parameter)
        original = await self._project.translation.resource(wanted.resource)
        self._streams.enter()
        try:
            frames = await primed(retrieve_frames(self._project, original, choices))
            first = await anext(frames)
            assert isinstance(first, FrameStart)
        except BaseException:
            self._streams.leave()
            raise
        media_type, _, parameter = first.content_type.partition(";")
        writer = MultipartWriter(random_boundary(), media_type) if first.is_multipart else None
        whole = f"{writer.content_type};{parameter}".rstrip(";") if writer else first.content_type
        return self._streams.begun(_frame_pieces(frames, first, writer, self._frame_urls(wanted)), whole)

    def _frame_urls(self, wanted: RetrieveRequest) -> list[str]:
        """The URL of each single frame or picture, for Content-Location.

        Empty if a frame is requested twice: some origin servers then send it once, so that URLs would not match.
        """
        outside = wanted.resource
        if len(set(outside.frames)) < len(outside.frames):
            return []
        base = wanted.base_url
        if len(outside.frames) == 1:
            return [base + outside.path()]
        return [f"{base}{replace(outside, frames=(number,)).path()}" for number in outside.frames]

    async def bulk_data(self, wanted: RetrieveRequest) -> Response:
        """The value of one element, by itself or as the only part of a multipart body."""
        choice = choose(wanted.accept, accept.BULKDATA, wanted.accept_parameter)
        original = await self._project.translation.resource(wanted.resource)
        body = bulk_data(self._project, original)
        if not choice.offer.is_multipart:
            return await self._streams.stream(body, OCTET_STREAM)
        writer = MultipartWriter(random_boundary(), OCTET_STREAM)
        location = wanted.base_url + wanted.resource.path()
        return await self._streams.stream(_one_part(body, writer, location), writer.content_type)

    async def rendered(self, wanted: RetrieveRequest) -> Response:
        """A picture, a thumbnail, or pictures of several frames as multipart."""
        is_thumbnail = wanted.resource.representation is Representation.THUMBNAIL
        are_several = len(wanted.resource.frames) > 1 and not is_thumbnail
        offers = accept.RENDERED_FRAMES if are_several else accept.RENDERED
        choice = choose(wanted.accept, offers, wanted.accept_parameter)
        original = await self._project.translation.resource(wanted.resource)
        looks = {name: value for name, value in wanted.parameters if name != "accept"}
        if is_thumbnail:
            looks.setdefault("viewport", _THUMBNAIL_VIEWPORT)
        if are_several:
            kind = choice.offer.media_type
            writer = MultipartWriter(random_boundary(), kind)
            urls = self._frame_urls(wanted)
            pictures = rendered_frames(self._project, original, kind, looks, writer, urls)
            return await self._streams.stream(pictures, writer.content_type)
        return await self._picture(original, choice, looks)

    async def wado(self, request: Request, accept_header: str | None, wanted: WadoQuery) -> Response:
        """An instance or a picture for a request of the URI Service (PS3.18 Section 9)."""
        choice = choose(accept_header, OFFERS, wanted.content_type)
        original = await self._project.translation.resource(wanted.picture)
        if choice.offer.media_type != DICOM:
            return await self._picture(original, choice, await rendering(self._project, original, wanted))
        wanted.check_instance()
        if wanted.transfer_syntaxes:
            choice = Choice(choice.offer, wanted.transfer_syntaxes)
        body = instances(self._project, original, None, (choice,))
        return await self._streams.tagged(request, body, DICOM, limit=MAXIMUM_INSTANCE_BYTES)

    async def _picture(self, original: OriginalResource, choice: Choice, looks: dict[str, str]) -> Response:
        with self._streams.counted():
            kind, picture = await rendered(self._project, original, choice.offer.media_type, looks)
        return Response(picture, media_type=kind)


async def _frame_pieces(
    frames: AsyncGenerator[FrameStart | Piece, None],
    first: FrameStart,
    writer: MultipartWriter | None,
    urls: list[str],
) -> AsyncGenerator[Piece, None]:
    locations = iter(urls)

    def head(start: FrameStart) -> dict[str, str]:
        location = next(locations, "")
        return {"Content-Type": start.content_type} | ({"Content-Location": location} if location else {})

    try:
        if writer:
            yield writer.head(head(first))
        async for piece in frames:
            if not isinstance(piece, FrameStart):
                yield piece
            elif writer:
                yield writer.head(head(piece))
        if writer:
            yield writer.close()
    finally:
        await frames.aclose()


async def _one_part(
    body: AsyncGenerator[Piece, None], writer: MultipartWriter, location: str
) -> AsyncGenerator[Piece, None]:
    try:
        head: Piece = writer.head({"Content-Location": location})
        async for piece in body:
            if head:
                yield head
                head = b""
            yield piece
        if head:
            yield head
        yield writer.close()
    finally:
        await body.aclose()
