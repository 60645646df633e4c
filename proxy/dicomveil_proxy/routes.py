"""The routes: which request is which transaction, and what its answer looks like in HTTP (PS3.18 Section 8).

What is not here is refused. Nothing of a request is passed on as it came: paths are parsed and built anew,
queries translated, and no header of the user agent reaches the origin server, nor one of its the user agent.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dicomveil_proxy import accept
from dicomveil_proxy.accept import Choice, acceptable, choose
from dicomveil_proxy.errors import BadRequest, Busy, NotAcceptable, OriginTimeout, UnknownResource, UnsupportedMediaType
from dicomveil_proxy.media_type import DICOM, DICOM_JSON, MULTIPART_RELATED, OCTET_STREAM, parse_media_type
from dicomveil_proxy.multipart import (
    MultipartLimits,
    MultipartReader,
    MultipartWriter,
    boundary_of,
    random_boundary,
)
from dicomveil_proxy.project import Project
from dicomveil_proxy.public_url import PublicURL
from dicomveil_proxy.query import Level, Query
from dicomveil_proxy.resource import Representation, Resource, parse_uid
from dicomveil_proxy.responses import Stream, json_response, primed
from dicomveil_proxy.transactions import retrieve
from dicomveil_proxy.transactions.retrieve import Piece
from dicomveil_proxy.transactions.search import Scope, search
from dicomveil_proxy.transactions.store import Storing, bounded, refuse

MAXIMUM_PARAMETERS = 512
_SEARCH = re.compile(r"(?:studies/([^/]+)/(?:series/([^/]+)/)?)?(studies|series|instances)")
_THUMBNAIL_VIEWPORT = "256,256"

Handler = Callable[[Request], Awaitable[Response]]


class DICOMweb:
    """The DICOMweb service of one project."""

    def __init__(self, project: Project, public_url: PublicURL, prefix: str) -> None:
        self._project = project
        self._public_url = public_url
        self._prefix = prefix
        self._streams = 0

    def routes(self) -> list[Route]:
        """Of Starlette, below the prefix."""
        return [
            Route(f"{self._prefix}/studies", self.store, methods=["POST"]),
            Route(f"{self._prefix}/studies/{{study}}", self.store, methods=["POST"]),
            Route(f"{self._prefix}/{{path:path}}", self.get, methods=["GET"]),
        ]

    async def get(self, request: Request) -> Response:
        """Search or retrieve."""
        async with self._in_time():
            return await self._get(request)

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
            choose(header, accept.METADATA, override)
            original = await self._project.translation.resource(outside)
            return await self._stream(retrieve.metadata(self._project, original, self._base_url(request)), DICOM_JSON)
        if representation is Representation.DATASET:
            return await self._instances(outside, header, override)
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
        choose(_accept(request), accept.SEARCH, dict(parameters).get("accept"))
        query = Query.parse(level, parameters)
        results = await search(self._project, scope, query, self._base_url(request))
        headers = {}
        if query.fuzzymatching:
            # PS3.18 Section 8.3.4.2
            headers["Warning"] = '299 dicomveil "The fuzzymatching parameter is not supported. Only literal matching"'
        return json_response(results, media_type=DICOM_JSON, headers=headers)

    # Retrieve

    async def _instances(self, outside: Resource, header: str | None, override: str | None) -> Response:
        offers = accept.INSTANCE if outside.instance else accept.INSTANCES
        choice = choose(header, offers, override)
        original = await self._project.translation.resource(outside)
        writer = MultipartWriter(random_boundary(), DICOM) if choice.offer.is_multipart else None
        body = retrieve.instances(self._project, original, writer, choice.transfer_syntaxes)
        return await self._stream(body, writer.content_type if writer else DICOM)

    async def _frames(self, outside: Resource, choices: tuple[Choice, ...]) -> Response:
        original = await self._project.translation.resource(outside)
        syntaxes = [syntax for choice in choices for syntax in (choice.transfer_syntaxes or ("*",))]
        self._enter()
        try:
            frames = await primed(retrieve.frames(self._project, original, syntaxes))
            content_type, _ = await anext(frames)
        except BaseException:
            self._leave()
            raise
        media_type = content_type.partition(";")[0]
        chosen = next((choice for choice in choices if choice.offer.media_type in {media_type, OCTET_STREAM}), None)
        if chosen is None or (not chosen.offer.is_multipart and len(outside.frames) > 1):
            self._leave()
            await frames.aclose()
            raise NotAcceptable(f"these frames are stored as {content_type}")
        writer = MultipartWriter(random_boundary(), media_type) if chosen.offer.is_multipart else None
        return self._streaming(
            _frame_pieces(frames, content_type, writer),
            f"{writer.content_type}{content_type[len(media_type) :]}" if writer else content_type,
        )

    async def _bulkdata(self, outside: Resource, choice: Choice) -> Response:
        original = await self._project.translation.resource(outside)
        body = retrieve.bulkdata(self._project, original)
        if not choice.offer.is_multipart:
            return await self._stream(body, OCTET_STREAM)
        writer = MultipartWriter(random_boundary(), OCTET_STREAM)
        return await self._stream(_one_part(body, writer), writer.content_type)

    async def _rendered(self, outside: Resource, choice: Choice, parameters: list[tuple[str, str]]) -> Response:
        original = await self._project.translation.resource(outside)
        wanted = {name: value for name, value in parameters if name != "accept"}
        if outside.representation is Representation.THUMBNAIL:
            wanted.setdefault("viewport", _THUMBNAIL_VIEWPORT)
        kind, picture = await retrieve.rendered(self._project, original, choice.offer.media_type, wanted)
        return Response(picture, media_type=kind)

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
        self._enter()
        try:
            async with self._in_time():
                response = await storing.run(_events(request, reader, self._project.limits.request_bytes))
        finally:
            self._leave()
        if response.status == 204:
            return Response(status_code=204)
        return json_response(response.dataset, status=response.status, media_type=DICOM_JSON)

    # Streams

    async def _stream(self, body: AsyncGenerator[Piece, None], media_type: str) -> Response:
        self._enter()
        try:
            started = await primed(body)
        except BaseException:
            self._leave()
            raise
        return self._streaming(started, media_type)

    def _streaming(self, body: AsyncGenerator[Piece, None], media_type: str) -> Response:
        return Stream(body, media_type, seconds=self._project.limits.request_seconds, done=self._leave)

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        """Up to the first byte of the answer; from there on it is for the stream to break off."""
        try:
            async with asyncio.timeout(self._project.limits.request_seconds):
                yield
        except TimeoutError:
            raise OriginTimeout("the request took longer than limits.request_seconds") from None

    def _enter(self) -> None:
        if self._streams >= self._project.limits.concurrent_streams:
            raise Busy("too many retrieves and stores at a time (limits.concurrent_streams); ask again later")
        self._streams += 1

    def _leave(self) -> None:
        self._streams -= 1

    def _base_url(self, request: Request) -> str:
        return self._public_url.of(request) + self._prefix


async def _frame_pieces(
    frames: AsyncGenerator[tuple[str, Piece | None], None], first: str, writer: MultipartWriter | None
) -> AsyncGenerator[Piece, None]:
    try:
        if writer:
            yield writer.head({"Content-Type": first})
        async for content_type, piece in frames:
            if piece is not None:
                yield piece
            elif writer:
                yield writer.head({"Content-Type": content_type})
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
    if media_type is None or media_type.name != MULTIPART_RELATED or media_type.part_type not in {DICOM, None}:
        raise UnsupportedMediaType(f'send instances as {MULTIPART_RELATED}; type="{DICOM}"')
    return MultipartReader(boundary_of(content_type, BadRequest), MultipartLimits(parts=parts), BadRequest)


async def _events(request: Request, reader: MultipartReader, limit: int):  # type: ignore[no-untyped-def]
    async for chunk in bounded(limit, request.stream()):
        for event in reader.feed(chunk):
            yield event
    reader.close()
