"""Responses of a web origin: its parts without its headers, its errors without its words."""

from __future__ import annotations

import aiohttp
import httpx
import pytest

from dicomveil_proxy.errors import (
    OriginMalformed,
    OriginRefused,
    OriginTimeout,
    OriginUnavailable,
    ProxyError,
    UnknownResource,
)
from dicomveil_proxy.origin.web.response import mapped_errors, parts_of, refuse
from dicomveil_proxy.wire.multipart import Event, PartData, PartEnd, PartStart

pytestmark = pytest.mark.anyio


async def events(content: bytes, **headers: str) -> list[Event]:
    """Of a response with this body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return [event async for event in parts_of(httpx.Response(200, headers=named, content=content))]


async def test_parts() -> None:
    """Of the headers only type and length pass; what the part does not say of its type, the whole says."""
    body = b"--b\r\nContent-Location: http://origin.test/1.2.3\r\nContent-Length: 3\r\n\r\none\r\n--b--"

    assert await events(body, content_type='multipart/related; boundary=b; type="image/jpeg;transfer-syntax=1.2"') == [
        PartStart({"content-type": "image/jpeg; transfer-syntax=1.2", "content-length": "3"}),
        PartData(b"one"),
        PartEnd(),
    ]


async def test_a_body_that_is_no_multipart() -> None:
    """It is the only part; a length that is that of the encoded body is none."""
    plain = await events(b"one", content_type="application/dicom", content_length="3", etag="1.2.3")

    assert plain[0] == PartStart({"content-type": "application/dicom", "content-length": "3"})
    assert plain[1:] == [PartData(b"one"), PartEnd()]


@pytest.mark.parametrize(
    "headers",
    [{}, {"content_type": "text/html"}, {"content_type": "multipart/related"}, {"content_type": "image/jpeg"}],
)
async def test_a_body_of_another_kind(headers: dict[str, str]) -> None:
    """It is refused."""
    with pytest.raises(OriginMalformed):
        await events(b"--b\r\n", **headers)


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, UnknownResource), (410, UnknownResource), (504, OriginTimeout), (401, OriginRefused), (302, OriginRefused)],
)
def test_refuse(status: int, error: type[ProxyError]) -> None:
    """Each status has its error."""
    with pytest.raises(error) as caught:
        refuse(status)
    assert status == getattr(caught.value, "status", status)


def chained(error: Exception, cause: Exception) -> Exception:
    """The error as httpx-aiohttp raises it."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (httpx.ConnectError("http://origin.test"), OriginUnavailable),
        (httpx.ReadTimeout("1.2.3"), OriginTimeout),
        (httpx.RemoteProtocolError("1.2.3"), OriginMalformed),
        (httpx.InvalidURL("1.2.3"), OriginUnavailable),
        (aiohttp.ClientPayloadError("1.2.3"), OriginMalformed),
        (OSError("1.2.3"), OriginUnavailable),
        (chained(httpx.ConnectTimeout("1.2.3"), aiohttp.ClientOSError("1.2.3")), OriginUnavailable),
        (chained(httpx.ReadError("1.2.3"), TimeoutError("1.2.3")), OriginTimeout),
    ],
)
def test_errors_of_the_way(raised: Exception, error: type[ProxyError]) -> None:
    """The cause decides; neither message nor chain passes."""
    with pytest.raises(error) as caught, mapped_errors():
        raise raised
    assert caught.value.__suppress_context__
    assert "1.2.3" not in str(caught.value)


def test_errors_of_ours_pass() -> None:
    """They are not the fault of the origin."""
    with pytest.raises(KeyError), mapped_errors():
        raise KeyError
