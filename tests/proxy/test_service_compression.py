"""Documents leave compressed for who accepts it; pixels never do."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from dicomveil_proxy.service.compression import MINIMUM_BYTES, Compression, accepts_gzip
from proxy.fakes import ANY_SYNTAX, MemoryOrigin, instance, proxy

pytestmark = pytest.mark.anyio

JSON = "application/dicom+json"
BODY = b"[" + b'"Doe^Jane",' * 500 + b"0]"


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ([], False),
        ([""], False),
        (["gzip"], True),
        (["br, GZIP;q=0.5"], True),
        (["gzip;q=0"], False),
        (["gzip ; q=0.000, *"], False),
        (["*"], True),
        (["*;q=0"], False),
        (["br", "gzip"], True),
        (["identity"], False),
        (["xgzip"], False),
    ],
)
def test_accept_encoding(headers: list[str], accepted: bool) -> None:
    """RFC 9110 Section 12.5.3."""
    assert accepts_gzip(headers) is accepted


async def _ask(media_type: str, encoding: str = "gzip", *, body: bytes = BODY, method: str = "GET") -> httpx.Response:
    async def whole(_: object) -> Response:
        return Response(body, media_type=media_type, headers={"ETag": '"1"'})

    async def streamed(_: object) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(body), 100):
                yield body[start : start + 100]

        return StreamingResponse(pieces(), media_type=media_type)

    routes = [Route("/whole", whole, methods=["GET", "HEAD"]), Route("/streamed", streamed)]
    transport = httpx.ASGITransport(Compression(Starlette(routes=routes)))
    async with httpx.AsyncClient(transport=transport, base_url="http://proxy.test") as client:
        path = "/streamed" if method == "STREAM" else "/whole"
        asked = client.build_request("HEAD" if method == "HEAD" else "GET", path, headers={"Accept-Encoding": encoding})
        return await client.send(asked)


async def test_a_document() -> None:
    """As gzip, with the length of that; its tag is weak, since its bytes are others."""
    answer = await _ask(JSON)

    assert answer.content == BODY
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) == answer.num_bytes_downloaded < len(BODY) / 10
    assert (answer.headers["etag"], answer.headers["vary"]) == ('W/"1"', "Accept-Encoding")


async def test_a_document_in_pieces() -> None:
    """Of a length that nobody knows."""
    answer = await _ask(JSON, method="STREAM")

    assert answer.content == BODY
    assert answer.headers["content-encoding"] == "gzip"
    assert "content-length" not in answer.headers


async def test_head_says_the_same() -> None:
    """As a GET, with no body."""
    head, got = await _ask(JSON, method="HEAD"), await _ask(JSON)

    assert dict(head.headers) == dict(got.headers)


@pytest.mark.parametrize(
    ("media_type", "encoding", "size"),
    [
        (JSON, "identity", 5_000),
        (JSON, "gzip", MINIMUM_BYTES - 1),
        ("application/dicom", "gzip", 5_000),
        ("image/jpeg", "gzip", 5_000),
        ('multipart/related; type="application/octet-stream"; boundary=b', "gzip", 5_000),
        ('multipart/related; type="application/dicom"; boundary=b', "gzip", 5_000),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_as_it_is(media_type: str, encoding: str, size: int, method: str) -> None:
    """Who does not accept it, what is short, and pixels."""
    answer = await _ask(media_type, encoding, body=BODY[:size], method=method)

    assert "content-encoding" not in answer.headers
    assert answer.headers["etag"] == '"1"'
    assert int(answer.headers["content-length"]) == len(BODY[:size])
    assert ("vary" in answer.headers) == (media_type == JSON)


async def test_through_the_proxy(tmp_path: Path) -> None:
    """Metadata and searches are compressed, and their tags hold; instances are not."""
    origin = MemoryOrigin(instance(ImageComments="x" * 5_000))
    async with proxy(tmp_path, origin) as ask:
        metadata = await ask.get(f"{ask.path()}/metadata", **{"Accept-Encoding": "gzip"})
        plain = await ask.get(f"{ask.path()}/metadata", **{"Accept-Encoding": "identity"})
        held = await ask.get(f"{ask.path()}/metadata", **{"If-None-Match": metadata.headers["etag"]})
        whole = await ask.get(ask.path(), ANY_SYNTAX, **{"Accept-Encoding": "gzip"})

    assert metadata.headers["content-encoding"] == "gzip"
    assert metadata.json() == plain.json()
    assert set(metadata.headers["vary"].split(", ")) == {"Accept", "Accept-Encoding"}
    assert held.status_code == 304
    assert "content-encoding" not in whole.headers


async def test_the_bytes_are_gzip() -> None:
    """Python's own reader reads them."""
    sent: list[bytes] = []

    async def application(_: object, __: object, send: object) -> None:
        await Response(BODY, media_type=JSON)({"type": "http", "method": "GET"}, None, send)  # type: ignore[arg-type]

    async def send(message: dict[str, bytes]) -> None:
        sent.append(message.get("body", b""))

    scope = {"type": "http", "method": "GET", "headers": [(b"accept-encoding", b"gzip")]}
    await Compression(application)(scope, None, send)  # type: ignore[arg-type]

    assert gzip.decompress(b"".join(sent)) == BODY
