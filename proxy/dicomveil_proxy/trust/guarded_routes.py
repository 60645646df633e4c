"""Guarded routes: the project and right that each route requires.

The right is declared with the route, and `GuardedRoutes` refuses routes that are neither guarded nor on the list of
open paths, so that a new route cannot be open by mistake.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from dicomveil_proxy.settings.rights import Right, label_of

OPEN_PATHS = frozenset(("/healthz", "/readyz"))
"""Paths that need no credentials. They show whether the server and its parts are up, and nothing else."""
OPEN_METHODS = frozenset(("GET", "HEAD"))

_PROJECT = re.compile("/projects/([^/]+)/")
_KEY = "dicomveil.required_access"
_REFUSED = "dicomveil.refused"


@dataclass(frozen=True)
class RequiredAccess:
    """The access that a route requires."""

    project: str | None
    """The project's label; None for a route of the server as a whole, which requires the right in every project."""
    right: Right
    route: str = ""
    """The route's template, such as `/dicom-web/studies/{study}`."""


class GuardedRoute(Route):
    """A route that requires a right in a project, or in every project if `project` is None."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        right: Right | Callable[[Scope], Right],
        project: str | None,
        **options: Any,
    ) -> None:
        super().__init__(path, endpoint, **options)
        self.project = project
        self._right = right
        self._slashes = None if ":path}" in path else path.count("/")
        """The number in each path that matches; None if it may differ."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As by Starlette, which tries the pattern of each route: a count of slashes rules most of them out."""
        if self._slashes is None or scope.get("root_path") or scope["path"].count("/") == self._slashes:
            return super().matches(scope)
        return Match.NONE, {}

    def required_access(self, scope: Scope) -> RequiredAccess:
        """The access that a matching request requires."""
        right = self._right if isinstance(self._right, Right) else self._right(scope)
        return RequiredAccess(None if self.project is None else label_of(self.project), right, self.path)


class GuardedRoutes:
    """All guarded routes of a server."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        """Raises ValueError for a route that is open, but not listed as such."""
        self._by_project: dict[str, list[GuardedRoute]] = {}
        for route in routes:
            if isinstance(route, GuardedRoute):
                # By the start of the path, so that a request is not matched against the routes of all projects.
                self._by_project.setdefault(_beginning(route.path), []).append(route)
            elif getattr(route, "path", None) not in OPEN_PATHS or not _methods(route) <= OPEN_METHODS:
                raise ValueError(f"the route {getattr(route, 'path', route)!r} is not guarded")

    def of(self, scope: Scope) -> tuple[RequiredAccess, bool] | None:
        """The access that a request requires, and whether its method is allowed; None without a route."""
        partial: GuardedRoute | None = None
        for route in self._candidates(scope["path"]):
            match, _ = route.matches(scope)
            if match is Match.FULL:
                return route.required_access(scope), True
            if match is Match.PARTIAL and partial is None:
                partial = route
        return None if partial is None else (partial.required_access(scope), False)

    def _candidates(self, path: str) -> Sequence[GuardedRoute]:
        return self._by_project.get(_beginning(path), ())


def is_open(scope: Scope) -> bool:
    """Whether a request needs no credentials: its path is exactly one on the list."""
    return scope["path"] in OPEN_PATHS and scope["method"] in OPEN_METHODS


def required_access_of(scope: Scope) -> RequiredAccess | None:
    """The access that a request requires; None if it is not known, or there is no such route."""
    access: RequiredAccess | None = scope.get(_KEY)
    return access


def note_required_access(scope: Scope, access: RequiredAccess) -> None:
    """Note the access that a request requires."""
    scope[_KEY] = access


def note_refusal(scope: Scope) -> None:
    """Note that a request was refused."""
    scope[_REFUSED] = True


def is_refused(scope: Scope) -> bool:
    """Whether a request was refused."""
    return bool(scope.get(_REFUSED, False))


def _beginning(path: str) -> str:
    project = _PROJECT.match(path)
    return project[0] if project else ""


def _methods(route: BaseRoute) -> set[str]:
    return set(getattr(route, "methods", None) or {"?"})
