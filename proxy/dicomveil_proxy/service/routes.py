"""The routes of one project's DICOMweb service, and its responses to search and store requests (PS3.18).

Any other request is refused. No part of a request is forwarded: paths are parsed and rebuilt, queries are translated,
and no header field passes between user agent and origin server in either direction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from functools import partial
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dicomveil_engine.pseudonyms.sides import PseudonymousUID
from dicomveil_proxy.errors import BadRequest, OriginRefused, UnknownResource, UnsupportedMediaType
from dicomveil_proxy.project import Project
from dicomveil_proxy.request import accept
from dicomveil_proxy.request.accept import choose
from dicomveil_proxy.request.query import Level, Query
from dicomveil_proxy.request.resource import Resource, parse_uid
from dicomveil_proxy.service.capabilities import WADL, capabilities
from dicomveil_proxy.service.loading import Loading, Stage
from dicomveil_proxy.service.public_url import PublicURL
from dicomveil_proxy.service.representations import Representations, RetrieveRequest
from dicomveil_proxy.service.responses import json_list_response, json_response, xml_response
from dicomveil_proxy.service.streams import Streams
from dicomveil_proxy.service.upload import Upload
from dicomveil_proxy.settings.rights import Right
from dicomveil_proxy.transactions.search import Scope, search
from dicomveil_proxy.transactions.store import StoreRequest, refuse
from dicomveil_proxy.transactions.wado_uri import WadoQuery
from dicomveil_proxy.trust.guarded_routes import GuardedRoute
from dicomveil_proxy.trust.recording import note_count
from dicomveil_proxy.wire.media_type import (
    DICOM,
    DICOM_JSON,
    DICOM_XML,
    MULTIPART_RELATED,
    parse_media_type,
)
from dicomveil_proxy.wire.multipart import (
    MultipartLimits,
    MultipartReader,
    boundary_of,
)
from dicomveil_proxy.wire.native_xml import native_xml

MAXIMUM_PARAMETERS = 512
_STUDY_INSTANCE_UID = 0x0020000D
_INSTANCE = "/studies/{study}/series/{series}/instances/{instance}"
_STORED_TYPES = (DICOM, DICOM_JSON, DICOM_XML)


_Endpoint = Callable[[Request], Awaitable[Response]]


class DICOMweb:
    """The DICOMweb service of one project."""

    def __init__(self, project: Project, public_url: PublicURL, prefix: str, loading: Loading | None = None) -> None:
        self._project = project
        self._loading = loading or Loading()
        self._public_url = public_url
        self._prefix = prefix
        self._streams = Streams(project.limits, project.entity_tag_key)
        self._representations = Representations(project, self._streams)

    def routes(self) -> list[Route]:
        """The routes, in the order of the standard, each with the right that it requires."""
        store = partial(self._route, right=Right.STORE, methods=["POST"], needs=Stage.PIXELS)
        search = partial(self._route, right=Right.SEARCH, methods=["GET"])
        retrieve = partial(self._route, right=Right.RETRIEVE, methods=["GET"])
        pixels = partial(retrieve, needs=Stage.PIXELS)
        answers = self._representations
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
            retrieve("/studies/{study}", self._retrieving(answers.instances)),
            retrieve("/studies/{study}/series/{series}", self._retrieving(answers.instances)),
            retrieve(_INSTANCE, self._retrieving(answers.instances)),
            retrieve("/studies/{study}/metadata", self._retrieving(answers.metadata)),
            retrieve("/studies/{study}/series/{series}/metadata", self._retrieving(answers.metadata)),
            retrieve(_INSTANCE + "/metadata", self._retrieving(answers.metadata)),
            pixels(_INSTANCE + "/frames/{frames}", self._retrieving(answers.frames)),
            pixels(_INSTANCE + "/bulk/{bulk:path}", self._retrieving(answers.bulk_data)),
            pixels("/studies/{study}/rendered", self._retrieving(answers.rendered)),
            pixels("/studies/{study}/series/{series}/rendered", self._retrieving(answers.rendered)),
            pixels(_INSTANCE + "/rendered", self._retrieving(answers.rendered)),
            pixels(_INSTANCE + "/frames/{frames}/rendered", self._retrieving(answers.rendered)),
            pixels("/studies/{study}/thumbnail", self._retrieving(answers.rendered)),
            pixels("/studies/{study}/series/{series}/thumbnail", self._retrieving(answers.rendered)),
            pixels(_INSTANCE + "/thumbnail", self._retrieving(answers.rendered)),
            pixels(_INSTANCE + "/frames/{frames}/thumbnail", self._retrieving(answers.rendered)),
            # URI Service: Section 9
            pixels("/wado", self.wado),
            # Capabilities: Section 8.9
            self._route("", self.capabilities, right=Right.RETRIEVE, methods=["OPTIONS"]),
        ]

    def _route(
        self, path: str, endpoint: _Endpoint, *, right: Right, methods: list[str], needs: Stage = Stage.ATTRIBUTES
    ) -> Route:
        async def when_loaded(request: Request) -> Response:
            await self._loading.until(needs)
            return await endpoint(request)

        place = self._prefix + path
        return GuardedRoute(place, when_loaded, methods=methods, right=right, project=self._project.name)

    def _searching(self, level: Level) -> _Endpoint:
        """The endpoint for searches at this level, within the study and series in the path."""

        async def search_at_level(request: Request) -> Response:
            scope = Scope(*(request.path_params.get(name) for name in ("study", "series")))
            async with self._streams.in_time():
                parameters = _parameters(request)
                uids = (scope.study, scope.series) if scope.study else ()
                return await self._afresh(uids, partial(self._search, request, level, scope, parameters))

        return search_at_level

    def _retrieving(self, answer: Callable[[RetrieveRequest], Awaitable[Response]]) -> _Endpoint:
        """The endpoint that responds with `answer` for the resource in the path."""

        async def retrieve_resource(request: Request) -> Response:
            async with self._streams.in_time():
                parameters = _parameters(request)
                outside = Resource.parse(self._path(request))
                wanted = RetrieveRequest(request, outside, _accept(request), parameters, self._base_url(request))
                uids = (outside.study, outside.series, outside.instance)
                return await self._afresh(uids, partial(answer, wanted))

        return retrieve_resource

    def _path(self, request: Request) -> str:
        path: str = request.scope["path"]
        return path.removeprefix(f"{self._prefix}/")

    async def _afresh(
        self, uids: Sequence[PseudonymousUID | None], answer: Callable[[], Awaitable[Response]]
    ) -> Response:
        """The response; made a second time if the identity map was outdated for these UIDs."""
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
            # Nothing found for a UID: the identity map may be out of date.
            named = [PseudonymousUID(key.value) for key in query.keys if key.path == (_STUDY_INSTANCE_UID,)]
            uids = (scope.study, scope.series) if scope.study else tuple(named[:1])
            if not answer.results and uids and await self._project.translation.forget_outdated(*uids):
                answer = await search(self._project, scope, query, self._base_url(request))
        note_count(request.scope, len(answer.results))
        warnings = ", ".join(f'299 dicomveil "{each}"' for each in answer.warnings)
        headers = {"Warning": warnings} if warnings else {}
        if choice.offer.media_type == DICOM_XML:
            # Without matches there are no parts, and a multipart body has at least one (RFC 2046 Section 5.1.1).
            return await xml_response(answer.results, headers) if answer.results else Response(None, 204, headers)
        return await json_list_response(answer.results, headers)

    async def wado(self, request: Request) -> Response:
        """Respond to the URI Service: an instance or a picture, named by query parameters."""
        async with self._streams.in_time():
            wanted = WadoQuery.parse(_parameters(request))
            uids = (wanted.instance.study, wanted.instance.series, wanted.instance.instance)
            return await self._afresh(uids, partial(self._representations.wado, request, _accept(request), wanted))

    # Capabilities

    async def capabilities(self, request: Request) -> Response:
        """Respond with the Capabilities Description."""
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


def _parameters(request: Request) -> list[tuple[str, str]]:
    """The query parameters, decoded. No message quotes them: they may contain patients' names."""
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
