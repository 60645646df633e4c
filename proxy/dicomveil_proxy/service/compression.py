"""Compressed responses, for clients that accept them (RFC 9110 Section 12.5.3).

Only JSON and XML are compressed: the metadata of a series, nearly the same for each instance, shrinks to a fiftieth.
Pixel data is not, although every browser accepts gzip for it: compressing it would cost most of the throughput.
"""

from __future__ import annotations

import zlib
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dicomveil_engine.part10.deflated import CODEC
from dicomveil_proxy.turns import SHARE, Turns
from dicomveil_proxy.wire.media_type import DICOM_JSON, DICOM_XML, JSON, MULTIPART_RELATED, parse_media_type

MINIMUM_BYTES = 1_024
"""Shorter responses gain nothing."""
_LEVEL = 1
_GZIP = 31
"""zlib's `wbits`: a window of 2^15 bytes, and 16 for the gzip format (RFC 1952)."""
_DOCUMENTS = (DICOM_JSON, JSON)


class Compression:
    """Sends JSON and XML as gzip where the user agent accepts it."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        await self._application(scope, receive, _Answer(scope, send).send)


class _Answer:
    """One response that is being sent."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._start: Message | None = None
        """The start of a compressed document's response, held back until its length is known."""
        self._compressor: Any = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if _is_document(headers.get("content-type", "")):
                headers.add_vary_header("Accept-Encoding")
                is_long = int(headers.get("content-length", MINIMUM_BYTES)) >= MINIMUM_BYTES
                if is_long and accepts_gzip(Headers(scope=self._scope).getlist("accept-encoding")):
                    if self._scope["method"] != "HEAD" or "content-length" in headers:
                        self._start = message
                        return
                    _describe(headers, None)  # HEAD: the length of the compressed body is not known
        elif self._start is not None:
            start, self._start = self._start, None
            self._compressor = CODEC.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
            message = await self._compressed(message)
            _describe(MutableHeaders(scope=start), None if message["more_body"] else len(message["body"]))
            await self._send(start)
        elif self._compressor is not None:
            message = await self._compressed(message)
            if message["more_body"] and not message["body"]:
                return
        await self._send(message)

    async def _compressed(self, message: Message) -> Message:
        whole = message["body"]
        # A search response may have tens of megabytes: other requests have their turn every few milliseconds.
        places = Turns().through(range(0, len(whole), SHARE), SHARE // 4)
        body = b"".join([self._compressor.compress(whole[place : place + SHARE]) async for place in places])
        more = message.get("more_body", False)
        return {**message, "body": body if more else body + self._compressor.flush(), "more_body": more}


def _describe(headers: MutableHeaders, length: int | None) -> None:
    headers["content-encoding"] = "gzip"
    if length is None:
        del headers["content-length"]
    else:
        headers["content-length"] = str(length)
    if "etag" in headers:
        # The same content in other bytes, hence a weak tag (RFC 9110 Section 8.8.3).
        headers["etag"] = f"W/{headers['etag'].removeprefix('W/')}"


def _is_document(content_type: str) -> bool:
    media_type = parse_media_type(content_type)
    if media_type is None:
        return False
    return media_type.name in _DOCUMENTS or (media_type.name == MULTIPART_RELATED and media_type.part_type == DICOM_XML)


def accepts_gzip(headers: list[str]) -> bool:
    """Whether Accept-Encoding headers accept gzip; `*` means any coding that is not listed."""
    named: dict[str, bool] = {}
    for each in ",".join(headers).lower().split(","):
        coding, _, weight = each.partition(";")
        named[coding.strip()] = weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return named.get("gzip", named.get("x-gzip", named.get("*", False)))
