"""Doors: which project and right each route asks for.

The right is written where the route is, so that a new route cannot be without one: `Doors` refuses to be made of routes
that are neither guarded nor on the list of open paths.
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
"""All that is answered without credentials. They say whether the server and its parts are up, and nothing else."""
OPEN_METHODS = frozenset(("GET", "HEAD"))

_PROJECT = re.compile("/projects/([^/]+)/")
_KEY = "dicomveil.door"
_REFUSED = "dicomveil.refused"


@dataclass(frozen=True)
class Door:
    """What a route asks for."""

    project: str | None
    """The project's label; None for a route of the server as a whole, which asks for the right in every project."""
    right: Right
    route: str = ""
    """The route's template, such as `/dicom-web/studies/{study}`."""


class GuardedRoute(Route):
    """A route that only those with a right may use. `project` is the project's name; None for all of the server."""

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

    def door(self, scope: Scope) -> Door:
        """What a request that this route matches must have."""
        right = self._right if isinstance(self._right, Right) else self._right(scope)
        return Door(None if self.project is None else label_of(self.project), right, self.path)


class Doors:
    """All doors of a server."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        """Raises ValueError for a route that would be open without being listed as such."""
        self._by_project: dict[str, list[GuardedRoute]] = {}
        for route in routes:
            if isinstance(route, GuardedRoute):
                # By the beginning of the path, so that a request is not compared with every project's routes.
                self._by_project.setdefault(_beginning(route.path), []).append(route)
            elif getattr(route, "path", None) not in OPEN_PATHS or not _methods(route) <= OPEN_METHODS:
                raise ValueError(f"the route {getattr(route, 'path', route)!r} is not guarded")

    def of(self, scope: Scope) -> tuple[Door, bool] | None:
        """The door of a request, and whether its method is allowed there; None where there is no route."""
        partial: GuardedRoute | None = None
        for route in self._candidates(scope["path"]):
            match, _ = route.matches(scope)
            if match is Match.FULL:
                return route.door(scope), True
            if match is Match.PARTIAL and partial is None:
                partial = route
        return None if partial is None else (partial.door(scope), False)

    def _candidates(self, path: str) -> Sequence[GuardedRoute]:
        return self._by_project.get(_beginning(path), ())


def is_open(scope: Scope) -> bool:
    """Whether a request needs no credentials: its path is, letter for letter, on the list."""
    return scope["path"] in OPEN_PATHS and scope["method"] in OPEN_METHODS


def door_of(scope: Scope) -> Door | None:
    """The door that a request was led to; None where there is no such route."""
    door: Door | None = scope.get(_KEY)
    return door


def lead(scope: Scope, door: Door) -> None:
    """Write down which door a request was led to."""
    scope[_KEY] = door


def close(scope: Scope) -> None:
    """Write down that a request was led to a door and did not pass."""
    scope[_REFUSED] = True


def is_refused(scope: Scope) -> bool:
    """Whether a request was led to a door and did not pass."""
    return bool(scope.get(_REFUSED, False))


def _beginning(path: str) -> str:
    project = _PROJECT.match(path)
    return project[0] if project else ""


def _methods(route: BaseRoute) -> set[str]:
    return set(getattr(route, "methods", None) or {"?"})
