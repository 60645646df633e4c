"""The minimum rate of a request's body, and closing the connection after a body that was not read.

Otherwise a body that is sent byte by byte would occupy a stream for ever. The content of the body does not matter here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from dicomveil_proxy.errors import PayloadTooLarge, RequestTooSlow

GRACE_SECONDS = 30.0
"""Time that a sender may pause, in addition to the time by the minimum rate."""


def has_body(scope: Scope) -> bool:
    """Whether the request has a body (RFC 9112 Section 6.3)."""
    heads = scope["headers"]
    return any(name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in heads)


def check_length(scope: Scope, limit: int) -> None:
    """Raise PayloadTooLarge for a Content-Length over the limit, before the body is read."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            raise PayloadTooLarge(f"the request's body is over {limit} bytes (limits.request_bytes)")


class PacedBody:
    """Receives the body; raises RequestTooSlow below the minimum rate."""

    def __init__(
        self, scope: Scope, receive: Receive, bytes_per_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._receive = receive
        self._rate = bytes_per_second
        self._clock = clock
        self._bytes = 0
        self._waited = 0.0
        """Seconds spent waiting for the sender; the time to process the body does not count."""
        self.is_whole = not has_body(scope)

    async def receive(self) -> Message:
        """The next ASGI message."""
        if self.is_whole:
            return await self._receive()
        begun = self._clock()
        allowed = GRACE_SECONDS + self._bytes / self._rate - self._waited
        if allowed <= 0:
            raise _too_slow()
        try:
            async with asyncio.timeout(allowed):
                message = await self._receive()
        except TimeoutError:
            raise _too_slow() from None
        self._waited += self._clock() - begun
        self._bytes += len(message.get("body", b""))
        self.is_whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    def closing(self, send: Send) -> Send:
        """Add `Connection: close` to a response that starts before the body has been read."""
        if self.is_whole:
            return send

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and not self.is_whole:
                MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        return sent


def _too_slow() -> RequestTooSlow:
    return RequestTooSlow("the request's body comes too slowly (limits.body_bytes_per_second)")
