"""The body of a store request, as it comes, and whether anybody waits for the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from dicomveil_proxy.errors import PayloadTooLarge
from dicomveil_proxy.wire.multipart import Event, MultipartReader


class Upload:
    """One request's body."""

    def __init__(self, request: Request, limit: int) -> None:
        """`limit` bounds its bytes."""
        self._request = request
        self._limit = limit
        self._is_complete = False
        self._disconnect: asyncio.Task[Message] | None = None
        """Waits for the only message that may follow a whole body."""

    async def events(self, reader: MultipartReader) -> AsyncGenerator[Event, None]:
        """What the reader makes of it. Raises PayloadTooLarge, ClientDisconnect, and the reader's fault."""
        total = 0
        while not self._is_complete:
            message = await self._request.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            # Known before the last bytes are looked at, which may hold many instances.
            self._is_complete = not message.get("more_body", False)
            body: bytes = message.get("body", b"")
            total += len(body)
            if total > self._limit:
                raise PayloadTooLarge(f"the request's body is over {self._limit} bytes (limits.request_bytes)")
            for event in reader.read(body):
                yield event
        reader.close()

    async def is_gone(self) -> bool:
        """Whether the user agent has closed the connection; known when the whole body has come.

        It is asked for each instance, of which there may be thousands: `Request.is_disconnected` takes a good part of
        a millisecond, since each call makes a scope and cancels it.
        """
        if not self._is_complete:
            return False
        if self._disconnect is None:
            self._disconnect = asyncio.ensure_future(_awaited(self._request.receive()))
            await asyncio.sleep(0)  # it may be known already
        return self._disconnect.done() and self._disconnect.result()["type"] == "http.disconnect"

    def close(self) -> None:
        """Wait no longer for the user agent to disconnect."""
        if self._disconnect is not None and not self._disconnect.cancel() and not self._disconnect.cancelled():
            self._disconnect.exception()  # nobody asked for it


async def _awaited(message: Awaitable[Message]) -> Message:
    return await message
