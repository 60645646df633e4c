"""A project's responses in progress: how many at a time, for how long, and whether with an entity tag.

Nothing here depends on what a response contains.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from starlette.requests import Request
from starlette.responses import Response

from dicomveil_proxy.errors import Busy, OriginTimeout
from dicomveil_proxy.service.entity_tag import REVALIDATED, entity_tag, held
from dicomveil_proxy.service.responses import Stream
from dicomveil_proxy.settings.server import Limits
from dicomveil_proxy.wire.pieces import Piece, gathered, primed


class Streams:
    """Counts and starts the responses of one project."""

    def __init__(self, limits: Limits, entity_tag_key: bytes) -> None:
        self._limits = limits
        self._key = entity_tag_key
        self._count = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a response that is complete before it is sent. Raises Busy at the limit."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def enter(self) -> None:
        """Count one more. Raises Busy at the limit (limits.concurrent_streams)."""
        if self._count >= self._limits.concurrent_streams:
            raise Busy("too many requests at a time (limits.concurrent_streams); ask again later")
        self._count += 1

    def leave(self) -> None:
        """Count one fewer."""
        self._count -= 1

    @asynccontextmanager
    async def in_time(self) -> AsyncIterator[None]:
        """Limit the time to the first byte of the response (limits.request_seconds). Raises OriginTimeout."""
        try:
            async with asyncio.timeout(self._limits.request_seconds):
                yield
        except TimeoutError:
            raise OriginTimeout("the request took longer than limits.request_seconds") from None

    async def stream(self, body: AsyncGenerator[Piece, None], media_type: str) -> Response:
        """A response whose body is sent while it is made. Raises what `body` raises before its first piece."""
        self.enter()
        try:
            return self.begun(await primed(body), media_type)
        except BaseException:
            self.leave()
            raise

    def begun(self, body: AsyncGenerator[Piece, None], media_type: str) -> Response:
        """A response of a body that has started and is counted already."""
        return Stream(body, media_type, seconds=self._limits.request_seconds, done=self.leave)

    async def tagged(
        self,
        request: Request,
        body: AsyncGenerator[Piece, None],
        media_type: str,
        *,
        limit: int,
        boundary: bytes | None = None,
    ) -> Response:
        """A response with an entity tag, or 304 where the user agent has it; over `limit` bytes as by `stream`.

        `boundary` is given for a multipart body.
        """
        self.enter()
        try:
            pieces = await gathered(body, limit)
            if isinstance(pieces, AsyncGenerator):
                return self.begun(pieces, media_type)
        except BaseException:
            self.leave()
            raise
        self.leave()
        whole = b"".join(pieces)
        tag = entity_tag(self._key, whole.replace(boundary, b"") if boundary else whole)
        if boundary:
            # With a random boundary, equal content would not give equal bytes. The content cannot contain this one,
            # which is its own digest.
            stable = tag.strip('"').encode()
            whole, media_type = whole.replace(boundary, stable), media_type.replace(boundary.decode(), stable.decode())
        headers = {"ETag": tag, "Cache-Control": REVALIDATED, "Vary": "Accept"}
        if listed := held(request.headers.getlist("if-none-match"), tag):
            # The client's own form of the tag, which is weak for a compressed response.
            return Response(status_code=304, headers=headers | {"ETag": listed})
        return Response(whole, headers=headers, media_type=media_type)
