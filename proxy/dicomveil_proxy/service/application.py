"""The ASGI application: settings → projects → routes, and the middleware around every request.

Origin servers and identity maps are opened when it is created and closed when it shuts down.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dicomveil_engine import ConfigurationError, EngineError, Limits, Policy, load_policy
from dicomveil_engine.pixels.gate import INSTALL, can_clean
from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_proxy.errors import NoRoute, ProxyError
from dicomveil_proxy.leaks.guard import LeakGuard
from dicomveil_proxy.logs import FIELDS, of_project, of_request
from dicomveil_proxy.origin import ObservedOrigin, Origin
from dicomveil_proxy.origin.folder.origin import FolderOrigin
from dicomveil_proxy.origin.selection.origin import SelectedOrigin
from dicomveil_proxy.pixels.looking import looks_at_pixels
from dicomveil_proxy.pixels.records import BOXES_FILE, BoxRecords
from dicomveil_proxy.project import Project, check_policy
from dicomveil_proxy.service.compression import Compression
from dicomveil_proxy.service.cross_origin import CrossOrigin
from dicomveil_proxy.service.guard import guard
from dicomveil_proxy.service.loading import Loading
from dicomveil_proxy.service.paths import Paths
from dicomveil_proxy.service.public_url import PublicURL
from dicomveil_proxy.service.readiness import Readiness
from dicomveil_proxy.service.responses import json_response
from dicomveil_proxy.service.routes import DICOMweb
from dicomveil_proxy.settings.filters import read_filter
from dicomveil_proxy.settings.policies import configuration_of
from dicomveil_proxy.settings.projects import ProjectSettings, check_keys, projects_of
from dicomveil_proxy.settings.rights import Right, label_of
from dicomveil_proxy.settings.server import Settings
from dicomveil_proxy.settings.subjects import read_subjects
from dicomveil_proxy.spent import Spent, spending, spent
from dicomveil_proxy.translation.identity import IdentityMap, open_identity_map
from dicomveil_proxy.trust.alarm import GuardAlarm, PixelAlarm
from dicomveil_proxy.trust.audit import Audit, open_audit
from dicomveil_proxy.trust.guarded_routes import OPEN_PATHS, GuardedRoute, is_open, required_access_of
from dicomveil_proxy.trust.lifecycle import record_start, record_stop
from dicomveil_proxy.trust.metrics import Counting, Metrics
from dicomveil_proxy.trust.quarantine import Quarantine
from dicomveil_proxy.trust.syslog import syslog_of
from dicomveil_proxy.trust.traces import Traces, Tracing
from dicomveil_proxy.wire.problems import problem, problem_response
from dicomveil_proxy.wire.sent import counted

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

PREFIX = "/dicom-web"
_BOX_CONNECTIONS = 2
"""Database connections for pixel boxes, for each project in each worker; the identity map has its own."""
_PROJECT_PATH = re.compile("/projects/([^/]+)/")

_log = logging.getLogger(__name__)
_access = logging.getLogger("dicomveil.access")


def create_application(
    settings: Settings, origin: Origin | None = None, *, exporter: SpanExporter | None = None
) -> Starlette:
    """The ASGI application for these settings.

    Tests pass an `origin` that replaces each project's, and an `exporter` that replaces that of the traces.
    Raises ConfigurationError for a fault in a project's policy, key, origin or filter, or in the state.
    """
    described = projects_of(settings)
    check_keys(described)
    policies: list[Policy] = []
    # Projects with the same origin share its connections: some servers accept few.
    origins: dict[str, Origin] = {}
    for each in described:
        with each.blamed():
            policies.append(policy_of(each))
            check_policy(policies[-1])
            if each.origin not in origins:
                origins[each.origin] = origin or origin_of(each)
    projects: list[Project] = []
    for each, policy in zip(described, policies, strict=True):
        with each.blamed(), of_project(each.name):
            projects.append(project_of(each, policy, origins[each.origin]))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        record_start(audit, described)
        loading.begin()
        for project in projects:
            if project.looking is not None:
                project.looking.warm()
        yield
        await asyncio.to_thread(loading.end)
        for opened in origins.values():
            await opened.aclose()
        for project in projects:
            await project.transcoder.aclose()
            if project.looking is not None:
                await project.looking.aclose()
            await asyncio.to_thread(project.identities.close)
        record_stop(audit)
        if traces is not None:
            await asyncio.to_thread(traces.close)

    # It adds no pages and no spans of its own (docs/decisions/0095): only the routes below are served.
    application = Starlette(lifespan=lifespan)
    loading = Loading()
    application.router.redirect_slashes = False
    audit = open_audit(settings.audit, syslog_of(settings.audit))
    traces = Traces(settings.traces, exporter) if settings.traces.endpoint is not None else None
    _watch_leaks(settings, described, projects, audit)
    public_url = PublicURL(settings.public_url, settings.trusted_proxies)

    open_endpoints = {"/healthz": _health, "/readyz": Readiness(projects, audit).answer}
    for path in sorted(OPEN_PATHS):
        application.router.routes.append(Route(path, open_endpoints[path], methods=["GET"]))

    for project in projects:
        application.router.routes.extend(DICOMweb(project, public_url, prefix_of(project.name), loading).routes())
    metrics = application.state.metrics = Metrics()
    application.router.routes.append(
        GuardedRoute("/metrics", metrics.answer, methods=["GET"], right=Right.METRICS, project=None)
    )
    for opened in origins.values():
        if isinstance(opened, ObservedOrigin):
            opened.observe = partial(_note_answer, metrics)
    for project in projects:
        project.guard.count = partial(metrics.finding, label_of(project.name))
        project.count_refusal = partial(metrics.instance_refused, label_of(project.name))
        if project.looking is not None:
            project.looking.observer = metrics.pixels(label_of(project.name))
        project.resolver.count = metrics.lookup
        project.cursors.count = metrics.lookup
    for kind in (ProxyError, EngineError, ClientDisconnect, HTTPException):
        application.add_exception_handler(kind, _refuse)
    application.add_middleware(Compression)
    guard(application, settings, projects, audit, metrics)
    application.add_middleware(Counting, metrics=metrics)
    if traces is not None:
        application.add_middleware(Tracing, traces=traces)
    if settings.cors_origins:
        application.add_middleware(CrossOrigin, origins=settings.cors_origins)
    application.add_middleware(RequestScope, projects=frozenset(project.name for project in projects if project.name))
    application.add_middleware(Paths)
    return application


def _note_answer(metrics: Metrics, status: int | None, seconds: float) -> None:
    """Count an origin server's response; `status` is None where none came."""
    metrics.origin(status, seconds)
    if (noted := spent()) is not None:
        noted.origin(status, seconds)
    _log.debug("the origin server answered %s in %s ms", status or "nothing", round(1000 * seconds))


def _watch_leaks(
    settings: Settings, described: Sequence[ProjectSettings], projects: Sequence[Project], audit: Audit
) -> None:
    """Give each project a leak guard with the mode of the settings, whose findings are audited and quarantined."""
    quarantine = Quarantine(settings.quarantine) if settings.quarantine else None
    for each, project in zip(described, projects, strict=True):
        key = Keys(each.secrets()[0]).derive("leak guard")
        alarm = GuardAlarm(audit, quarantine, label_of(project.name))
        project.guard = LeakGuard(project.policy, key, mode=settings.guard.mode, alarm=alarm, project=project.name)
        if project.looking is not None:
            project.looking.alarm = PixelAlarm(audit, quarantine, label_of(project.name))


def prefix_of(project: str) -> str:
    """The path of a project's DICOMweb service; the default project has no name."""
    return f"/projects/{project}{PREFIX}" if project else PREFIX


def project_of(settings: ProjectSettings, policy: Policy, origin: Origin) -> Project:
    """The project of these settings, its origin restricted by its filter. Raises ConfigurationError."""
    if not settings.filter.selects_all:
        origin = SelectedOrigin(origin, read_filter(settings.filter))
    keys = Keys(settings.secrets()[0])
    return Project(
        policy,
        origin,
        identity_map_of(settings),
        settings.limits,
        name=settings.name,
        accepts_instances=settings.store != "refuse",
        reidentifies=settings.store == "reidentify",
        omits_errors=settings.on_error == "omit",
        entity_tag_key=keys.derive("entity tags"),
        pixel_key=keys.derive("pixels/boxes"),
        pixel_records=records_of(settings, policy),
        older=older_policies_of(settings),
    )


def policy_of(settings: ProjectSettings) -> Policy:
    """A project's policy under the first of its keys. Raises ConfigurationError."""
    key, *others = settings.secrets()
    policy = _policy_by(settings, key, others)
    if looks_at_pixels(policy.pixels) and not can_clean():
        _log.warning("instances that may hold text in their pixels are refused: %s", INSTALL)
    return policy


def older_policies_of(settings: ProjectSettings) -> tuple[Policy, ...]:
    """The policies under the older versions of a project's key: they recognise the pseudonyms made with those."""
    secrets = settings.secrets()
    return tuple(_policy_by(settings, key, [other for other in secrets if other != key]) for key in secrets[1:])


def _policy_by(settings: ProjectSettings, key: bytes, others: Sequence[bytes]) -> Policy:
    limits = Limits(
        header_bytes=settings.limits.header_bytes,
        depth=settings.limits.nesting,
        elements=settings.limits.elements,
        names=settings.limits.names,
    )
    return load_policy(
        configuration_of(settings.profile),
        key,
        limits=limits,
        subjects=read_subjects(settings.subjects),
        other_keys=others,
    )


def origin_of(settings: ProjectSettings) -> Origin:
    """A project's origin server, not filtered. Raises ConfigurationError."""
    try:
        if settings.origin_folder is not None:
            return FolderOrigin(settings.origin_folder)
        from dicomveil_proxy.origin.web.origin import WebLimits, WebOrigin  # noqa: PLC0415 - clients of HTTP

        limits = settings.limits
        return WebOrigin(
            settings.origin,
            limits=WebLimits(
                connections=limits.origin_connections,
                connect_seconds=limits.origin_connect_seconds,
                read_seconds=limits.origin_read_seconds,
                document_bytes=limits.origin_document_bytes,
                instance_bytes=limits.origin_instance_bytes,
            ),
        )
    except ValueError as error:
        raise ConfigurationError(f"origin: {error}") from None


def records_of(settings: ProjectSettings, policy: Policy) -> BoxRecords:
    """A project's records of text boxes, in the state folder or database. Raises ConfigurationError."""
    if not looks_at_pixels(policy.pixels):
        return BoxRecords()
    if isinstance(settings.state, str):
        from dicomveil_proxy.pixels.records_postgresql import PostgreSQLBoxes  # noqa: PLC0415 - SQLAlchemy
        from dicomveil_proxy.translation.identity.postgresql import database_engine  # noqa: PLC0415

        engine = database_engine(settings.state, connections=_BOX_CONNECTIONS)
        return BoxRecords(PostgreSQLBoxes(engine, settings.name, settings.limits.pixel_records))
    settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    return BoxRecords(settings.state / BOXES_FILE, most=settings.limits.pixel_records)


def identity_map_of(settings: ProjectSettings) -> IdentityMap:
    """A project's identity map, in the state folder or database. Raises ConfigurationError."""
    return open_identity_map(settings.state, project=settings.name, warn=_log.warning)


async def _health(_: Request) -> Response:
    return json_response({"status": "ok"})


def methods_of(request: Request) -> list[str]:
    """The methods allowed for a request's path, over all of its routes (for Allow, RFC 9110 Section 15.5.6)."""
    found: set[str] = set()
    for route in request.app.router.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return sorted(found)


async def _refuse(request: Request, error: Exception) -> Response:
    """The response to an error: by the table of problems, or Starlette's status for an error of routing."""
    request_id = request.scope.get("request_id", "")
    if isinstance(error, HTTPException):
        if error.status_code == 404:
            return problem_response(NoRoute(), request_id)
        detail = "this method is not allowed here"
        body = {"code": "no-route", "detail": detail, "request_id": request_id}
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(methods_of(request))
        return json_response(body, status=error.status_code, headers=headers)
    if isinstance(error, ClientDisconnect):
        return Response(status_code=400)
    response = problem_response(error, request_id)
    request.app.state.metrics.problem(problem(error, request_id)[1]["code"])
    if response.status_code >= 500:
        _log.error("request %s: %s", request_id, error)
    return response


def _spent_on(scope: Scope) -> dict[str, object]:
    """Log fields: the route of a request, and the requests and time that it cost the origin server."""
    noted, access = spent() or Spent(), required_access_of(scope)
    return {
        "method": scope["method"] if scope["method"].isalpha() else "other",
        "transaction": access.right.value if access else "none",
        "route": access.route if access else "none",
        "origin_requests": noted.origin_requests,
        "origin_milliseconds": round(1000 * noted.origin_seconds),
    }


class RequestScope:
    """Gives each request an id and a line in the log, forbids caching by default, and catches unexpected errors.

    The line has neither path nor query, which may contain patients' names and original UIDs. All log lines written
    meanwhile name the project.
    """

    def __init__(self, application: ASGIApp, projects: frozenset[str] = frozenset()) -> None:
        self._application = application
        self._projects = projects

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        # A name that is not a project's may be anything, and is not logged.
        project = _PROJECT_PATH.match(scope["path"])
        with of_project(project[1] if project and project[1] in self._projects else ""):
            await self._run(scope, receive, send)

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = scope["request_id"] = secrets.token_hex(8)
        with of_request(request_id), spending():
            await self._run_numbered(request_id, scope, receive, send)

    async def _run_numbered(self, request_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.monotonic()
        sent, send = counted(scope, send)

        async def numbered(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                # Caches keep no patient data unless a route allows it.
                headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            await self._application(scope, receive, numbered)
        except Exception as error:  # noqa: BLE001 - a bug of ours, of which the client learns nothing
            # The message may quote values; the place in the code cannot.
            place = traceback.extract_tb(error.__traceback__)[-1]
            _log.critical("request %s: %s in %s:%s", request_id, type(error).__name__, place.name, place.lineno)
            if not sent.status:
                await problem_response(error, request_id)(scope, receive, numbered)
        finally:
            milliseconds = round(1000 * (time.monotonic() - begun))
            # Successful health checks, every few seconds, would only fill the log.
            if not (is_open(scope) and sent.status == 200):
                outcome = sent.outcome or "broken off"
                fields = {"status": outcome, "milliseconds": milliseconds, "bytes": sent.bytes, **_spent_on(scope)}
                _access.info(
                    "request %s: %s %s in %s ms",
                    *(request_id, scope["method"], outcome, milliseconds),
                    extra={FIELDS: fields},
                )
