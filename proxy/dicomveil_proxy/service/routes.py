"""The routes: which request is which transaction, and what its answer looks like in HTTP (PS3.18 Section 8).

What is not here is refused. Nothing of a request is passed on as it came: paths are parsed and built anew,
queries translated, and no header of the user agent reaches the origin server, nor one of its the user agent.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from functools import partial
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope as RequestScope

from dicomveil_proxy.errors import BadRequest, OriginRefused, UnknownResource, UnsupportedMediaType
from dicomveil_proxy.project import Project
from dicomveil_proxy.request import accept
from dicomveil_proxy.request.accept import Choice, acceptable, choose
from dicomveil_proxy.request.query import Level, Query
from dicomveil_proxy.request.resource import Representation, Resource, parse_uid
from dicomveil_proxy.service.entity_tag import MAXIMUM_INSTANCE_BYTES, MAXIMUM_METADATA_BYTES
from dicomveil_proxy.service.public_url import PublicURL
from dicomveil_proxy.service.responses import json_response, xml_response
from dicomveil_proxy.service.streams import Streams
from dicomveil_proxy.transactions import retrieve
from dicomveil_proxy.transactions.frames import FrameStart
from dicomveil_proxy.transactions.frames import frames as retrieve_frames
from dicomveil_proxy.transactions.search import Scope, search
from dicomveil_proxy.transactions.store import Storing, bounded, refuse
from dicomveil_proxy.transactions.wado_uri import OFFERS, WadoQuery, rendering
from dicomveil_proxy.trust.doors import GuardedRoute
from dicomveil_proxy.trust.rights import Right
from dicomveil_proxy.wire.media_type import (
    DICOM,
    DICOM_JSON,
    DICOM_XML,
    MULTIPART_RELATED,
    OCTET_STREAM,
    parse_media_type,
)
from dicomveil_proxy.wire.multipart import (
    MultipartLimits,
    MultipartReader,
    MultipartWriter,
    boundary_of,
    random_boundary,
)
from dicomveil_proxy.wire.pieces import Piece, primed

MAXIMUM_PARAMETERS = 512
_SEARCH = re.compile(r"(?:studies/([^/]+)/(?:series/([^/]+)/)?)?(studies|series|instances)")
_STUDY_INSTANCE_UID = 0x0020000D
_UIDS = re.compile(r"studies/([^/]+)(?:/series/([^/]+)(?:/instances/([^/]+))?)?(?=/|$)")
_THUMBNAIL_VIEWPORT = "256,256"


class DICOMweb:
    """The DICOMweb service of one project."""

    def __init__(self, project: Project, public_url: PublicURL, prefix: str) -> None:
        self._project = project
        self._public_url = public_url
        self._prefix = prefix
        self._streams = Streams(project.limits, project.entity_tag_key)

    def routes(self) -> list[Route]:
        """Of Starlette, below the prefix, each with the right that it asks for."""
        guarded = partial(GuardedRoute, project=self._project.name)
        return [
            guarded(f"{self._prefix}/studies", self.store, methods=["POST"], right=Right.STORE),
            guarded(f"{self._prefix}/studies/{{study}}", self.store, methods=["POST"], right=Right.STORE),
            guarded(f"{self._prefix}/wado", self.wado, methods=["GET"], right=Right.RETRIEVE),
            guarded(f"{self._prefix}/{{path:path}}", self.get, methods=["GET"], right=self._right),
        ]

    def _right(self, scope: RequestScope) -> Right:
        searched = _SEARCH.fullmatch(scope["path"].removeprefix(f"{self._prefix}/"))
        return Right.SEARCH if searched else Right.RETRIEVE

    async def get(self, request: Request) -> Response:
        """Search or retrieve."""
        async with self._streams.in_time():
            uids = _UIDS.match(request.path_params["path"])
            return await self._afresh(uids.groups() if uids else (), partial(self._get, request))

    async def _afresh(self, uids: Sequence[str | None], answer: Callable[[], Awaitable[Response]]) -> Response:
        """The answer; where the origin server has not what the identity map says of these pseudonyms, once more."""
        try:
            return await answer()
        except (UnknownResource, OriginRefused) as error:
            if isinstance(error, OriginRefused) and error.status not in {404, 410}:
                raise
            if not uids or not await self._project.translation.mend(*uids):
                raise
        return await answer()

    async def _get(self, request: Request) -> Response:
        path = request.path_params["path"]
        if path.startswith("/"):
            raise UnknownResource("there is no such kind of resource")
        parameters = _parameters(request)
        if searched := _SEARCH.fullmatch(path):
            study, series, level = searched.groups()
            if (study is None or level != "studies") and not (series and level == "series"):
                return await self._search(request, Level(level), Scope(study, series), parameters)
        outside = Resource.parse(path)
        header, override = _accept(request), dict(parameters).get("accept")
        representation = outside.representation
        if representation is Representation.METADATA:
            return await self._metadata(request, outside, choose(header, accept.METADATA, override))
        if representation is Representation.DATASET:
            return await self._instances(request, outside, header, override)
        if representation is Representation.FRAMES:
            return await self._frames(outside, acceptable(header, accept.FRAMES, override))
        if representation is Representation.BULKDATA:
            return await self._bulkdata(outside, choose(header, accept.BULKDATA, override))
        return await self._rendered(outside, choose(header, accept.RENDERED, override), parameters)

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
            named = [key.value for key in query.keys if key.path == (_STUDY_INSTANCE_UID,)]
            uids = (scope.study, scope.series) if scope.study else tuple(named[:1])
            if not answer.results and uids and await self._project.translation.mend(*uids):
                answer = await search(self._project, scope, query, self._base_url(request))
        warnings = ", ".join(f'299 dicomveil "{each}"' for each in answer.warnings)
        headers = {"Warning": warnings} if warnings else {}
        if choice.offer.is_multipart:
            # Without a match there is no part, and a multipart cannot be without one (RFC 2046 Section 5.1.1).
            return xml_response(answer.results, headers) if answer.results else Response(None, 204, headers)
        return json_response(answer.results, media_type=DICOM_JSON, headers=headers)

    # Retrieve

    async def _metadata(self, request: Request, outside: Resource, choice: Choice) -> Response:
        original = await self._project.translation.resource(outside)
        boundary = random_boundary() if choice.offer.is_multipart else None
        writer = MultipartWriter(boundary, DICOM_XML) if boundary else None
        body = retrieve.metadata(self._project, original, self._base_url(request), writer)
        media_type = writer.content_type if writer else DICOM_JSON
        return await self._streams.tagged(request, body, media_type, limit=MAXIMUM_METADATA_BYTES, boundary=boundary)

    async def _instances(
        self, request: Request, outside: Resource, header: str | None, override: str | None
    ) -> Response:
        offers = accept.INSTANCE if outside.instance else accept.INSTANCES
        choices = acceptable(header, offers, override)
        offer = choices[0].offer
        original = await self._project.translation.resource(outside)
        boundary = random_boundary() if offer.is_multipart else None
        writer = MultipartWriter(boundary, DICOM) if boundary else None
        alike = [choice for choice in choices if choice.offer == offer]
        body = retrieve.instances(self._project, original, writer, alike)
        media_type = writer.content_type if writer else DICOM
        if not outside.instance:
            return await self._streams.stream(body, media_type)
        return await self._streams.tagged(request, body, media_type, limit=MAXIMUM_INSTANCE_BYTES, boundary=boundary)

    async def _frames(self, outside: Resource, choices: tuple[Choice, ...]) -> Response:
        original = await self._project.translation.resource(outside)
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
        return self._streams.begun(_frame_pieces(frames, first, writer), whole)

    async def _bulkdata(self, outside: Resource, choice: Choice) -> Response:
        original = await self._project.translation.resource(outside)
        body = retrieve.bulkdata(self._project, original)
        if not choice.offer.is_multipart:
            return await self._streams.stream(body, OCTET_STREAM)
        writer = MultipartWriter(random_boundary(), OCTET_STREAM)
        return await self._streams.stream(_one_part(body, writer), writer.content_type)

    async def _rendered(self, outside: Resource, choice: Choice, parameters: list[tuple[str, str]]) -> Response:
        original = await self._project.translation.resource(outside)
        wanted = {name: value for name, value in parameters if name != "accept"}
        if outside.representation is Representation.THUMBNAIL:
            wanted.setdefault("viewport", _THUMBNAIL_VIEWPORT)
        return await self._picture(original, choice, wanted)

    async def _picture(self, original: Resource, choice: Choice, looks: dict[str, str]) -> Response:
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

    # Store

    async def store(self, request: Request) -> Response:
        """Store the instances of a multipart body."""
        if not self._project.accepts_instances:
            refuse()
        choose(_accept(request), accept.STORE)
        study = request.path_params.get("study")
        if study is not None:
            parse_uid(study)
            if self._project.policy.replaces_uids and not self._project.policy.is_pseudonym_uid(study):
                raise UnknownResource("there is no such resource")
        reader = _reader(request, self._project.limits.parts)
        storing = Storing(self._project, self._base_url(request), study)
        with self._streams.counted():
            async with self._streams.in_time():
                response = await storing.run(_events(request, reader, self._project.limits.request_bytes))
        if response.status == 204:
            return Response(status_code=204)
        return json_response(response.dataset, status=response.status, media_type=DICOM_JSON)

    def _base_url(self, request: Request) -> str:
        return self._public_url.of(request) + self._prefix


async def _frame_pieces(
    frames: AsyncGenerator[FrameStart | Piece, None], first: FrameStart, writer: MultipartWriter | None
) -> AsyncGenerator[Piece, None]:
    try:
        if writer:
            yield writer.head({"Content-Type": first.content_type})
        async for piece in frames:
            if not isinstance(piece, FrameStart):
                yield piece
            elif writer:
                yield writer.head({"Content-Type": piece.content_type})
        if writer:
            yield writer.close()
    finally:
        await frames.aclose()


async def _one_part(body: AsyncGenerator[Piece, None], writer: MultipartWriter) -> AsyncGenerator[Piece, None]:
    try:
        head: Piece = writer.head()
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


def _reader(request: Request, parts: int) -> MultipartReader:
    content_type = request.headers.get("content-type", "")
    media_type = parse_media_type(content_type)
    if (
        media_type is None
        or media_type.name != MULTIPART_RELATED
        or media_type.part_type not in {DICOM, DICOM_JSON, None}
    ):
        raise UnsupportedMediaType(f'send instances as {MULTIPART_RELATED}; type="{DICOM}" or type="{DICOM_JSON}"')
    return MultipartReader(boundary_of(content_type, BadRequest), MultipartLimits(parts=parts), BadRequest)


async def _events(request: Request, reader: MultipartReader, limit: int):  # type: ignore[no-untyped-def]
    async for chunk in bounded(limit, request.stream()):
        for event in reader.feed(chunk):
            yield event
    reader.close()
