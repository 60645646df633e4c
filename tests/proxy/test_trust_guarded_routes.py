"""GuardedRoutes: no route is without one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Scope

from dicomveil_proxy.settings.rights import Right
from dicomveil_proxy.trust.guarded_routes import GuardedRoute, GuardedRoutes, RequiredAccess, is_open


async def answer(request: Request) -> Response:
    return Response()


def scope(path: str, method: str = "GET") -> Scope:
    return {"type": "http", "path": path, "method": method, "root_path": "", "headers": []}


@pytest.mark.parametrize(
    "route",
    [
        Route("/new", answer, methods=["GET"]),
        Route("/healthz", answer, methods=["POST"]),
        Route("/healthz/", answer, methods=["GET"]),
        Mount("/", routes=[Route("/new", answer)]),
    ],
)
def test_a_forgotten_route(route: BaseRoute) -> None:
    """The server does not start with it."""
    with pytest.raises(ValueError, match="is not guarded"):
        GuardedRoutes([route])


def test_the_access_of_a_request() -> None:
    """Its route's, by path and method; the project's name is not part of what is compared but of the route."""
    routes = GuardedRoutes(
        [
            GuardedRoute("/dicom-web/x", answer, methods=["POST"], project="", right=Right.STORE),
            GuardedRoute("/dicom-web/x", answer, methods=["GET"], project="", right=Right.SEARCH),
            GuardedRoute("/projects/lung/dicom-web/x", answer, methods=["GET"], project="lung", right=Right.SEARCH),
            GuardedRoute("/metrics", answer, methods=["GET"], project=None, right=Right.METRICS),
        ]
    )

    assert routes.of(scope("/dicom-web/x", "POST")) == (RequiredAccess("default", Right.STORE, "/dicom-web/x"), True)
    assert routes.of(scope("/dicom-web/x", "HEAD")) == (RequiredAccess("default", Right.SEARCH, "/dicom-web/x"), True)
    assert routes.of(scope("/dicom-web/x", "DELETE")) == (RequiredAccess("default", Right.STORE, "/dicom-web/x"), False)
    assert routes.of(scope("/projects/lung/dicom-web/x")) == (
        RequiredAccess("lung", Right.SEARCH, "/projects/lung/dicom-web/x"),
        True,
    )
    assert routes.of(scope("/metrics")) == (RequiredAccess(None, Right.METRICS, "/metrics"), True)
    for path in ("/projects/stroke/dicom-web/x", "/dicom-web/y", "/", "", "/projects/lung/", "/metrics/"):
        assert routes.of(scope(path)) is None


@pytest.mark.parametrize("path", ["/healthz/", "//healthz", "/HEALTHZ", "/healthz;x", "/readyz/..", "/healthz\x00", ""])
def test_nearly_an_open_path(path: str) -> None:
    """It is open letter for letter only, and only to be read."""
    assert is_open(scope("/healthz"))
    assert is_open(scope("/readyz", "HEAD"))
    assert not is_open(scope("/healthz", "POST"))
    assert not is_open(scope(path))


_PATHS = st.lists(st.sampled_from(["", "a", "b", "a\n", "é", "frames"]), max_size=5).map("/".join)


@given(
    st.sampled_from(["/", "/a", "/a/{x}", "/{x}/b/{y}", "/a/{rest:path}", "/a/"]),
    _PATHS.map("/".__add__) | _PATHS,
    st.sampled_from(["GET", "POST"]),
    st.sampled_from(["", "/a", "/a/b"]),
)
def test_routes_match_as_in_starlette(template: str, path: str, method: str, root: str) -> None:
    """Whatever is not tried with the pattern does not match it."""
    guarded = GuardedRoute(template, answer, methods=["GET"], project="", right=Right.SEARCH)
    request = {**scope(path, method), "root_path": root}

    assert guarded.matches(request) == Route(template, answer, methods=["GET"]).matches(request)
