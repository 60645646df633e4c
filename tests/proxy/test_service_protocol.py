"""HTTP on one connection, over real sockets: a request head is bounded in bytes and in time."""

from __future__ import annotations

import pickle
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dicomveil_proxy.service.protocol import ConnectionLimits, protocol
from proxy.fakes import served

SMALL = ConnectionLimits(head_bytes=4096, head_seconds=60)
QUICK = ConnectionLimits(head_bytes=4096, head_seconds=0.2)
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the length of the body."""
    if scope["type"] != "http":
        return
    length, more = 0, True
    while more:
        message = await receive()
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = str(length).encode()
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def small() -> Iterator[socket.socket]:
    """A connection with a bound of 4 KiB."""
    with served(application, SMALL) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        yield connection


@pytest.fixture
def quick() -> Iterator[socket.socket]:
    """A connection whose heads are to arrive at once."""
    with served(application, QUICK) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        yield connection


def rest(connection: socket.socket) -> bytes:
    """All that comes until the server ends the connection."""
    received = b""
    with suppress(ConnectionResetError):
        while piece := connection.recv(65_536):
            received += piece
    return received


def send(connection: socket.socket, data: bytes) -> None:
    """Send; what has been ended already may refuse it."""
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.sendall(data)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 2000,
        b"GET / HTTP/1.1\r\nX: " + b"y" * 5000,
        b"GET /" + b"y" * 5000,
        b"\r\n" * 5000,
    ],
    ids=["fields", "field", "path", "lines"],
)
def test_head_without_an_end(small: socket.socket, head: bytes) -> None:
    """It is refused before it ends, however it is made long."""
    for start in range(0, len(head), 1000):
        send(small, head[start : start + 1000])

    received = rest(small)  # nothing, where what was still being sent made the machine drop the answer
    assert not received or received.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("count", [1, 200])
def test_head_in_one_piece(small: socket.socket, count: int) -> None:
    """One over the bound is refused though it is whole; one below is answered."""
    send(small, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + b"X: 3456789\r\n" * 2 * count + b"\r\n")

    assert rest(small).startswith(b"HTTP/1.1 200 " if count == 1 else b"HTTP/1.1 431 ")


def test_many_requests_are_not_one_head(small: socket.socket) -> None:
    """The bound is each request's own, also where they are sent at once; and bodies do not count."""
    for _ in range(40):
        send(small, REQUEST + POST + b"x" * 10)
    send(small, POST.replace(b"10", b"9999") + b"x" * 9999)
    send(small, REQUEST.replace(b"Host", b"Connection: close\r\nHost"))

    answers = rest(small)
    assert answers.count(b"HTTP/1.1 200") == 82
    assert b"9999" in answers


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\r\nHost: loc", b"G", b"\r\n"])
def test_head_that_takes_long(quick: socket.socket, head: bytes) -> None:
    """It is refused, as the first of a connection and as any other."""
    send(quick, REQUEST)
    assert b"200 OK" in quick.recv(65_536)
    send(quick, head)

    assert rest(quick).startswith(b"HTTP/1.1 408 ")


def test_connection_that_nobody_uses(quick: socket.socket) -> None:
    """It is ended without an answer, which would be taken for one to the first request."""
    assert rest(quick) == b""


def test_body_may_take_longer(quick: socket.socket) -> None:
    """The time is that of the head alone."""
    send(quick, POST)
    quick.settimeout(0.5)
    with pytest.raises(TimeoutError):
        quick.recv(1)
    quick.settimeout(20)
    send(quick, b"x" * 10)

    assert quick.recv(65_536).endswith(b"10")


def test_request_that_waits_for_an_answer(quick: socket.socket) -> None:
    """What was sent too early is not late while the answer before it is still under way."""
    send(quick, POST + b"x" * 5)
    quick.settimeout(0.5)
    with pytest.raises(TimeoutError):
        quick.recv(1)
    quick.settimeout(20)
    send(quick, b"x" * 5 + REQUEST + REQUEST[:20])

    assert rest(quick).count(b"HTTP/1.1 200") == 2


def test_nonsense(small: socket.socket) -> None:
    """What is not HTTP is answered once, and the connection ended."""
    send(small, b"nonsense\r\n\r\n")

    assert rest(small).startswith(b"HTTP/1.1 400 ")


def test_other_processes_get_it() -> None:
    """Workers are started with the limits that were checked."""
    config = uvicorn.Config("none:none", http=protocol(SMALL))

    assert pickle.loads(pickle.dumps(config)).http.args == (SMALL,)


def test_fields_without_end(small: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser is stopped after some hundred of them, however many came at once."""
    seen: list[bytes] = []
    take = HttpToolsProtocol.on_header

    def noting(self: HttpToolsProtocol, name: bytes, value: bytes) -> None:
        seen.append(name)
        take(self, name, value)

    monkeypatch.setattr(HttpToolsProtocol, "on_header", noting)
    send(small, b"GET / HTTP/1.1\r\n" + b"X:\r\n" * 900)

    received = rest(small)
    assert not received or received.startswith(b"HTTP/1.1 431 ")
    assert len(seen) <= 256


def test_requests_without_end(small: socket.socket) -> None:
    """After a hundred waiting requests no more are read: those are answered, and the connection is refused more."""
    send(small, REQUEST * 1_000)

    *answers, last = rest(small).split(b"HTTP/1.1 ")[1:]
    assert len(answers) > 100
    assert {answer[:4] for answer in answers} == {b"200 "}
    assert last.startswith(b"400 ")


@pytest.mark.parametrize(
    "fault", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nX:" + b"y" * 5000]
)
def test_fault_behind_other_requests(small: socket.socket, fault: bytes) -> None:
    """The requests before a faulty one are answered, then it is refused."""
    send(small, REQUEST * 3 + fault + REQUEST)

    statuses = [answer[:3] for answer in rest(small).split(b"HTTP/1.1 ")[1:]]
    assert statuses in ([b"200"] * 3 + [b"400"], [b"200"] * 3 + [b"431"])


CHUNKED = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nnonsense"


@pytest.mark.parametrize(("before", "statuses"), [(2, [b"200", b"200", b"400"]), (0, [])])
def test_fault_in_a_body(small: socket.socket, before: int, statuses: list[bytes]) -> None:
    """A request whose body cannot be read is not answered; those before it are."""
    send(small, REQUEST * before + CHUNKED)

    assert [answer[:3] for answer in rest(small).split(b"HTTP/1.1 ")[1:]] == statuses


def test_client_that_leaves_with_requests_waiting() -> None:
    """The request that is being answered learns that its client has disconnected, also with another one behind it."""
    learnt = threading.Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            while (await receive())["type"] != "http.disconnect":
                pass
            learnt.set()

    with served(endless, SMALL) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(REQUEST * 2)
            # Closed with a reset: reading is paused, so that an orderly end would not be seen.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert learnt.wait(20)


def test_no_other_protocol_takes_its_place() -> None:
    """Without httptools uvicorn would serve with h11, which has no such bounds: then nothing is served at all."""
    program = "import sys; sys.modules['httptools'] = None; import dicomveil_proxy.command.serve"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120)

    assert ended.returncode == 1
    assert "httptools" in ended.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", b"400"),
        (b'GET / HTTP/1.1\r\nHost: a"><script>\r\n\r\n', b"400"),
        (b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", b"400"),
        (b"GET / HTTP/1.0\r\n\r\n", b"200"),
        (b"GET / HTTP/1.1\r\nHost: [::1]:8080\r\nConnection: close\r\n\r\n", b"200"),
        (b"GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", b"200"),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", b"505"),
        (b"GET /\r\n\r\n", b"505"),
    ],
)
def test_host_and_version(small: socket.socket, head: bytes, status: bytes) -> None:
    """One legal Host, which HTTP/1.0 may leave out; and no version that we do not speak."""
    send(small, head)

    assert rest(small).startswith(b"HTTP/1.1 " + status)
