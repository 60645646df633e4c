"""The routes: which request is which transaction, and what its answer looks like in HTTP (PS3.18 Section 8).

What is not here is refused. Nothing of a request is passed on as it came: paths are parsed and built anew,
queries translated, and no header of the user agent reaches the origin server, nor one of its the user agent.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dicomveil_engine.pseudonyms.sides import PseudonymousUID
from dicomveil_proxy.errors import BadRequest, OriginRefused, UnknownResource, UnsupportedMediaType
from dicomveil_proxy.project import Project
from dicomveil_proxy.request import accept
from dicomveil_proxy.request.accept import Choice, acceptable, choose
from dicomveil_proxy.request.query import Level, Query
from dicomveil_proxy.request.resource import OriginalResource, OutsideResource, Representation, Resource, parse_uid
from dicomveil_proxy.service.capabilities import WADL, capabilities
from dicomveil_proxy.service.entity_tag import MAXIMUM_INSTANCE_BYTES, MAXIMUM_METADATA_BYTES
from dicomveil_proxy.service.public_url import PublicURL
from dicomveil_proxy.service.responses import json_list_response, json_response, xml_response
from dicomveil_proxy.service.streams import Streams
from dicomveil_proxy.service.upload import Upload
from dicomveil_proxy.settings.rights import Right
from dicomveil_proxy.transactions import retrieve
from dicomveil_proxy.transactions.frames import FrameStart
from dicomveil_proxy.transactions.frames import frames as retrieve_frames
from dicomveil_proxy.transactions.search import Scope, search
from dicomveil_proxy.transactions.store import StoreRequest, refuse
from dicomveil_proxy.transactions.wado_uri import OFFERS, WadoQuery, rendering
from dicomveil_proxy.trust.doors import GuardedRoute
from dicomveil_proxy.trust.recording import note_count
from dicomveil_proxy.wire.media_type import (
    DICOM,
    DICOM_JSON,
    DICOM_XML,
    MULTIPART_RELATED,
    OCTET_STREAM,
    ZIP,
    parse_media_type,
)
from dicomveil_proxy.wire.multipart import (
    MultipartLimits,
    MultipartReader,
    MultipartWriter,
    boundary_of,
    random_boundary,
)
from dicomveil_proxy.wire.native_xml import native_xml
from dicomveil_proxy.wire.pieces import Piece, primed
from dicomveil_proxy.wire.zip_writer import ZipWriter

MAXIMUM_PARAMETERS = 512
_STUDY_INSTANCE_UID = 0x0020000D
_INSTANCE = "/studies/{study}/series/{series}/instances/{instance}"
_STORED_TYPES = (DICOM, DICOM_JSON, DICOM_XML)
_THUMBNAIL_VIEWPORT = "256,256"


_Endpoint = Callable[[Request], Awaitable[Response]]


class _Retrieval(NamedTuple):
    """A request for a resource."""

    request: Request
    outside: OutsideResource
    """As the user agent names it."""
    accept: str | None
    """The header."""
    parameters: list[tuple[str, str]]

    @property
    def override(self) -> str | None:
        """The parameter that stands above the header (PS3.18 Section 8.3.3.1)."""
        return dict(self.parameters).get("accept")


class DICOMweb:
    """The DICOMweb service of one project."""

    def __init__(self, project: Project, public_url: PublicURL, prefix: str) -> None:
        self._project = project
        self._public_url = public_url
        self._prefix = prefix
        self._streams = Streams(project.limits, project.entity_tag_key)

    def routes(self) -> list[Route]:
        """All that the service answers, in the order of the standard, each with the right that it asks for."""
        store = partial(self._route, right=Right.STORE, methods=["POST"])
        search = partial(self._route, right=Right.SEARCH, methods=["GET"])
        retrieve = partial(self._route, right=Right.RETRIEVE, methods=["GET"])
        return [
            # Store: PS3.18 Section 10.5
            store("/studies", self.store),
            store("/studies/{study}", self.store),
            # Search: Section 10.6
            search("/studies", self._searching(Level.STUDIES)),
            search("/series", self._searching(Level.SERIES)),
            search("/instances", self._searching(Level.INSTANCES)),
            search("/studies/{study}/series", self._searching(Level.SERIES)),
            search("/studies/{study}/instances", self._searching(Level.INSTANCES)),
            search("/studies/{study}/series/{series}/instances", self._searching(Level.INSTANCES)),
            # Retrieve: Section 10.4
            retrieve("/studies/{study}", self._retrieving(self._instances)),
            retrieve("/studies/{study}/series/{series}", self._retrieving(self._instances)),
            retrieve(_INSTANCE, self._retrieving(self._instances)),
            retrieve("/studies/{study}/metadata", self._retrieving(self._metadata)),
            retrieve("/studies/{study}/series/{series}/metadata", self._retrieving(self._metadata)),
            retrieve(_INSTANCE + "/metadata", self._retrieving(self._metadata)),
            retrieve(_INSTANCE + "/frames/{frames}", self._retrieving(self._frames)),
            retrieve(_INSTANCE + "/bulk/{bulk:path}", self._retrieving(self._bulkdata)),
            retrieve("/studies/{study}/rendered", self._retrieving(self._rendered)),
            retrieve("/studies/{study}/series/{series}/rendered", self._retrieving(self._rendered)),
            retrieve(_INSTANCE + "/rendered", self._retrieving(self._rendered)),
            retrieve(_INSTANCE + "/frames/{frames}/rendered", self._retrieving(self._rendered)),
            retrieve("/studies/{study}/thumbnail", self._retrieving(self._rendered)),
            retrieve("/studies/{study}/series/{series}/thumbnail", self._retrieving(self._rendered)),
            retrieve(_INSTANCE + "/thumbnail", self._retrieving(self._rendered)),
            retrieve(_INSTANCE + "/frames/{frames}/thumbnail", self._retrieving(self._rendered)),
            # URI Service: Section 9
            retrieve("/wado", self.wado),
            # Capabilities: Section 8.9
            self._route("", self.capabilities, right=Right.RETRIEVE, methods=["OPTIONS"]),
        ]

    def _route(self, path: str, endpoint: _Endpoint, *, right: Right, methods: list[str]) -> Route:
        return GuardedRoute(self._prefix + path, endpoint, methods=methods, right=right, project=self._project.name)

    def _searching(self, level: Level) -> _Endpoint:
        """The endpoint of a search at this level, within the study and series that the path names."""

        async def search_at_level(request: Request) -> Response:
            scope = Scope(*(request.path_params.get(name) for name in ("study", "series")))
            async with self._streams.in_time():
                parameters = _parameters(request)
                uids = (scope.study, scope.series) if scope.study else ()
                return await self._afresh(uids, partial(self._search, request, level, scope, parameters))

        return search_at_level

    def _retrieving(self, answer: Callable[[_Retrieval], Awaitable[Response]]) -> _Endpoint:
        """The endpoint of a retrieve: `answer` gives what it is of the resource that the path names."""

        async def retrieve_resource(request: Request) -> Response:
            async with self._streams.in_time():
                parameters = _parameters(request)
                outside = Resource.parse(self._path(request))
                wanted = _Retrieval(request, outside, _accept(request), parameters)
                uids = (outside.study, outside.series, outside.instance)
                return await self._afresh(uids, partial(answer, wanted))

        return retrieve_resource

    def _path(self, request: Request) -> str:
        path: str = request.scope["path"]
        return path.removeprefix(f"{self._prefix}/")

    async def _afresh(
        self, uids: Sequence[PseudonymousUID | None], answer: Callable[[], Awaitable[Response]]
    ) -> Response:
        """The answer; where the origin server has not what the identity map says of these pseudonyms, once more."""
        try:
            return await answer()
        except (UnknownResource, OriginRefused) as error:
            if isinstance(error, OriginRefused) and error.status not in {404, 410}:
                raise
            if not uids or not await self._project.translation.forget_outdated(*uids):
                raise
        return await answer()

    # Search

    async def _search(
        self, request: Request, level: Level, scope: Scope, parameters: list[tuple[str, str]]
    ) -> Response:
        for uid in (scope.study, scope.series):
            if uid is not None:
                parse_uid(uid)
        choice = choose(_accept(request), accept.SEARCH, dict(parameters).get("accept"))
        query = Query.parse(level, parameters)
        with self._streams.counted():
            answer = await search(self._project, scope, query, self._base_url(request))
            # What is asked for by its UID, and is not there: the map may be wrong.
            named = [PseudonymousUID(key.value) for key in query.keys if key.path == (_STUDY_INSTANCE_UID,)]
            uids = (scope.study, scope.series) if scope.study else tuple(named[:1])
            if not answer.results and uids and await self._project.translation.forget_outdated(*uids):
                answer = await search(self._project, scope, query, self._base_url(request))
        note_count(request.scope, len(answer.results))
        warnings = ", ".join(f'299 dicomveil "{each}"' for each in answer.warnings)
        headers = {"Warning": warnings} if warnings else {}
        if choice.offer.media_type == DICOM_XML:
            # Without a match there is no part, and a multipart cannot be without one (RFC 2046 Section 5.1.1).
            return await xml_response(answer.results, headers) if answer.results else Response(None, 204, headers)
        return await json_list_response(answer.results, headers)

    # Retrieve

    async def _metadata(self, wanted: _Retrieval) -> Response:
        choice = choose(wanted.accept, accept.METADATA, wanted.override)
        original = await self._project.translation.resource(wanted.outside)
        boundary = random_boundary() if choice.offer.is_multipart else None
        writer = MultipartWriter(boundary, DICOM_XML) if boundary else None
        body = retrieve.metadata(self._project, original, self._base_url(wanted.request), writer)
        media_type = writer.content_type if writer else DICOM_JSON
        return await self._streams.tagged(
            wanted.request, body, media_type, limit=MAXIMUM_METADATA_BYTES, boundary=boundary
        )

    async def _instances(self, wanted: _Retrieval) -> Response:
        request, outside = wanted.request, wanted.outside
        offers = accept.INSTANCE if outside.instance else accept.INSTANCES
        choices = acceptable(wanted.accept, offers, wanted.override)
        offer = choices[0].offer
        original = await self._project.translation.resource(outside)
        boundary = random_boundary() if offer.is_multipart else None
        alike = [choice for choice in choices if choice.offer == offer]
        if offer.media_type == ZIP:
            return await self._streams.stream(retrieve.instances(self._project, original, ZipWriter(), alike), ZIP)
        writer = MultipartWriter(boundary, DICOM) if boundary else None
        body = retrieve.instances(self._project, original, writer, alike)
        media_type = writer.content_type if writer else DICOM
        if not outside.instance:
            return await self._streams.stream(body, media_type)
        return await self._streams.tagged(request, body, media_type, limit=MAXIMUM_INSTANCE_BYTES, boundary=boundary)

    async def _frames(self, wanted: _Retrieval) -> Response:
        choices = acceptable(wanted.accept, accept.FRAMES, wanted.override)
        original = await self._project.translation.resource(wanted.outside)
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

    def _frame_urls(self, wanted: _Retrieval) -> list[str]:
        """Where each frame, or its picture, can be had alone.

        None where one is asked for twice, which servers answer in two ways.
        """
        outside = wanted.outside
        if len(set(outside.frames)) < len(outside.frames):
            return []
        base = self._base_url(wanted.request)
        return [f"{base}{replace(outside, frames=(number,)).path()}" for number in outside.frames]

    async def _bulkdata(self, wanted: _Retrieval) -> Response:
        choice = choose(wanted.accept, accept.BULKDATA, wanted.override)
        original = await self._project.translation.resource(wanted.outside)
        body = retrieve.bulkdata(self._project, original)
        if not choice.offer.is_multipart:
            return await self._streams.stream(body, OCTET_STREAM)
        writer = MultipartWriter(random_boundary(), OCTET_STREAM)
        location = self._base_url(wanted.request) + wanted.outside.path()
        return await self._streams.stream(_one_part(body, writer, location), writer.content_type)

    async def _rendered(self, wanted: _Retrieval) -> Response:
        is_thumbnail = wanted.outside.representation is Representation.THUMBNAIL
        are_several = len(wanted.outside.frames) > 1 and not is_thumbnail
        offers = accept.RENDERED_FRAMES if are_several else accept.RENDERED
        choice = choose(wanted.accept, offers, wanted.override)
        original = await self._project.translation.resource(wanted.outside)
        looks = {name: value for name, value in wanted.parameters if name != "accept"}
        if is_thumbnail:
            looks.setdefault("viewport", _THUMBNAIL_VIEWPORT)
        if are_several:
            kind = choice.offer.media_type
            writer = MultipartWriter(random_boundary(), kind)
            urls = self._frame_urls(wanted)
            pictures = retrieve.rendered_frames(self._project, original, kind, looks, writer, urls)
            return await self._streams.stream(pictures, writer.content_type)
        return await self._picture(original, choice, looks)

    async def _picture(self, original: OriginalResource, choice: Choice, looks: dict[str, str]) -> Response:
        with self._streams.counted():
            kind, picture = await retrieve.rendered(self._project, original, choice.offer.media_type, looks)
        return Response(picture, media_type=kind)

    async def wado(self, request: Request) -> Response:
        """Retrieve an instance, or a picture of it, by the parameters of a query."""
        async with self._streams.in_time():
            wanted = WadoQuery.parse(_parameters(request))
            uids = (wanted.instance.study, wanted.instance.series, wanted.instance.instance)
            return await self._afresh(uids, partial(self._wado, request, wanted))

    async def _wado(self, request: Request, wanted: WadoQuery) -> Response:
        choice = choose(_accept(request), OFFERS, wanted.content_type)
        original = await self._project.translation.resource(wanted.picture)
        if choice.offer.media_type != DICOM:
            return await self._picture(original, choice, await rendering(self._project, original, wanted))
        wanted.check_instance()
        if wanted.transfer_syntaxes:
            choice = Choice(choice.offer, wanted.transfer_syntaxes)
        body = retrieve.instances(self._project, original, None, (choice,))
        return await self._streams.tagged(request, body, DICOM, limit=MAXIMUM_INSTANCE_BYTES)

    # Capabilities

    async def capabilities(self, request: Request) -> Response:
        """Describe what the service answers."""
        choose(_accept(request), accept.CAPABILITIES)
        described = capabilities(self._base_url(request), self._prefix, self.routes())
        return Response(described, media_type=WADL)

    # Store

    async def store(self, request: Request) -> Response:
        """Store the instances of a multipart body."""
        if not self._project.accepts_instances:
            refuse()
        choice = choose(_accept(request), accept.STORE)
        study = request.path_params.get("study")
        if study is not None:
            parse_uid(study)
            if self._project.policy.replaces_uids and not self._project.policy.is_pseudonym_uid(study):
                raise UnknownResource("there is no such resource")
        limits = self._project.limits
        reader = _reader(request, MultipartLimits(parts=limits.parts, empty_parts=limits.empty_parts))
        upload = Upload(request, limits.request_bytes)
        storing = StoreRequest(self._project, self._base_url(request), study, upload.is_gone)
        with self._streams.counted(), closing(upload):
            async with self._streams.in_time():
                response = await storing.run(upload.events(reader))
        note_count(request.scope, response.stored)
        if response.status == 204:
            return Response(status_code=204)
        if choice.offer.media_type == DICOM_XML:
            return Response(native_xml(response.dataset), response.status, media_type=DICOM_XML)
        return json_response(response.dataset, status=response.status, media_type=DICOM_JSON)

    def _base_url(self, request: Request) -> str:
        return self._public_url.of(request) + self._prefix


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


def _parameters(request: Request) -> list[tuple[str, str]]:
    """The query's parameters, decoded. No message repeats them: people ask for patients by name."""
    text = request.scope["query_string"].decode("latin-1")
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MAXIMUM_PARAMETERS, errors="strict")
    except UnicodeDecodeError:
        raise BadRequest("the query is not UTF-8") from None
    except ValueError:
        raise BadRequest(f"the query has over {MAXIMUM_PARAMETERS} parameters") from None


def _accept(request: Request) -> str | None:
    return ",".join(request.headers.getlist("accept")) or None


def _reader(request: Request, limits: MultipartLimits) -> MultipartReader:
    content_type = request.headers.get("content-type", "")
    media_type = parse_media_type(content_type)
    if media_type is None or media_type.name != MULTIPART_RELATED or media_type.part_type not in {*_STORED_TYPES, None}:
        kinds = ", ".join(f'type="{kind}"' for kind in _STORED_TYPES)
        raise UnsupportedMediaType(f"send instances as {MULTIPART_RELATED}; {kinds}")
    return MultipartReader(boundary_of(content_type, BadRequest), limits, BadRequest)
