"""What is wrong with an origin server's address is said so that it can be put right, without the address."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import aiohttp
import httpx
import pytest

from dicomveil_proxy.origin.web.diagnosis import diagnose

pytestmark = pytest.mark.anyio
SECRET = "secret-host"

ANSWERS = {
    "path": (httpx.Response(404), "check the path"),
    "credentials": (httpx.Response(401), "requires credentials"),
    "rights": (httpx.Response(403), "rights"),
    "page": (httpx.Response(200, html="<html>Doe^Jane</html>"), "web page"),
    "redirect": (httpx.Response(301, headers={"location": f"http://{SECRET}/"}), "redirects"),
    **{str(each): (httpx.Response(each), "does not support searching") for each in (400, 405, 406, 415, 501)},
    "other": (httpx.Response(500), "status 500"),
    "no list": (httpx.Response(200, json={"a": 1}), "not DICOM JSON"),
    "no JSON": (httpx.Response(200, text="hello"), "not DICOM JSON"),
}


async def said(response: httpx.Response, url: str = f"http://{SECRET}/dicom-web") -> str | None:
    return await diagnose(url, transport=httpx.MockTransport(lambda _: response))


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_says_what_is_wrong(name: str) -> None:
    """Each in its own words."""
    response, words = ANSWERS[name]
    fault = await said(response)

    assert fault is not None
    assert words in fault
    assert SECRET not in fault
    assert "Doe" not in fault


@pytest.mark.parametrize(
    "response", [httpx.Response(200, json=[]), httpx.Response(200, json=[{}]), httpx.Response(204)]
)
async def test_a_right_answer_is_silent(response: httpx.Response) -> None:
    """Empty archives too."""
    assert await said(response) is None


async def test_credentials_that_are_refused() -> None:
    """Are not asked for once more."""
    fault = await said(httpx.Response(401), "http://user:hidden@secret-host/dicom-web")

    assert fault is not None
    assert "refuses the credentials" in fault
    assert "hidden" not in fault


async def test_real_sockets() -> None:
    """No listener, no name, and something that is not TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        late = await diagnose(f"http://127.0.0.1:{port}/dicom-web", seconds=0.2)
    closed = await diagnose(f"http://127.0.0.1:{port}/dicom-web", seconds=2)
    unknown = await diagnose("http://archive.invalid/dicom-web", seconds=5)

    assert "in time" in str(late)
    assert "nothing listens" in str(closed)
    assert "name cannot be resolved" in str(unknown)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (aiohttp.ServerDisconnectedError(), "does not speak HTTP"),
        (ConnectionResetError(), "does not speak HTTP"),
        (TimeoutError(), "in time"),
        (OSError(), "cannot be reached"),
    ],
)
async def test_an_error_of_the_network_says_what_is_wrong(error: Exception, words: str) -> None:
    """By its class; one that says nothing is said in general."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    fault = await diagnose(f"http://{SECRET}/dicom-web", transport=httpx.MockTransport(fail))

    assert fault is not None
    assert words in fault


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    """One study was asked for: a MiB is enough."""
    count = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal count
        for _ in range(1_000):
            count += 1
            yield b" " * (1 << 18)

    assert await said(httpx.Response(200, content=endless())) is None
    assert count < 10
