"""Admission: decides in front of all routes whether a request is allowed.

In this order, so that a response reveals no more than its user may know:

    open path                       → allowed
    two Authorization headers       → 400
    no valid credentials            → 401, always the same body, before any look-up
    no route, or no right at all
      in its project                → 404, always the same body, whether or not the project exists
    another right in the project,
      but not this one              → 403
    a limit is reached              → 413, 429

A plain ASGI middleware, which reads only the head of the request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dicomveil_proxy.errors import (
    BadRequest,
    Forbidden,
    NoRoute,
    PayloadTooLarge,
    ProxyError,
    TooManyRequests,
    Unauthenticated,
)
from dicomveil_proxy.settings.rights import EVERY_PROJECT, Right
from dicomveil_proxy.settings.server import Limits
from dicomveil_proxy.trust.body import PacedBody, check_length
from dicomveil_proxy.trust.clock import forward_time
from dicomveil_proxy.trust.credentials import bearer
from dicomveil_proxy.trust.guarded_routes import (
    GuardedRoutes,
    RequiredAccess,
    is_open,
    note_refusal,
    note_required_access,
)
from dicomveil_proxy.trust.limits import Allowances, Usage
from dicomveil_proxy.trust.subject import ANONYMOUS, Subject, note_subject
from dicomveil_proxy.trust.tokens import TokenFile
from dicomveil_proxy.wire.problems import problem_response


class Authenticator(Protocol):
    """One kind of credentials."""

    async def authenticate(self, scope: Scope, token: str | None) -> Subject | None:
        """The subject; None without valid credentials of this kind.

        `token` is the bearer token of the request; None without an Authorization header.
        """


class StaticTokens:
    """Tokens made by `dicomveil token new`."""

    def __init__(self, file: TokenFile, clock: Callable[[], float] = forward_time) -> None:
        self._file = file
        self._clock = clock

    async def authenticate(self, scope: Scope, token: str | None) -> Subject | None:
        """The holder of the token."""
        del scope
        return self._file.find(token, self._clock()) if token else None


class Anybody:
    """No credentials: every request is that of the anonymous subject."""

    async def authenticate(self, scope: Scope, token: str | None) -> Subject | None:
        """Always the anonymous subject."""
        del scope, token
        return ANONYMOUS


class Admission:
    """Passes a request on, or refuses it."""

    def __init__(
        self,
        application: ASGIApp,
        *,
        routes: GuardedRoutes,
        authenticators: Iterable[Authenticator],
        projects: Iterable[str],
        limits: Limits,
        workers: int,
        count: Callable[[str], None] = lambda _rule: None,
    ) -> None:
        """`projects` are the labels of all projects; `count` is called with the rule of each refusal."""
        self._count = count
        self._application = application
        self._routes = routes
        self._authenticators = tuple(authenticators)
        self._projects = tuple(projects)
        self._limits = limits
        self._allowances = Allowances(limits, workers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        if scope["type"] == "lifespan" or (scope["type"] == "http" and is_open(scope)):
            await self._application(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError("only HTTP is served")
        body = PacedBody(scope, receive, self._limits.body_bytes_per_second)
        send = body.closing(send)
        is_admitted = False
        try:
            subject, access = await self._admit(scope)
            with self._allowances.request(subject, access.project or EVERY_PROJECT) as usage:
                is_admitted = True
                await self._application(scope, body.receive, _counted(send, usage))
        except ProxyError as error:
            if is_admitted:
                raise
            note_refusal(scope)
            self._count(rule_of(error))
            await problem_response(error, scope.get("request_id", ""))(scope, receive, send)

    async def _admit(self, scope: Scope) -> tuple[Subject, RequiredAccess]:
        """The subject of a request, and the access that it requires. Raises the ProxyError of a refusal."""
        whose = await self._authenticated(scope)
        note_subject(scope, whose)
        found = self._routes.of(scope)
        if found is None:
            raise NoRoute
        access, is_allowed_method = found
        if access.project is not None and not whose.knows(access.project):
            raise NoRoute
        note_required_access(scope, access)
        # A method that the route does not have is left to the router, which answers 405.
        if is_allowed_method and not self._may(whose, access):
            raise Forbidden(f"the right `{access.right}` is missing")
        check_length(scope, self._limits.request_bytes)
        return whose, access

    async def _authenticated(self, scope: Scope) -> Subject:
        token = bearer(scope["headers"])
        for authenticator in self._authenticators:
            if found := await authenticator.authenticate(scope, token):
                return found
        raise Unauthenticated

    def _may(self, whose: Subject, access: RequiredAccess) -> bool:
        if access.project is not None:
            return whose.may(access.project, access.right)
        return may_everywhere(whose, access.right, self._projects)


RULES: Mapping[type[ProxyError], str] = {
    BadRequest: "two-credentials",
    Unauthenticated: "credentials",
    NoRoute: "route",
    Forbidden: "right",
    PayloadTooLarge: "request_bytes",
}
"""Error → the label of the rule that refuses; limits have the names of their settings."""
OTHER_RULE = "other"
LIMIT_RULES = ("requests_per_second", "subject_streams", "bytes_per_day")


def rule_of(error: ProxyError) -> str:
    """The rule by which a request was refused, from a closed list."""
    if isinstance(error, TooManyRequests):
        return error.limit or OTHER_RULE
    return RULES.get(type(error), OTHER_RULE)


def may_everywhere(whose: Subject, right: Right, projects: Iterable[str]) -> bool:
    """Whether a subject has a right in every project, as routes of the server as a whole require."""
    return all(whose.may(project, right) for project in projects)


def _counted(send: Send, usage: Usage) -> Send:
    """Add the bytes that are sent to the user's usage."""

    async def sent(message: Message) -> None:
        usage.bytes += len(message.get("body", b""))
        await send(message)

    return sent
