"""The way to an origin server over HTTP: httpx on aiohttp, with bodies in pieces as large as they come.

httpx-aiohttp cuts a body into pieces of 16 KiB, each of which then costs as much as one of 250 KiB would, and has
aiohttp rewrite URLs. Here a piece is what one read of the socket gave, and nothing is copied to make it; and a URL is
sent as it is written.
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
    """An `AiohttpTransport` whose bodies are not cut, and which keeps no cookies: those of one user are no other's."""

    def get_client(self) -> ClientSession:
        """A session of its own, made when the first request is."""
        limits = self.limits
        connector = TCPConnector(
            limit=limits.max_connections or 0, keepalive_timeout=limits.keepalive_expiry, ssl=self.ssl_context
        )
        return ClientSession(connector=connector, cookie_jar=DummyCookieJar(), auto_decompress=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As httpx wants it. The body of the request, if it has one, has a Content-Length."""
        if not isinstance(self.client, ClientSession):
            self.client = self.get_client()
        seconds = request.extensions["timeout"]
        has_body = "content-length" in request.headers
        with map_aiohttp_exceptions():
            response = await self.client.request(
                request.method,
                # aiohttp would decode `%2C` in a BulkDataURI, and some servers sign what they write.
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
            # Asked first whether it has ended: the body of a 204 is one object that all such answers share, and its
            # `readchunk` says so once, and then never again.
            while not content.at_eof():
                # HTTP's own chunks may be of a byte each; all that have come are one piece.
                piece = await content.readany() if self._is_chunked else (await content.readchunk())[0]
                if piece:
                    yield piece
            if error := content.exception():
                raise error


def body_of(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body in pieces, inflated where it came compressed."""
    stream = response.stream
    if not isinstance(stream, httpx.AsyncByteStream):
        return response.aiter_bytes()
    if encoding := response.headers.get("content-encoding"):
        return inflated(aiter(stream), encoding)
    return aiter(stream)
