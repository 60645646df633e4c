"""The answers of one project that are under way: how many at a time, how long each may take, and how they begin.

Nothing here knows what an answer holds.
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
    """Counts them, and sends them."""

    def __init__(self, limits: Limits, entity_tag_key: bytes) -> None:
        self._limits = limits
        self._key = entity_tag_key
        self._count = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count one answer that is made whole before it is sent. Raises Busy where there are too many."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def enter(self) -> None:
        """Count one more; raise Busy where there are too many."""
        if self._count >= self._limits.concurrent_streams:
            raise Busy("too many requests at a time (limits.concurrent_streams); ask again later")
        self._count += 1

    def leave(self) -> None:
        """Count one less."""
        self._count -= 1

    @asynccontextmanager
    async def in_time(self) -> AsyncIterator[None]:
        """Up to the first byte of the answer; from there on it is for the stream to break off."""
        try:
            async with asyncio.timeout(self._limits.request_seconds):
                yield
        except TimeoutError:
            raise OriginTimeout("the request took longer than limits.request_seconds") from None

    async def stream(self, body: AsyncGenerator[Piece, None], media_type: str) -> Response:
        """An answer that is sent as it is made; what it raises before its first piece is raised here."""
        self.enter()
        try:
            return self.begun(await primed(body), media_type)
        except BaseException:
            self.leave()
            raise

    def begun(self, body: AsyncGenerator[Piece, None], media_type: str) -> Response:
        """The same for a body that has begun and is counted already."""
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
        """An answer with an entity tag, 304 where the user agent has it; as `stream` where it is over `limit` bytes.

        `boundary` is that of a multipart body.
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
            # Equal content gives equal bytes only if its boundary is not a new one each time. Nobody can have
            # written this one into the content, whose digest it is.
            stable = tag.strip('"').encode()
            whole, media_type = whole.replace(boundary, stable), media_type.replace(boundary.decode(), stable.decode())
        headers = {"ETag": tag, "Cache-Control": REVALIDATED, "Vary": "Accept"}
        if listed := held(request.headers.getlist("if-none-match"), tag):
            # By the tag that it has: a compressed answer's is weak.
            return Response(status_code=304, headers=headers | {"ETag": listed})
        return Response(whole, headers=headers, media_type=media_type)
