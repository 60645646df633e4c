"""The application: settings → project → routes, and what surrounds every request.

Opens the origin server and the identity map when it starts and lets go of them when it ends.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dicomveil_engine import ConfigurationError, EngineError, Limits, Policy, load_policy
from dicomveil_proxy.errors import ProxyError
from dicomveil_proxy.identity import IdentityMap
from dicomveil_proxy.origin import Origin
from dicomveil_proxy.origin.folder import FolderOrigin
from dicomveil_proxy.origin.web import WebLimits, WebOrigin
from dicomveil_proxy.project import Project, check_policy
from dicomveil_proxy.public_url import PublicURL
from dicomveil_proxy.responses import json_response, problem_response
from dicomveil_proxy.routes import DICOMweb
from dicomveil_proxy.settings import Settings, read_key

PREFIX = "/dicom-web"
IDENTITY_FILE = "identity.sqlite"

_log = logging.getLogger(__name__)
_access = logging.getLogger("dicomveil.access")


def create_application(settings: Settings, origin: Origin | None = None) -> FastAPI:
    """The ASGI application for these settings; `origin` takes the place of the one they name.

    Raises ConfigurationError for what is wrong with the policy, the key, the origin or the state folder.
    """
    policy = policy_of(settings)
    check_policy(policy)
    project = Project(
        policy,
        origin or origin_of(settings),
        identity_map_of(settings),
        settings.limits,
        accepts_instances=settings.store == "deidentify",
        omits_errors=settings.on_error == "omit",
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await project.origin.aclose()
        await asyncio.to_thread(project.identities.close)

    # No pages of its own: what is not a route is refused.
    application = FastAPI(title="dicomveil", openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)
    application.router.redirect_slashes = False
    service = DICOMweb(project, PublicURL(settings.public_url, settings.trusted_proxies), PREFIX)

    @application.get("/healthz")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    application.router.routes.extend(service.routes())
    for kind in (ProxyError, EngineError, ClientDisconnect, HTTPException):
        application.add_exception_handler(kind, _refuse)
    application.add_middleware(Surroundings)
    return application


def policy_of(settings: Settings) -> Policy:
    """The policy of these settings."""
    limits = Limits(header_bytes=settings.limits.header_bytes, depth=settings.limits.nesting)
    path = Path(settings.profile)
    is_file = path.suffix or path.exists()
    return load_policy(path if is_file else {"profile": settings.profile}, read_key(settings.key_file), limits=limits)


def origin_of(settings: Settings) -> Origin:
    """The origin server of these settings."""
    try:
        if settings.origin_folder is not None:
            return FolderOrigin(settings.origin_folder)
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


def identity_map_of(settings: Settings) -> IdentityMap:
    """The identity map in the state folder, which is made if it is missing."""
    try:
        settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        return IdentityMap(settings.state / IDENTITY_FILE, warn=_log.warning)
    except (OSError, ProxyError):
        raise ConfigurationError("state: the folder cannot be made or written; name one that can") from None


async def _refuse(request: Request, error: Exception) -> Response:
    """Answer an error by the table of problems; those of routing have no detail of ours."""
    request_id = request.scope.get("request_id", "")
    if isinstance(error, HTTPException):
        detail = "there is no such route" if error.status_code == 404 else "this method is not allowed here"
        body = {"code": "no-route", "detail": detail, "request_id": request_id}
        return json_response(body, status=error.status_code, headers=dict(error.headers or {}))
    if isinstance(error, ClientDisconnect):
        return Response(status_code=400)
    response = problem_response(error, request_id)
    if response.status_code >= 500:
        _log.error("request %s: %s", request_id, error)
    return response


class Surroundings:
    """A request's number, its line in the log, and the last catch.

    The line holds neither path nor query: people ask for patients by their names and original UIDs.
    """

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        request_id = scope["request_id"] = secrets.token_hex(8)
        begun = time.monotonic()
        status = 0

        async def numbered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._application(scope, receive, numbered)
        except Exception as error:  # noqa: BLE001 - the last catch: an error of ours, of which nobody else may tell
            # Its message may hold values of a library that we do not know; where it happened cannot.
            place = traceback.extract_tb(error.__traceback__)[-1]
            _log.critical("request %s: %s in %s:%s", request_id, type(error).__name__, place.name, place.lineno)
            if not status:
                await problem_response(error, request_id)(scope, receive, numbered)
        finally:
            milliseconds = round(1000 * (time.monotonic() - begun))
            _access.info(
                "request %s: %s %s in %s ms", request_id, scope["method"], status or "broken off", milliseconds
            )
