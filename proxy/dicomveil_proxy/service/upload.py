"""The body of a store request, read as a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from dicomveil_proxy.errors import PayloadTooLarge
from dicomveil_proxy.wire.multipart import Event, MultipartReader


class Upload:
    """One request's body, of at most `limit` bytes."""

    def __init__(self, request: Request, limit: int) -> None:
        self._request = request
        self._limit = limit
        self._is_complete = False
        self._disconnect: asyncio.Task[Message] | None = None
        """Receives the only message that can follow a complete body."""

    async def events(self, reader: MultipartReader) -> AsyncGenerator[Event, None]:
        """The parts of the body. Raises PayloadTooLarge, ClientDisconnect, and the reader's error."""
        total = 0
        while not self._is_complete:
            message = await self._request.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            # Set before the last bytes are read, which may contain many instances: `is_gone` depends on it.
            self._is_complete = not message.get("more_body", False)
            body: bytes = message.get("body", b"")
            total += len(body)
            if total > self._limit:
                raise PayloadTooLarge(f"the request's body is over {self._limit} bytes (limits.request_bytes)")
            for event in reader.read(body):
                yield event
        reader.close()

    async def is_gone(self) -> bool:
        """Whether the user agent has closed the connection; False until the body is complete.

        Called for each of perhaps thousands of instances. Starlette's `Request.is_disconnected` would take a good
        part of a millisecond each time, since it opens and cancels a scope.
        """
        if not self._is_complete:
            return False
        if self._disconnect is None:
            self._disconnect = asyncio.ensure_future(_awaited(self._request.receive()))
            await asyncio.sleep(0)  # the message may be there already
        return self._disconnect.done() and self._disconnect.result()["type"] == "http.disconnect"

    def close(self) -> None:
        """Stop waiting for the user agent to disconnect."""
        if self._disconnect is not None and not self._disconnect.cancel() and not self._disconnect.cancelled():
            self._disconnect.exception()  # retrieved, or asyncio would log it


async def _awaited(message: Awaitable[Message]) -> Message:
    return await message
