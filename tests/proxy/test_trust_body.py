"""Bodies of requests: how long, how slow, and what becomes of the connection."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from starlette.types import Message

from dicomveil_proxy.errors import PayloadTooLarge, RequestTooSlow
from dicomveil_proxy.trust import body as module
from dicomveil_proxy.trust.body import PacedBody, check_length, has_body
from dicomveil_proxy.trust.tokens import TokenFile
from proxy.fakes import MemoryOrigin, application_in, served

pytestmark = pytest.mark.anyio

CHUNKED = [(b"transfer-encoding", b"chunked")]


def scope(*headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http", "headers": [*headers]}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [([], False), ([(b"content-length", b"0")], False), ([(b"content-length", b"1")], True), (CHUNKED, True)],
)
def test_whether_there_is_a_body(headers: list[tuple[bytes, bytes]], expected: bool) -> None:
    """By the head alone."""
    assert has_body(scope(*headers)) is expected


def test_a_length_over_the_limit() -> None:
    """Is known from the head."""
    check_length(scope((b"content-length", b"10")), 10)
    check_length(scope(*CHUNKED), 10)
    with pytest.raises(PayloadTooLarge, match="over 10 bytes"):
        check_length(scope((b"content-length", b"11")), 10)


class Sender:
    """Sends pieces, and takes so many seconds for each."""

    def __init__(self, pieces: int, seconds: float, size: int = 1) -> None:
        self.now = 0.0
        self._messages: list[Message] = [
            {"type": "http.request", "body": b"x" * size, "more_body": number < pieces - 1} for number in range(pieces)
        ]
        self._seconds = seconds

    async def receive(self) -> Message:
        self.now += self._seconds
        return self._messages.pop(0)


async def received(paced: PacedBody, count: int) -> None:
    for _ in range(count):
        await paced.receive()


async def test_a_body_that_drips() -> None:
    """Ends when its pauses are used up; one that is fast enough in all does not, nor what is done with its pieces."""
    dripping = Sender(100, 1.0)
    paced = PacedBody(scope(*CHUNKED), dripping.receive, 1_000, lambda: dripping.now)
    with pytest.raises(RequestTooSlow, match=r"limits\.body_bytes_per_second"):
        await received(paced, 100)
    assert 28 <= dripping.now <= 33

    steady = Sender(100, 1.0, size=1_001)
    paced = PacedBody(scope(*CHUNKED), steady.receive, 1_000, lambda: steady.now)
    for _ in range(100):
        await paced.receive()
        steady.now += 60  # in our own hands
    assert paced.is_whole


def exchange(port: int, *pieces: bytes) -> bytes:
    """All that comes back until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for piece in pieces:
            connection.sendall(piece)
        answer = b""
        while received := connection.recv(65536):
            answer += received
        return answer


def head(token: str, *lines: str) -> bytes:
    media_type = 'multipart/related; boundary=b; type="application/dicom"'
    fixed = ("POST /dicom-web/studies HTTP/1.1", "Host: x", f"Content-Type: {media_type}")
    authorization = (f"Authorization: Bearer {token}",) if token else ()
    return "\r\n".join((*fixed, *authorization, *lines, "", "")).encode()


async def test_answers_before_the_body_is_read(tmp_path: Path) -> None:
    """413 and 401 come at once, and the connection ends with them; a body that drips ends with 408."""
    token, _ = TokenFile(tmp_path / "tokens.json").new(["*"], ["store"], name="", now=0, expires=None)
    settings = {"limits": {"request_bytes": 1_000}, "access": {"tokens": tmp_path / "tokens.json"}}
    origin = MemoryOrigin()
    with served(application_in(tmp_path, origin, **settings)) as port:
        # In one piece: the server does not read what comes after its answer, and closing then resets the connection.
        too_long = exchange(port, head(token, "Content-Length: 1001") + b"--b\r\n")
        chunked = exchange(port, head(token, "Transfer-Encoding: chunked") + b"7d0\r\n" + b"x" * 2_000 + b"\r\n")
        nobody = exchange(port, head("", "Content-Length: 1000") + b"--b\r\n")
        with mock.patch.object(module, "GRACE_SECONDS", 0.2):
            slow = exchange(port, head(token, "Content-Length: 1000") + b"--b\r\n")

    for answer, status, code in (
        (too_long, b"413", b'"payload-too-large"'),
        (chunked, b"413", b'"payload-too-large"'),
        (nobody, b"401", b'"unauthenticated"'),
        (slow, b"408", b'"request-too-slow"'),
    ):
        assert answer.startswith(b"HTTP/1.1 " + status)
        assert code in answer
        assert b"connection: close" in answer
    assert origin.asked == []
