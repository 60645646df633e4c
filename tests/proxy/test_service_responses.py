"""Responses: a stream that went wrong has no end, and its source is let go of at once, whatever happens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
from starlette.types import Message

from dicomveil_engine import InvalidDataSetError
from dicomveil_proxy.errors import BadRequest, OriginMalformed, UnknownResource
from dicomveil_proxy.service.responses import Stream, json_response
from dicomveil_proxy.wire.pieces import gathered, primed
from dicomveil_proxy.wire.problems import problem_response

pytestmark = pytest.mark.anyio

END = {"type": "http.response.body", "body": b"", "more_body": False}


class Source:
    """A body of these pieces; an exception is raised, None waits for ever. Knows whether it was let go of."""

    def __init__(self, *pieces: bytes | Exception | None) -> None:
        self.pieces = pieces
        self.is_released = False

    async def __call__(self) -> AsyncGenerator[bytes, None]:
        try:
            for piece in self.pieces:
                if piece is None:
                    await asyncio.Event().wait()
                elif isinstance(piece, Exception):
                    raise piece
                else:
                    yield piece
        finally:
            self.is_released = True


class UserAgent:
    """What it was sent; it goes away once it has had so many messages."""

    def __init__(self, leaves_after: int = 1_000) -> None:
        self.got: list[Message] = []
        self._leaves_after = leaves_after
        self._left = asyncio.Event()

    async def receive(self) -> Message:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.got.append(message)
        if len(self.got) >= self._leaves_after:
            self._left.set()

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.got)

    @property
    def is_whole(self) -> bool:
        return self.got[-1] == END


async def sent(source: Source, agent: UserAgent, *, seconds: float = 5, method: str = "GET") -> int:
    """Send it, primed as the routes do; how often it said that it was done."""
    done: list[bool] = []
    stream = Stream(await primed(source()), "text/plain", seconds=seconds, done=lambda: done.append(True))
    async with asyncio.timeout(4):
        await stream({"type": "http", "method": method}, agent.receive, agent.send)
    return len(done)


async def test_a_whole_stream() -> None:
    """It ends, and its source is let go of."""
    source, agent = Source(b"one", b"two"), UserAgent()

    assert await sent(source, agent) == 1
    assert (agent.body, agent.is_whole, source.is_released) == (b"onetwo", True, True)
    assert agent.got[0]["headers"] == [(b"content-type", b"text/plain")]


async def test_an_empty_stream() -> None:
    """It ends too."""
    agent = UserAgent()

    assert await sent(Source(), agent) == 1
    assert (agent.body, agent.is_whole) == (b"", True)


@pytest.mark.parametrize("error", [OriginMalformed("not whole"), InvalidDataSetError("cut off")])
async def test_an_error_on_the_way(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """The body has no end, and the log says why."""
    source, agent = Source(b"one", error, b"two"), UserAgent()

    assert await sent(source, agent) == 1
    assert (agent.body, agent.is_whole, source.is_released) == (b"one", False, True)
    assert caplog.messages == [f"a response was broken off: {error}"]


async def test_an_error_of_ours() -> None:
    """It goes up to the last catch, which tells nobody its message."""
    source, agent = Source(b"one", KeyError("Doe^Jane")), UserAgent()

    with pytest.raises(KeyError):
        await sent(source, agent)
    assert (agent.is_whole, source.is_released) == (False, True)


async def test_an_error_at_once() -> None:
    """Before the first piece it is raised, so that it can still be a status."""
    source = Source(UnknownResource("there is no such resource"))

    with pytest.raises(UnknownResource):
        await primed(source())
    assert source.is_released


async def test_pieces_up_to_a_limit() -> None:
    """All of them, once the source has ended; over the limit, a generator that gives every piece once."""
    source = Source(b"one", b"two")

    assert await gathered(source(), 6) == [b"one", b"two"]
    assert source.is_released
    rest = await gathered(Source(b"one", b"two", b"six")(), 5)
    assert isinstance(rest, AsyncGenerator)
    assert [piece async for piece in rest] == [b"one", b"two", b"six"]


async def test_an_error_among_pieces() -> None:
    """It is raised, and the source is let go of."""
    source = Source(b"one", OriginMalformed("not whole"))

    with pytest.raises(OriginMalformed):
        await gathered(source(), 9)
    assert source.is_released


async def test_too_long(caplog: pytest.LogCaptureFixture) -> None:
    """A stream over its time is broken off."""
    source, agent = Source(b"one", None), UserAgent()

    assert await sent(source, agent, seconds=0.05) == 1
    assert (agent.body, agent.is_whole, source.is_released) == (b"one", False, True)
    assert caplog.messages == ["a response was broken off: it took longer than limits.request_seconds"]


@pytest.mark.parametrize("after", [1, 2])
async def test_a_user_agent_that_leaves(after: int, caplog: pytest.LogCaptureFixture) -> None:
    """The source is let go of at once, even while it is silent; it is not an error."""
    source, agent = Source(b"one", None), UserAgent(leaves_after=after)

    assert await sent(source, agent) == 1
    assert (agent.is_whole, source.is_released) == (False, True)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_user_agent_that_leaves_at_the_end() -> None:
    """Nothing happens twice."""
    source, agent = Source(b"one"), UserAgent(leaves_after=3)

    assert await sent(source, agent) == 1
    assert source.is_released


async def test_head() -> None:
    """No body, and nothing more is fetched than the first piece, which made the status."""
    source, agent = Source(b"one", None), UserAgent()

    assert await sent(source, agent, method="HEAD") == 1
    assert (agent.body, agent.is_whole, source.is_released) == (b"", True, True)


async def test_a_server_that_stops() -> None:
    """Cancelled in the middle, it lets go of the source."""
    source, agent = Source(b"one", None), UserAgent()
    task = asyncio.create_task(sent(source, agent))
    while not agent.body:  # noqa: ASYNC110 - it is what the user agent got
        await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.is_released


@pytest.mark.parametrize(
    ("make", "status", "body"),
    [
        (
            lambda: problem_response(BadRequest("the query is not UTF-8"), "7"),
            400,
            b'{"code":"bad-request","detail":"the query is not UTF-8","request_id":"7"}',
        ),
        (
            lambda: problem_response(KeyError("Doe^Jane"), "7"),
            500,
            b'{"code":"internal","detail":"","request_id":"7"}',
        ),
        (lambda: json_response(["\u738b"], status=202), 202, '["\u738b"]'.encode()),
    ],
)
def test_documents(make: Callable[[], Any], status: int, body: bytes) -> None:
    """One shape of a problem, without what nobody may know; JSON in UTF-8."""
    response = make()

    assert (response.status_code, response.body) == (status, body)
