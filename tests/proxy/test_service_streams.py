"""Streams: how many answers at a time, and what of an answer is held back."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
from starlette.requests import Request

from dicomveil_proxy.errors import Busy, OriginMalformed, OriginTimeout
from dicomveil_proxy.service.responses import Stream
from dicomveil_proxy.service.streams import Streams
from dicomveil_proxy.settings.server import Limits

pytestmark = pytest.mark.anyio

REQUEST = Request({"type": "http", "method": "GET", "headers": []})


def streams(**limits: float) -> Streams:
    """With room for one."""
    return Streams(Limits.model_validate({"concurrent_streams": 1} | limits), b"key")


async def body(*pieces: bytes | Exception) -> AsyncGenerator[bytes, None]:
    """A body of these pieces; an exception is raised."""
    for piece in pieces:
        if isinstance(piece, Exception):
            raise piece
        yield piece


async def test_counting() -> None:
    """One too many is refused, and an end makes room, also that of an answer that failed."""
    busy = streams()
    with busy.counted(), pytest.raises(Busy):
        busy.enter()
    with pytest.raises(OriginMalformed):
        await busy.stream(body(OriginMalformed("not whole")), "text/plain")
    with pytest.raises(OriginMalformed):
        await busy.tagged(REQUEST, body(b"1", OriginMalformed("not whole")), "text/plain", limit=9)
    await busy.tagged(REQUEST, body(b"1"), "text/plain", limit=9)
    await busy.stream(body(b"1"), "text/plain")
    with pytest.raises(Busy):
        await busy.stream(body(b"1"), "text/plain")


@pytest.mark.parametrize(("pieces", "is_tagged"), [([], True), ([b"12", b"3"], True), ([b"12", b"34"], False)])
async def test_up_to_the_limit(pieces: list[bytes], is_tagged: bool) -> None:
    """An answer is held back until it is whole, and tagged; beyond the limit it is sent as it comes."""
    response = await streams().tagged(REQUEST, body(*pieces), "text/plain", limit=3)

    assert ("etag" in response.headers, isinstance(response, Stream)) == (is_tagged, not is_tagged)
    if isinstance(response, Stream):
        assert [piece async for piece in response.body_iterator] == pieces
    else:
        assert response.body == b"".join(pieces)


async def test_a_boundary() -> None:
    """Where only the boundary of two answers differs, both become the same."""
    first, second = [
        await streams().tagged(REQUEST, body(b"--%s\r\n" % b, b"x"), f"a; boundary={b.decode()}", limit=99, boundary=b)
        for b in (b"0" * 32, b"1" * 32)
    ]

    stable = first.headers["etag"].strip('"')
    assert first.body == second.body == f"--{stable}\r\nx".encode()
    assert first.headers["content-type"] == second.headers["content-type"] == f"a; boundary={stable}"


async def test_too_long() -> None:
    """What takes too long before its first byte is an error with a status."""
    from asyncio import Event

    with pytest.raises(OriginTimeout, match=r"limits\.request_seconds"):
        async with streams(request_seconds=0.01).in_time():
            await Event().wait()
