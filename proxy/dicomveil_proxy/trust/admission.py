"""Admission: in front of every route, decide whether a request may go on. Whatever is not allowed is refused.

In this order, so that nobody learns more than they may:

    open path                       → goes on
    two Authorization headers       → 400
    no valid credentials            → 401, one body, before anything is looked up
    no route, or no right at all
      in its project                → 404, one body: a project of others, one that does not exist, no such path
    a right is missing in a project
      in which there are others     → 403
    a limit is reached              → 413, 429

A plain ASGI middleware. It reads the request's head, and nothing of a body.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from dicomveil_proxy.errors import Forbidden, NoRoute, ProxyError, Unauthenticated
from dicomveil_proxy.service.responses import problem_response
from dicomveil_proxy.trust.credentials import bearer
from dicomveil_proxy.trust.doors import Door, Doors, close, is_open, lead
from dicomveil_proxy.trust.rights import Right
from dicomveil_proxy.trust.subject import ANONYMOUS, Subject, enter
from dicomveil_proxy.trust.tokens import TokenFile


class Authenticator(Protocol):
    """One kind of credentials."""

    async def authenticate(self, scope: Scope, token: str | None) -> Subject | None:
        """The subject; None where these are not credentials of this kind, or not valid.

        `token` is the bearer token that the request presents; None where it has no Authorization header at all.
        """


class StaticTokens:
    """Tokens that `dicomveil token new` has made."""

    def __init__(self, file: TokenFile) -> None:
        self._file = file

    async def authenticate(self, scope: Scope, token: str | None) -> Subject | None:
        """The holder of the token."""
        del scope
        return self._file.find(token, time.time()) if token else None


class Anybody:
    """No credentials: every request is that of the anonymous subject."""

    async def authenticate(self, scope: Scope, token: str | None) -> Subject | None:
        """Everybody is."""
        del scope, token
        return ANONYMOUS


class Admission:
    """Lets a request go on, or answers it."""

    def __init__(
        self,
        application: ASGIApp,
        *,
        doors: Doors,
        authenticators: Iterable[Authenticator],
        projects: Iterable[str],
    ) -> None:
        """`projects` are the labels of all that the server has."""
        self._application = application
        self._doors = doors
        self._authenticators = tuple(authenticators)
        self._projects = tuple(projects)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        if scope["type"] == "lifespan" or (scope["type"] == "http" and is_open(scope)):
            await self._application(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError("only HTTP is served")
        try:
            await self._admit(scope)
        except ProxyError as error:
            close(scope)
            await refuse(error, scope, receive, send)
            return
        await self._application(scope, receive, send)

    async def _admit(self, scope: Scope) -> None:
        """Raises the ProxyError with which the request is refused."""
        whose = await self._authenticated(scope)
        enter(scope, whose)
        found = self._doors.of(scope)
        if found is None:
            raise NoRoute
        door, is_allowed_method = found
        if door.project is not None and not whose.knows(door.project):
            raise NoRoute
        lead(scope, door)
        # A method that the route does not have is answered by the router: 405, and nothing is done.
        if is_allowed_method and not self._may(whose, door):
            raise Forbidden(f"the right `{door.right}` is missing")

    async def _authenticated(self, scope: Scope) -> Subject:
        token = bearer(scope["headers"])
        for authenticator in self._authenticators:
            if found := await authenticator.authenticate(scope, token):
                return found
        raise Unauthenticated

    def _may(self, whose: Subject, door: Door) -> bool:
        if door.project is not None:
            return whose.may(door.project, door.right)
        return may_everywhere(whose, door.right, self._projects)


def may_everywhere(whose: Subject, right: Right, projects: Iterable[str]) -> bool:
    """Whether a subject has a right in every project, which is what routes of the server as a whole ask for."""
    return all(whose.may(project, right) for project in projects)


async def refuse(error: ProxyError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request that does not go on. Its body, where it has one, is not read: the connection ends with it."""
    response = problem_response(error, scope.get("request_id", ""))
    if has_body(scope):
        response.headers["connection"] = "close"
    await response(scope, receive, send)


def has_body(scope: Scope) -> bool:
    """Whether a body comes with the request (RFC 9112 Section 6.3)."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )
