"""The way to an origin server, over real connections: what fakes of the transport cannot show."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_proxy.errors import (
    OriginMalformed,
    OriginRefused,
    OriginTimeout,
    OriginUnavailable,
    ProxyError,
    UnknownResource,
)
from dicomveil_proxy.origin.web.origin import WebLimits, WebOrigin
from dicomveil_proxy.origin.web.transport import Transport, body_of, is_plain
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.wire.multipart import PartData, PartStart

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\n"
GONE = b"the client went away"


@asynccontextmanager
async def server(*answers: bytes | None, hangs_up: bool = False) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A real server: each request gets the next answer, None hangs up. Yields its URL, and what it got."""
    seen: list[bytes] = []
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                seen.append(head)
                answer = left.pop(0)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
                if hangs_up:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            seen.append(GONE)
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/dicom-web", seen


async def test_over_a_real_connection() -> None:
    """The transport sends what was asked for, as it was written."""
    async with server(OK + b"Content-Length: 2\r\n\r\n[]") as (base, seen):
        web = WebOrigin(base)
        await web.search(Level.STUDIES, None, None, [("PatientName", "Do?^*")], limit=1, offset=0)
        await web.aclose()

    assert seen[0].startswith(b"GET /dicom-web/studies?PatientName=Do??*&limit=1 HTTP/1.1\r\n")


async def test_redirects_are_not_followed() -> None:
    """Credentials are for the archive alone, and so are the questions, which hold originals."""
    async with server(OK + b"Content-Length: 2\r\n\r\n[]") as (other, seen_there):
        moved = f"HTTP/1.1 302 Found\r\nLocation: {other}/studies\r\nContent-Length: 0\r\n\r\n".encode()
        async with server(moved) as (base, seen):
            web = WebOrigin(base)
            with pytest.raises(ProxyError):
                await web.search(Level.STUDIES, None, None, [], limit=1, offset=0)
            await web.aclose()

    assert sum(each.startswith(b"GET") for each in seen) == 1
    assert not seen_there


async def test_connection_refused() -> None:
    """Unavailable, and no timeout, whatever the transport calls it; the URL stays out of the message."""
    async with server() as (base, _):
        pass
    web = WebOrigin(base)

    with pytest.raises(OriginUnavailable) as caught:
        await web.search(Level.STUDIES, None, None, [], limit=1, offset=0)

    await web.aclose()
    assert "127.0.0.1" not in str(caught.value)


async def test_silent_origin() -> None:
    """It times out."""
    async with server(b"") as (base, _):
        web = WebOrigin(base, limits=WebLimits(read_seconds=0.05))
        with pytest.raises(OriginTimeout):
            await web.search(Level.STUDIES, None, None, [], limit=1, offset=0)
        await web.aclose()


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 5\r\n\r\n[{}",
        OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\n[{}\r\n",
        OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone",
        b"nonsense\r\n\r\n",
    ],
)
async def test_broken_answer(answer: bytes) -> None:
    """A body that is not whole is malformed, not short."""
    async with server(answer, hangs_up=True) as (base, _):
        web = WebOrigin(base)
        with pytest.raises(OriginMalformed):
            _ = [chunk async for chunk in web.metadata("1.2")]
        await web.aclose()


async def test_connection_that_went_stale() -> None:
    """A request on a connection that the origin closed meanwhile is asked again, once."""
    answer = OK + b"Content-Length: 2\r\n\r\n[]"
    async with server(answer, None, answer) as (base, seen):
        web = WebOrigin(base)
        for _ in range(2):
            assert await web.search(Level.STUDIES, None, None, [], limit=1, offset=0) == []
        await web.aclose()

    assert len([head for head in seen if head != GONE]) == 3


async def test_no_cookies() -> None:
    """What the origin sets for one request it does not get with the next, which may be another user's."""
    answer = OK + b"Set-Cookie: session=1; Path=/\r\nContent-Length: 2\r\n\r\n[]"
    async with server(answer, answer) as (base, seen):
        web = WebOrigin(base)
        for _ in range(2):
            assert await web.search(Level.STUDIES, None, None, [], limit=1, offset=0) == []
        await web.aclose()

    assert not any(b"cookie:" in head.lower() for head in seen[:2])


async def test_pieces_are_as_large_as_they_come() -> None:
    """A body is not cut small: each piece costs the whole way through the proxy."""
    body = bytes(4 << 20)
    headers = OK.replace(b"application/dicom+json", b"application/dicom") + b"Content-Length: %d\r\n\r\n" % len(body)
    async with server(headers + body) as (base, _):
        web = WebOrigin(base)
        events = [event async for event in web.instances("1.2", "1.2.3", "1.2.3.4")]
        await web.aclose()

    pieces = [len(event.data) for event in events if isinstance(event, PartData)]
    assert sum(pieces) == len(body)
    assert sum(pieces) / len(pieces) > 1 << 15


async def test_stopping_early_lets_go_of_the_origin() -> None:
    """The rest of a series that nobody reads is not fetched."""
    head = OK.replace(b"application/dicom+json", b"multipart/related; boundary=b")
    async with server(head + b"Content-Length: 1000000\r\n\r\n--b\r\n\r\nfirst") as (base, seen):
        web = WebOrigin(base)
        events = web.instances("1.2")
        assert isinstance(await anext(events), PartStart)
        await events.aclose()
        async with asyncio.timeout(5):
            while GONE not in seen:  # noqa: ASYNC110 - it is a list of what the server saw
                await asyncio.sleep(0.01)
        await web.aclose()


async def studies(web: WebOrigin) -> object:
    """What a search for studies finds."""
    return await web.search(Level.STUDIES, None, None, [], limit=1, offset=0)


@pytest.mark.parametrize(
    "empty",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        OK + b"Content-Length: 0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_answers_without_a_body(empty: bytes) -> None:
    """Each ends where it ends, the second and third as the first, and so does one with a body on that connection."""
    async with server(*[empty] * 3, OK + b"Content-Length: 4\r\n\r\n[{}]") as (base, seen):
        web = WebOrigin(base)
        for _ in range(3):
            assert await studies(web) == []
        assert await studies(web) == [{}]
        await web.aclose()

    assert GONE not in seen[:4]


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_body_of_what_has_none(status: bytes) -> None:
    """The pieces of an answer that cannot have a body are none, however often they are asked for."""
    async with server(*[b"HTTP/1.1 %s\r\n\r\n" % status] * 3) as (base, _):
        transport = Transport()
        for _ in range(3):
            request = httpx.Request("GET", base, extensions={"timeout": httpx.Timeout(5).as_dict()})
            response = await transport.handle_async_request(request)
            pieces = 0
            async for _piece in body_of(response):
                pieces += 1
                assert pieces < 10, "it goes on for ever"
            await response.aclose()
            assert not pieces
        await transport.aclose()


@pytest.mark.parametrize(
    ("status", "error"), [(b"204 No Content", UnknownResource), (b"304 Not Modified", OriginRefused)]
)
async def test_retrieve_without_a_body(status: bytes, error: type[ProxyError]) -> None:
    """Nothing was found, or nothing that was asked for; and the next request is answered."""
    answer = b"HTTP/1.1 %s\r\n\r\n" % status
    async with server(answer, answer, OK + b"Content-Length: 2\r\n\r\n[]") as (base, _):
        web = WebOrigin(base)
        for _ in range(2):
            with pytest.raises(error):
                _ = [event async for event in web.instances("1.2")]
        assert await studies(web) == []
        await web.aclose()


async def test_answer_after_one_that_was_broken_off() -> None:
    """What is left of an answer that nobody reads to its end is never taken for the beginning of the next one."""
    head = OK.replace(b"application/dicom+json", b"multipart/related; boundary=b")
    part = b"--b\r\n\r\nfirst\r\n--b\r\n\r\n" + OK + b"Content-Length: 4\r\n\r\n[{}]"
    whole = head + b"Content-Length: 1000000\r\n\r\n" + part
    async with server(whole, OK + b"Content-Length: 2\r\n\r\n[]") as (base, _):
        web = WebOrigin(base)
        events = web.instances("1.2")
        assert isinstance(await anext(events), PartStart)
        await events.aclose()
        assert await studies(web) == []
        await web.aclose()


async def test_refused_answers_let_go_of_their_connections() -> None:
    """An error's body that nobody reads holds none of the few connections there are."""
    refused = b"HTTP/1.1 404 Not Found\r\nContent-Length: 1000000\r\n\r\n{"
    async with server(*[refused] * 5) as (base, _):
        web = WebOrigin(base, limits=WebLimits(connections=1, wait_seconds=5))
        for _ in range(5):
            with pytest.raises(UnknownResource):
                await studies(web)
        await web.aclose()


async def test_store_that_is_refused_before_it_was_sent() -> None:
    """An origin server that answers without reading has answered: its status counts, not the broken connection."""
    too_large = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    async with server(too_large, hangs_up=True) as (base, _):
        web = WebOrigin(base)
        with pytest.raises(OriginRefused, match="413"):
            await web.store(None, "1.2.3", BytesIO(bytes(64 << 20)), 64 << 20)
        await web.aclose()


async def test_urls_are_sent_as_they_are_written() -> None:
    """What is percent-encoded in a BulkDataURI stays so: a server may have signed it."""
    path = "studies/1.2/bulk/a%2Cb%5E~?signature=%41%2B%3D"
    head = OK.replace(b"application/dicom+json", b"application/octet-stream")
    async with server(head + b"Content-Length: 1\r\n\r\nx") as (base, seen):
        web = WebOrigin(base)
        _ = [event async for event in web.bulkdata(f"{base}/{path}")]
        await web.aclose()

    assert seen[0].startswith(f"GET /dicom-web/{path} HTTP/1.1\r\n".encode())


async def test_chunks_of_a_byte_each() -> None:
    """A body in very small chunks is read in pieces as large as they came."""
    body = b"".join(b"1\r\n%c\r\n" % byte for byte in b"[" + b" " * 20_000 + b"]") + b"0\r\n\r\n"
    async with server(OK + b"Transfer-Encoding: chunked\r\n\r\n" + body) as (base, _):
        web = WebOrigin(base)
        pieces = [piece async for piece in web.metadata("1.2")]
        await web.aclose()

    assert len(b"".join(pieces)) == 20_002
    assert len(pieces) < 200


@pytest.mark.parametrize("path", ["studies", "studies?StudyDate=2020*&limit=3", "studies/1.2.3/series/A,b_~c/frames/1"])
async def test_a_request_without_httpx_is_the_same(path: str) -> None:
    """What is sent for a plain URL does not depend on whether httpx has looked at it."""
    transport, headers, seconds = Transport(), {"User-Agent": "x", "Accept": "a/b", "Accept-Encoding": "identity"}, 5
    timeout = httpx.Timeout(seconds).as_dict()
    async with server(*[OK + b"Content-Length: 2\r\n\r\n[]"] * 2) as (url, seen):
        assert is_plain(f"{url}/{path}")
        quick = await transport.get(f"{url}/{path}", headers, timeout)
        request = httpx.Request("GET", f"{url}/{path}", headers=headers, extensions={"timeout": timeout})
        usual = await transport.handle_async_request(request)
        for response in (quick, usual):
            assert [piece async for piece in body_of(response)] == [b"[]"]
        await transport.aclose()
    first, second = (head.split(b"\r\n") for head in seen[:2])
    assert first[0] == second[0]
    assert sorted(map(bytes.lower, first)) == sorted(map(bytes.lower, second))
    assert quick.headers == usual.headers


_HOSTS = st.sampled_from(["127.0.0.1", "orthanc", "pacs.hospital.example", "[::1]", "user@host", "Host", "-", "a..b"])
_PORTS = st.sampled_from(["", ":80", ":443", ":8042", ":0", ":99999"])
_PATHS = st.text("aZ1./_~*,-%25 ?&=+;:@!$'()\\\"<>[]{}|^`#é\n", max_size=12)


@given(st.sampled_from(["http", "https", "HTTP", "ftp"]), _HOSTS, _PORTS, _PATHS)
def test_plain_urls_are_those_that_httpx_does_not_change(scheme: str, host: str, port: str, path: str) -> None:
    """No dot segments, escapes, default ports or characters that would be escaped."""
    url = f"{scheme}://{host}{port}/dicom-web/{path}"
    if is_plain(url):
        assert str(httpx.Request("GET", url).url) == url
