"""The HTTP client for origin servers: httpx on aiohttp, with bodies in pieces as received.

httpx-aiohttp divides a body into pieces of 16 KiB, each of which costs as much as one of 250 KiB, and lets aiohttp
rewrite URLs. Here a piece is the result of one read from the socket, without a copy, and URLs are sent as written.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
from aiohttp import ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from httpx_aiohttp import AiohttpTransport
from httpx_aiohttp.transport import AiohttpResponseStream, map_aiohttp_exceptions
from yarl import URL

from dicomveil_proxy.origin.web.inflation import inflated


class Transport(AiohttpTransport):
    """An `AiohttpTransport` that does not divide bodies, and keeps no cookies, which all users would share."""

    def get_client(self) -> ClientSession:
        """A new session; called for the first request."""
        limits = self.limits
        connector = TCPConnector(
            limit=limits.max_connections or 0, keepalive_timeout=limits.keepalive_expiry, ssl=self.ssl_context
        )
        return ClientSession(connector=connector, cookie_jar=DummyCookieJar(), auto_decompress=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its body, if any, must have a Content-Length."""
        if not isinstance(self.client, ClientSession):
            self.client = self.get_client()
        seconds = request.extensions["timeout"]
        has_body = "content-length" in request.headers
        with map_aiohttp_exceptions():
            response = await self.client.request(
                request.method,
                # aiohttp would decode `%2C` in a BulkDataURI, and some servers sign their URLs.
                URL(str(request.url), encoded=True),
                headers=request.headers,
                data=request.stream if has_body else None,
                allow_redirects=False,
                compress=False,
                timeout=ClientTimeout(
                    sock_connect=seconds["connect"], sock_read=seconds["read"], connect=seconds["pool"]
                ),
            )
        return httpx.Response(response.status, headers=response.raw_headers, stream=_Pieces(response), request=request)


class _Pieces(AiohttpResponseStream):
    def __init__(self, response: ClientResponse) -> None:
        super().__init__(response)
        self._content = response.content
        self._is_chunked = "transfer-encoding" in response.headers

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = self._content
        with map_aiohttp_exceptions():
            # at_eof() before each read: all responses without a body share one object, whose `readchunk` reports the
            # end only once.
            while not content.at_eof():
                # HTTP chunks may have a byte each: those received so far become one piece.
                piece = await content.readany() if self._is_chunked else (await content.readchunk())[0]
                if piece:
                    yield piece
            if error := content.exception():
                raise error


def body_of(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body in pieces, decompressed."""
    stream = response.stream
    if not isinstance(stream, httpx.AsyncByteStream):
        return response.aiter_bytes()
    if encoding := response.headers.get("content-encoding"):
        return inflated(aiter(stream), encoding)
    return aiter(stream)
