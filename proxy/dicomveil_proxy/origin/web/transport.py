"""The way to an origin server over HTTP: httpx on aiohttp, with bodies in pieces as large as they come.

httpx-aiohttp cuts a body into pieces of 16 KiB, each of which then costs as much as one of 250 KiB would. Here a
piece is what one read of the socket gave, and nothing is copied to make it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
from aiohttp import ClientResponse, ClientSession, DummyCookieJar, TCPConnector
from httpx_aiohttp import AiohttpTransport
from httpx_aiohttp.transport import AiohttpResponseStream, map_aiohttp_exceptions


class Transport(AiohttpTransport):
    """An `AiohttpTransport` whose bodies are not cut, and which keeps no cookies: those of one user are no other's."""

    def get_client(self) -> ClientSession:
        """A session of its own, made when the first request is."""
        limits = self.limits
        connector = TCPConnector(
            limit=limits.max_connections or 0, keepalive_timeout=limits.keepalive_expiry, ssl=self.ssl_context
        )
        return ClientSession(connector=connector, cookie_jar=DummyCookieJar())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As httpx wants it."""
        response = await super().handle_async_request(request)
        assert isinstance(response.stream, AiohttpResponseStream)
        response.stream = _Pieces(response.stream._aiohttp_response)  # noqa: SLF001 - it has no public way to it
        return response


class _Pieces(AiohttpResponseStream):
    def __init__(self, response: ClientResponse) -> None:
        super().__init__(response)
        self._content = response.content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with map_aiohttp_exceptions():
            async for piece, _ in self._content.iter_chunks():
                yield piece


def body_of(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body in pieces, inflated where it came deflated; each piece by the shortest way where not."""
    if "content-encoding" in response.headers or not isinstance(response.stream, httpx.AsyncByteStream):
        return response.aiter_bytes()
    return aiter(response.stream)
