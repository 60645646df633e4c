"""Responses of a DICOMweb origin server: errors, its own and the network's, and the parts of a body.

Exceptions of httpx and aiohttp are mapped here, and headers that may name the origin server are dropped.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NoReturn

import aiohttp
import httpx

from dicomveil_proxy.errors import (
    OriginMalformed,
    OriginRefused,
    OriginTimeout,
    OriginUnavailable,
    UnknownResource,
)
from dicomveil_proxy.origin.web.transport import body_of
from dicomveil_proxy.wire.multipart import (
    Event,
    MultipartReader,
    PartData,
    PartEnd,
    PartStart,
    boundary_of,
    content_type_of,
)


async def parts_of(
    response: httpx.Response, check: Callable[[str], None] = lambda _: None
) -> AsyncGenerator[Event, None]:
    """The parts of a multipart response; the body of any other response as a single part.

    `check` is called with each part's Content-Location, and raises if it is not of the requested resource.
    """
    if response.status_code == httpx.codes.NO_CONTENT:
        raise UnknownResource("the origin server has no content for that resource")
    whole = response.headers.get("content-type", "")
    media_type, transfer_syntax = content_type_of(whole)
    if not whole.lower().startswith("multipart/"):
        if media_type not in ("application/dicom", "application/octet-stream"):
            raise OriginMalformed("the origin server answered in another media type than asked for")
        async for event in _single_part(response):
            yield event
        return
    reader = MultipartReader(boundary_of(whole))
    with mapped_errors():
        async for chunk in body_of(response):
            for event in reader.read(chunk):
                if isinstance(event, PartStart):
                    check(event.headers.get("content-location", ""))
                    yield _part_start(event, media_type, transfer_syntax)
                else:
                    yield event
    reader.close()


async def _single_part(response: httpx.Response) -> AsyncGenerator[Event, None]:
    headers = dict(response.headers)
    if "content-encoding" in headers:
        headers.pop("content-length", None)  # the length of the compressed body
    yield _part_start(PartStart(headers), None, None)
    with mapped_errors():
        async for chunk in body_of(response):
            yield PartData(chunk)
    yield PartEnd()


def _part_start(start: PartStart, media_type: str | None, transfer_syntax: str | None) -> PartStart:
    """Content-Type and Content-Length of a part; a missing Content-Type is taken from the whole body's."""
    own_type, own_syntax = content_type_of(start.headers.get("content-type"))
    content_type = own_type or media_type or "application/octet-stream"
    if syntax := own_syntax or transfer_syntax:
        content_type += f"; transfer-syntax={syntax}"
    headers = {"content-type": content_type}
    if "content-length" in start.headers:
        headers["content-length"] = start.headers["content-length"]
    return PartStart(headers)


def refuse(status: int, retry_after: str | None = None) -> NoReturn:
    """Raise the error for a status that is not a success; the origin server's message is dropped."""
    if status in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
        raise UnknownResource("the origin server has no such resource")
    if status == httpx.codes.GATEWAY_TIMEOUT:
        raise OriginTimeout("a server behind the origin server took too long")
    raise OriginRefused(f"the origin server answered with status {status}", status, _seconds(retry_after))


def _seconds(retry_after: str | None) -> float:
    """The delay of a Retry-After header; 0 if it is missing or invalid (RFC 9110 Section 10.2.3)."""
    text = (retry_after or "").strip()
    if re.fullmatch("[0-9]{1,9}", text):
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Map errors of httpx and aiohttp, whose messages contain URLs, to those of the proxy.

    aiohttp's own error decides where there is one: httpx-aiohttp maps a refused connection to httpx.ConnectTimeout.
    """
    try:
        yield
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, aiohttp.ClientError, OSError) as error:
        cause = error.__cause__ if isinstance(error.__cause__, (aiohttp.ClientError, OSError)) else error
        if isinstance(cause, (TimeoutError, httpx.TimeoutException)):
            raise OriginTimeout("the origin server took too long") from None
        if isinstance(cause, _BROKEN):
            raise OriginMalformed("the response of the origin server is broken or incomplete") from None
        raise OriginUnavailable("the origin server cannot be reached, or closed the connection") from None


_BROKEN = (
    aiohttp.ClientPayloadError,
    aiohttp.ClientResponseError,
    httpx.DecodingError,
    httpx.ReadError,
    httpx.RemoteProtocolError,
)
