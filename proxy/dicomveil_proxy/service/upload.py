"""The body of a store request, as it comes, and whether anybody waits for the answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from starlette.requests import ClientDisconnect, Request

from dicomveil_proxy.errors import PayloadTooLarge
from dicomveil_proxy.wire.multipart import Event, MultipartReader


class Upload:
    """One request's body."""

    def __init__(self, request: Request, limit: int) -> None:
        """`limit` bounds its bytes."""
        self._request = request
        self._limit = limit
        self._is_complete = False

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
        """Whether the user agent has closed the connection; known when the whole body has come."""
        return self._is_complete and await self._request.is_disconnected()
