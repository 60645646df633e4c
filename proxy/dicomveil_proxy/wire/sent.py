"""How much of a response has been sent, by its ASGI messages."""

from __future__ import annotations

from starlette.types import Message, Scope, Send

_KEY = "dicomveil.sent"


class SentAnswer:
    """Status and length of one response so far."""

    __slots__ = ("bytes", "is_whole", "status")

    def __init__(self) -> None:
        self.status = 0
        """0 until the response starts."""
        self.bytes = 0
        """Bytes of the body so far."""
        self.is_whole = False

    def note(self, message: Message) -> None:
        """Note a message that is about to be sent."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.bytes += len(message.get("body", b""))
            self.is_whole = not message.get("more_body", False)

    @property
    def outcome(self) -> int:
        """The status of a complete response; 0 for one that was broken off."""
        return self.status if self.is_whole else 0


def counted(scope: Scope, send: Send) -> tuple[SentAnswer, Send]:
    """The record of a request's response, and `send` with which it is kept: one for all middleware of the request."""
    known: SentAnswer | None = scope.get(_KEY)
    if known is not None:
        return known, send
    sent = scope[_KEY] = SentAnswer()

    async def noted(message: Message) -> None:
        sent.note(message)
        await send(message)

    return sent, noted
