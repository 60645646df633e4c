"""The HTTP client for origin servers: httpx on aiohttp, with bodies in pieces as received.

httpx-aiohttp divides a body into pieces of 16 KiB, each of which costs as much as one of 250 KiB, and lets aiohttp
rewrite URLs. Here a piece is the result of one read from the socket, without a copy, and URLs are sent as written.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping

import httpx
from aiohttp import ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from httpx_aiohttp import AiohttpTransport
from httpx_aiohttp.transport import AiohttpResponseStream, map_aiohttp_exceptions
from yarl import URL

from dicomveil_proxy.origin.web.inflation import inflated

_PLAIN = re.compile(
    r"https?://[a-z0-9-]+(\.[a-z0-9-]+)*:(?!80/|443/)[1-9][0-9]{0,4}(/[A-Za-z0-9_~*,-][A-Za-z0-9._~*,-]*)+"
    r"(\?[A-Za-z0-9._~*,=&?-]*)?"
)


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
        body = request.stream if "content-length" in request.headers else None
        return await self._send(request.method, str(request.url), request.headers, request.extensions["timeout"], body)

    async def get(self, url: str, headers: Mapping[str, str], seconds: Mapping[str, float | None]) -> httpx.Response:
        """As `handle_async_request` for a GET, without making an httpx.Request, which takes as long as to send it.

        The URL must be one that httpx would not change (`is_plain`).
        """
        return await self._send("GET", url, headers, seconds, None)

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], seconds: Mapping[str, float | None], body: object
    ) -> httpx.Response:
        if not isinstance(self.client, ClientSession):
            self.client = self.get_client()
        with map_aiohttp_exceptions():
            response = await self.client.request(
                method,
                # aiohttp would decode `%2C` in a BulkDataURI, and some servers sign their URLs.
                URL(url, encoded=True),
                headers=headers,
                data=body,
                allow_redirects=False,
                compress=False,
                timeout=ClientTimeout(
                    sock_connect=seconds["connect"], sock_read=seconds["read"], connect=seconds["pool"]
                ),
            )
        return httpx.Response(response.status, headers=response.raw_headers, stream=_Pieces(response))


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


def is_plain(url: str) -> bool:
    """Whether httpx would send a URL as it is written; False proves nothing."""
    return _PLAIN.fullmatch(url) is not None


def body_of(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body in pieces, decompressed."""
    stream = response.stream
    if not isinstance(stream, httpx.AsyncByteStream):
        return response.aiter_bytes()
    if encoding := response.headers.get("content-encoding"):
        return inflated(aiter(stream), encoding)
    return aiter(stream)
