"""Cross-origin resource sharing: only pages of the configured web origins may ask and read."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from proxy.fakes import BASE, Asking, MemoryOrigin, instance, proxy

pytestmark = pytest.mark.anyio

VIEWER = "https://viewer.test"
EVIL = "https://evil.test"


async def preflight(ask: Asking, web_origin: str, method: str = "GET", headers: str = "accept") -> httpx.Response:
    """What a browser asks before a request that is not simple."""
    asked = {"Origin": web_origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return await ask.client.options(f"{BASE}/studies", headers=asked)


async def test_a_page_that_may_ask(tmp_path: Path) -> None:
    """Its web origin is named, and credentials may come with the request."""
    async with proxy(tmp_path, MemoryOrigin(instance()), cors_origins=(VIEWER,)) as ask:
        for response in (await ask.get("/studies", Origin=VIEWER), await ask.get("/nothing", Origin=VIEWER)):
            assert response.headers["access-control-allow-origin"] == VIEWER
            assert response.headers["access-control-allow-credentials"] == "true"
            assert "ETag" in response.headers["access-control-expose-headers"]
            assert "Origin" in response.headers["vary"]


async def test_a_stream_and_a_cached_answer(tmp_path: Path) -> None:
    """They vary with the page's origin, and with Accept where they may be kept."""
    async with proxy(tmp_path, MemoryOrigin(instance()), cors_origins=(VIEWER,)) as ask:
        series = await ask.get(ask.path(instance=None), Origin=VIEWER)
        metadata = await ask.get(f"{ask.path()}/metadata", Origin=VIEWER)

    assert series.headers["access-control-allow-origin"] == VIEWER
    assert metadata.headers["vary"] == "Accept, Accept-Encoding, Origin"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_a_preflight(tmp_path: Path, method: str) -> None:
    """It is answered here, with the methods and headers that viewers use."""
    origin = MemoryOrigin(instance())
    async with proxy(tmp_path, origin, cors_origins=("http://other.test", VIEWER)) as ask:
        response = await preflight(ask, VIEWER, method, "accept, authorization, content-type, if-none-match, range")

    assert (response.status_code, origin.asked) == (200, [])
    assert response.headers["access-control-allow-origin"] == VIEWER
    assert method in response.headers["access-control-allow-methods"]


@pytest.mark.parametrize(
    ("web_origin", "method", "header"),
    [(EVIL, "GET", "accept"), ("null", "GET", "accept"), (VIEWER, "DELETE", "accept"), (VIEWER, "GET", "x-evil")],
)
async def test_a_preflight_that_is_refused(tmp_path: Path, web_origin: str, method: str, header: str) -> None:
    """Other pages, methods and headers."""
    async with proxy(tmp_path, MemoryOrigin(instance()), cors_origins=(VIEWER,)) as ask:
        response = await preflight(ask, web_origin, method, header)

    assert response.status_code == 400
    assert response.headers.get("access-control-allow-origin") in (None, VIEWER)
    assert web_origin in (VIEWER, "null") or web_origin not in repr(response.headers)


@pytest.mark.parametrize("web_origin", [EVIL, "null", "https://viewer.test.evil.test", "http://viewer.test"])
async def test_a_page_that_may_not(tmp_path: Path, web_origin: str) -> None:
    """Nothing allows its browser to give it the answer."""
    async with proxy(tmp_path, MemoryOrigin(instance()), cors_origins=(VIEWER,)) as ask:
        response = await ask.get("/studies", Origin=web_origin)

    assert "access-control-allow-origin" not in response.headers


async def test_every_page(tmp_path: Path) -> None:
    """`*` allows all, and never with credentials."""
    async with proxy(tmp_path, MemoryOrigin(instance()), cors_origins=("*",)) as ask:
        for response in (await ask.get("/studies", Origin=EVIL), await preflight(ask, EVIL)):
            assert response.headers["access-control-allow-origin"] == "*"
            assert "access-control-allow-credentials" not in response.headers


async def test_no_page(tmp_path: Path) -> None:
    """Without the setting there are no such headers, and no preflights."""
    async with proxy(tmp_path, MemoryOrigin(instance())) as ask:
        response = await ask.get("/studies", Origin=VIEWER)
        before = await preflight(ask, VIEWER)

    assert not [name for name in response.headers if name.startswith("access-control")]
    assert before.status_code == 405
