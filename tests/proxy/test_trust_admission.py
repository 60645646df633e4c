"""Admission: every route, with every kind of credentials; and nothing is open that is not on the list."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import unquote

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from dicomveil_proxy.service.application import create_application
from dicomveil_proxy.settings.rights import Right
from dicomveil_proxy.settings.server import Settings
from dicomveil_proxy.trust.guarded_routes import OPEN_PATHS, GuardedRoute
from dicomveil_proxy.trust.tokens import TokenFile
from proxy.fakes import HOST, INSTANCE, KEY, SERIES, STUDY, MemoryOrigin, instance
from proxy.identity_provider import AUDIENCE, ISSUER, IdentityProvider

pytestmark = pytest.mark.anyio

NOW = 1_700_000_000.0
UNKNOWN = "2.25.1"
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_FILLED = {"frames": "1", "bulk": "7fe00010"}
"""What stands in a parameter that is not a UID."""
_TRANSACTIONS = 25
"""Routes of a project, at least: search, retrieve and store as PS3.18 Section 10 has them, and the URI service."""


@dataclass
class Server:
    """A server with the projects lung and stroke beside the default one, and its tokens."""

    application: Starlette
    client: httpx.AsyncClient
    tokens: TokenFile
    origin: MemoryOrigin
    made: dict[tuple[str, ...], str] = field(default_factory=dict)

    def token(self, projects: list[str], rights: list[str], expires: float | None = None) -> str:
        token, _ = self.tokens.new(projects, rights, name="", now=NOW, expires=expires)
        return token

    def cached_token(self, projects: list[str], rights: list[str]) -> str:
        """One token for each choice of projects and rights, where many requests need the same."""
        key = (*projects, *rights)
        if key not in self.made:
            self.made[key] = self.token(projects, rights)
        return self.made[key]

    async def ask(self, method: str, path: str, token: str | None = None, **headers: str) -> httpx.Response:
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return await self.client.request(method, f"{HOST}{path}", headers=headers)


@asynccontextmanager
async def server(folder: Path, **settings: Any) -> AsyncIterator[Server]:
    for number, name in enumerate(("default", "lung", "stroke")):
        file = folder / f"{name}.key"
        file.touch(0o600)
        file.write_text((KEY[number:] + KEY[:number]).hex())
    values: dict[str, Any] = {
        "origin": "http://origin.test/dicom-web",
        "key_file": folder / "default.key",
        "state": folder / "state",
        "projects": {name: {"key_file": folder / f"{name}.key"} for name in ("lung", "stroke")},
        "access": {"tokens": folder / "tokens.json"},
    }
    origin = MemoryOrigin(instance())
    application = create_application(Settings(**(values | settings)), origin)
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(transport=httpx.ASGITransport(application)) as client,
    ):
        yield Server(application, client, TokenFile(folder / "tokens.json"), origin)


def requests_of(route: GuardedRoute) -> Iterator[tuple[str, str]]:
    """Method and path of requests that a route is for."""
    path = _PARAMETER.sub(lambda match: _FILLED.get(match[1], UNKNOWN), route.path)
    for method in sorted(route.methods or ()):
        yield method, path


def refusal(response: httpx.Response) -> tuple[int, dict[str, str], dict[str, str]]:
    """All that an answer gives away but its number."""
    head = {name: value for name, value in response.headers.items() if name != "x-request-id"}
    body = {} if not response.content else dict(response.json())
    body.pop("request_id", None)
    return response.status_code, head, body


async def test_every_route_with_every_kind_of_credentials(tmp_path: Path) -> None:
    """None, wrong, expired, revoked: 401. Another project's: 404. A right missing: 403. The right one: an answer.

    The routes are those of the application itself, so that a new one cannot be forgotten.
    """
    async with server(tmp_path) as here:
        everything = [right.value for right in Right]
        expired, revoked = here.token(["*"], everything, expires=NOW + 1), here.token(["*"], everything)
        here.tokens.revoke(revoked, now=NOW)
        invalid = [None, "", "wrong", f"dicomveil_{'0' * 12}_{'A' * 43}", expired, revoked]
        routes = [route for route in here.application.router.routes if isinstance(route, Route)]
        assert len(routes) == len(here.application.router.routes)
        guarded = [route for route in routes if isinstance(route, GuardedRoute)]
        assert {route.path for route in routes if route not in guarded} == OPEN_PATHS

        nothing = refusal(await here.ask("GET", "/nothing", here.token(["*"], everything)))
        unauthenticated = refusal(await here.ask("GET", "/nothing"))
        assert (nothing[0], nothing[2]["code"]) == (404, "no-route")
        assert (unauthenticated[0], unauthenticated[1]["www-authenticate"]) == (401, "Bearer")
        seen = set()
        for route in guarded:
            for method, path in requests_of(route):
                access = route.required_access({"type": "http", "path": path, "method": method})
                seen.add((method, path))
                empty = method == "HEAD"
                for token in invalid:
                    found = refusal(await here.ask(method, path, token))
                    assert found == (unauthenticated if not empty else (*unauthenticated[:2], {})), (method, path)
                if access.project is None:  # of the server as a whole: the right in every project
                    partly = await here.ask(method, path, here.cached_token(["lung"], everything))
                    assert partly.status_code == 403
                    wholly = await here.ask(method, path, here.cached_token(["*"], [access.right]))
                    assert wholly.status_code == 200
                    continue
                others = sorted({"default", "lung", "stroke"} - {access.project})
                found = refusal(await here.ask(method, path, here.cached_token(others, everything)))
                assert found == (nothing if not empty else (*nothing[:2], {})), (method, path)
                lacking = [right for right in everything if right != access.right]
                assert (await here.ask(method, path, here.cached_token([access.project], lacking))).status_code == 403
                assert here.origin.asked == []

                right = await here.ask(method, path, here.cached_token([access.project], [access.right]))
                assert right.status_code not in {401, 403, 405}, (method, path)
                assert right.status_code != 404 or empty or right.json()["code"] == "unknown-resource"
                here.origin.asked.clear()
        assert len(seen) > 3 * _TRANSACTIONS


async def test_a_project_that_is_not_there_is_as_one_of_others(tmp_path: Path) -> None:
    """And as a path without a route, within one's own project or outside: one status, one body, the same headers."""
    async with server(tmp_path) as here:
        token = here.token(["lung"], [right.value for right in Right])
        paths = [
            "/projects/stroke/dicom-web/studies",
            "/projects/stroke/dicom-web/studies/2.25.1/metadata",
            "/projects/nothing/dicom-web/studies",
            "/projects/stroke/nothing",
            "/projects/lung/dicom-web/nothing",
            "/projects/lung/dicom-web/studies/2.25.1/nothing",
            "/projects/lung/nothing",
            "/projects/stroke",
            "/dicom-web/studies",
            "/nothing",
            "/",
        ]
        answers = [refusal(await here.ask("GET", path, token)) for path in paths]
        allowed = await here.ask("GET", "/projects/lung/dicom-web/studies", token)
        deleted = await here.ask("DELETE", "/projects/lung/dicom-web/studies", token)
        of_others = refusal(await here.ask("DELETE", "/projects/stroke/dicom-web/studies", token))

    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == 404
    assert (allowed.status_code, len(allowed.json())) == (200, 1)
    assert (deleted.status_code, of_others) == (405, answers[0])


async def test_two_authorization_headers(tmp_path: Path) -> None:
    """400, though each of them is valid."""
    async with server(tmp_path) as here:
        valid = ("Authorization", f"Bearer {here.token(['*'], ['search'])}")
        response = await here.client.get(f"{HOST}/dicom-web/studies", headers=[valid, valid])

    assert (response.status_code, response.json()["code"]) == (400, "bad-request")


async def test_tokens_elsewhere_do_not_count(tmp_path: Path) -> None:
    """In the query, a cookie, another header, another scheme or as a form."""
    async with server(tmp_path) as here:
        token = here.token(["*"], ["search"])
        url = f"{HOST}/dicom-web/studies"
        attempts = [
            await here.client.get(url, params={"access_token": token}),
            await here.client.get(url, params={"token": token}),
            await here.client.get(url, headers={"Cookie": f"access_token={token}; Authorization=Bearer {token}"}),
            await here.client.get(url, headers={"X-Authorization": f"Bearer {token}"}),
            await here.client.get(url, headers={"Proxy-Authorization": f"Bearer {token}"}),
            await here.client.get(url, headers={"Authorization": f"Token {token}"}),
            await here.client.get(url, headers={"Authorization": token}),
            await here.client.get(url, auth=("x", token)),
            await here.client.post(url, data={"access_token": token}),
        ]

    assert [each.status_code for each in attempts] == [401] * len(attempts)
    assert here.origin.asked == []


DISGUISES = [
    "//dicom-web/studies",
    "/./dicom-web/studies",
    "/dicom-web//studies",
    "/dicom-web/./studies",
    "/dicom-web/../dicom-web/studies",
    "/healthz/../dicom-web/studies",
    "/healthz/%2e%2e/dicom-web/studies",
    "/healthz/..%2fdicom-web%2fstudies",
    "/healthz%2f..%2fdicom-web/studies",
    "/healthz;/dicom-web/studies",
    "/healthz%00/dicom-web/studies",
    "/healthz%0a/dicom-web/studies",
    "/healthz?/dicom-web/studies",
    "/healthz%3f/dicom-web/studies",
    "/healthz%23/dicom-web/studies",
    "/healthz\\..\\dicom-web\\studies",
    "/%64icom-web/studies",
    "/%2564icom-web/studies",
    "/dicom-web%2fstudies",
    "/dicom-web/%73tudies",
    "/DICOM-WEB/studies",
    "/dicom-web/STUDIES",
    "/dicom-web/studies/",
    "/dicom-web/studies%20",
    "/dicom-web/studies;x=/healthz",
    "/dicom-web/studies?path=/healthz",
    "/dicom-web/studies/%2e%2e/%2e%2e/healthz",
    "/projects/lung/../../dicom-web/studies",
    "/projects/lung%2f..%2fstroke/dicom-web/studies",
    "/projects//dicom-web/studies",
    "/projects/LUNG/dicom-web/studies",
    "/projects/lung/dicom-web/%2e%2e/%2e%2e/%2e%2e/healthz",
    "/readyz/",
    "/healthz/",
]


@pytest.mark.parametrize("raw", DISGUISES)
async def test_paths_in_disguise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raw: str) -> None:
    """However a path is written: with nothing, or with four kinds of credentials for another project, nothing comes."""
    provider = IdentityProvider()
    monkeypatch.setattr("dicomveil_proxy.origin.web.transport.Transport", provider.transport)
    stroke = {"projects": ["stroke"], "can": ["search", "retrieve", "store"]}
    access = {
        "tokens": tmp_path / "tokens.json",
        "oidc": {"issuer": ISSUER, "audience": AUDIENCE, "groups": {"stroke": stroke}},
        "certificates": [{"subject": "CN=stroke", **stroke}],
    }
    path, _, query = raw.partition("?")
    async with server(tmp_path, access=access) as here:
        token = here.token(["stroke"], stroke["can"])
        signed = provider.token(exp=int(time.time()) + 600, groups=["stroke"])
        certificate = {"tls": {"client_cert_name": "CN=stroke"}}
        valid = [(f"Bearer {token}", {}), (f"Bearer {signed}", {}), (None, certificate)]
        for credentials, extensions in valid:
            # They are valid, for what they are for.
            own = await raw_answer(here.application, "/projects/stroke/dicom-web/studies", "", credentials, extensions)
            assert own[0] == 200
        here.origin.asked.clear()
        refused = [
            (None, {}),
            ("Bearer wrong", {}),
            ("Basic YTpi", {}),
            ("Bearer x.y.z", {}),
            ("Bearer x", certificate),
        ]
        for expected, kinds in ((401, refused), (404, valid)):
            for credentials, extensions in kinds:
                status, body = await raw_answer(here.application, path, query, credentials, extensions)

                is_open = path in OPEN_PATHS
                assert status == (200 if is_open else expected)
                assert body.startswith(b'{"status":"ok"' if is_open else b'{"code":')
        assert here.origin.asked == []


async def raw_answer(
    application: Starlette, path: str, query: str, credentials: str | None, extensions: dict[str, Any]
) -> tuple[int, bytes]:
    """The answer to a path as it stands, which clients would tidy; decoded once, as servers do."""
    got: list[Any] = []
    authorization = [(b"authorization", credentials.encode())] if credentials else []
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"proxy.test"), *authorization],
        "client": ("127.0.0.1", 1),
        "extensions": extensions,
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        got.append(message)

    await application(scope, receive, send)
    return got[0]["status"], b"".join(message.get("body", b"") for message in got)


async def test_nothing_is_looked_up_before_the_credentials(tmp_path: Path) -> None:
    """No route, no resource, no body: what comes without credentials costs next to nothing."""
    async with server(tmp_path) as here:
        with mock.patch.object(GuardedRoute, "matches", side_effect=AssertionError):
            instances = f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances"
            for path in ("/dicom-web/studies", "/nothing", f"{instances}/{INSTANCE}"):
                assert (await here.ask("GET", path)).status_code == 401
            assert (await here.ask("POST", "/dicom-web/studies")).status_code == 401


async def test_open_paths(tmp_path: Path) -> None:
    """They need no credentials, and give nothing away."""
    async with server(tmp_path) as here:
        for path in sorted(OPEN_PATHS):
            for method in ("GET", "HEAD"):
                assert (await here.ask(method, path)).status_code == 200
            assert (await here.ask("POST", path)).status_code == 401


async def test_a_server_without_access_lets_everybody_in(tmp_path: Path) -> None:
    """It listens on this machine only, unless it is written out; no route is still no route."""
    async with server(tmp_path, access=None) as here:
        assert (await here.ask("GET", "/dicom-web/studies")).status_code == 200
        assert (await here.ask("GET", "/dicom-web/studies", "whatever")).status_code == 200
        assert (await here.ask("GET", "/projects/nothing/dicom-web/studies")).status_code == 404


# Cross-origin resource sharing

VIEWER = "https://viewer.test"
_PREFLIGHT = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}


async def test_a_preflight_needs_no_credentials(tmp_path: Path) -> None:
    """Browsers send none with it. It is answered from the settings alone, alike for every path."""
    async with server(tmp_path, cors_origins=(VIEWER,)) as here:
        answers = [
            await here.ask("OPTIONS", path, None, Origin=VIEWER, **_PREFLIGHT)
            for path in ("/dicom-web/studies", "/projects/lung/dicom-web/studies", "/projects/nothing/x", "/nothing")
        ]
        bare = await here.ask("OPTIONS", "/dicom-web/studies", None, Origin=VIEWER)
        evil = await here.ask("OPTIONS", "/dicom-web/studies", None, Origin="https://evil.test", **_PREFLIGHT)
        request = await here.ask("GET", "/dicom-web/studies", None, Origin=VIEWER)
        none = await here.ask("GET", "/dicom-web/studies", None, Origin="https://evil.test")

    assert {(each.status_code, each.text) for each in answers} == {(200, "OK")}
    assert all("Authorization" in each.headers["access-control-allow-headers"] for each in answers)
    assert (bare.status_code, evil.status_code) == (401, 400)
    # The page may read that it must sign on.
    assert (request.status_code, request.headers["access-control-allow-origin"]) == (401, VIEWER)
    assert "WWW-Authenticate" in request.headers["access-control-expose-headers"]
    assert (none.status_code, "access-control-allow-origin" in none.headers) == (401, False)


async def test_without_listed_pages_a_preflight_is_a_request(tmp_path: Path) -> None:
    """And has no credentials."""
    async with server(tmp_path) as here:
        response = await here.ask("OPTIONS", "/dicom-web/studies", None, Origin=VIEWER, **_PREFLIGHT)

    assert response.status_code == 401


# Limits


async def test_too_many_requests(tmp_path: Path) -> None:
    """429 with the seconds to wait; another user, and another project, are not concerned."""
    async with server(tmp_path, limits={"requests_per_second": 1}) as here:
        first, second = here.token(["*"], ["search"]), here.token(["*"], ["search"])
        answers = [await here.ask("GET", "/dicom-web/studies", first) for _ in range(3)]
        others = [
            await here.ask("GET", "/dicom-web/studies", second),
            await here.ask("GET", "/projects/lung/dicom-web/studies", first),
        ]

    assert [each.status_code for each in answers] == [200, 429, 429]
    assert (answers[1].json()["code"], answers[1].headers["retry-after"]) == ("too-many-requests", "1")
    assert [each.status_code for each in others] == [200, 200]


async def test_bytes_of_a_day(tmp_path: Path) -> None:
    """What has begun ends; the next is refused."""
    async with server(tmp_path, limits={"bytes_per_day": 10}) as here:
        token = here.token(["*"], ["search"])
        answers = [await here.ask("GET", "/dicom-web/studies", token) for _ in range(2)]

    assert [each.status_code for each in answers] == [200, 429]
    assert len(answers[0].content) > 10
