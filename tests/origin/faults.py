"""A server that passes requests on to an archive, counts them, and spoils some of the answers.

It runs in a thread of this process. It reads an answer whole before it passes it on, or what it makes of it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Literal
from urllib.parse import urlsplit

from origin.connections import answered

Fault = Literal["503", "retry", "reset", "cut", "cut without length"]
FAULTS: tuple[Fault, ...] = ("503", "reset", "cut", "cut without length")
Choose = Callable[[str], Fault | None]
"""What becomes of the answer to a request for this path."""


@dataclass
class Faulty:
    """A running server."""

    url: str
    choose: Choose = lambda _: None
    requests: list[tuple[float, str]] = field(default_factory=list)
    """When they came, and their paths."""
    spoilt: int = 0
    retrieved: int = 0
    """Bytes of the instances sent."""
    open: int = 0
    most_open: int = 0
    """Connections at one time."""


def one_in(number: int, seed: int) -> Choose:
    """Spoil one of so many answers, at random."""
    source = random.Random(seed)
    return lambda _: source.choice(FAULTS) if source.randrange(number) == 0 else None


@contextmanager
def faulty(archive: str, choose: Choose | None = None) -> Iterator[Faulty]:
    """Serve what is below the archive's base URL."""
    parts = urlsplit(archive)
    assert parts.hostname
    assert parts.port
    server = Faulty("")
    if choose is not None:
        server.choose = choose
    with answered(partial(_serve, server, parts.hostname, parts.port)) as port:
        server.url = f"http://127.0.0.1:{port}{parts.path}"
        yield server


async def _serve(
    server: Faulty, host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    server.open += 1
    server.most_open = max(server.most_open, server.open)
    try:
        while await _one(server, host, port, reader, writer):
            pass
    except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
        pass
    finally:
        server.open -= 1
        with suppress(OSError):
            writer.close()


async def _one(
    server: Faulty, host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    """Answer one request; whether another may follow."""
    head = await reader.readuntil(b"\r\n\r\n")
    path = head.split(b" ", 2)[1].decode("latin-1")
    lines = [line for line in head.split(b"\r\n") if line]
    length = next((int(line[15:]) for line in lines if line.lower().startswith(b"content-length:")), 0)
    body = await reader.readexactly(length)
    server.requests.append((time.monotonic(), path))
    fault = server.choose(path)
    if fault in ("503", "retry"):
        server.spoilt += 1
        asked = b"Retry-After: 1\r\n" if fault == "retry" else b""
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\n" + asked + b"Content-Length: 0\r\n\r\n")
        await writer.drain()
        return True
    upstream, sending = await asyncio.open_connection(host, port)
    kept = [line for line in lines if not line.lower().startswith((b"connection:", b"host:"))]
    kept[1:1] = [f"Host: {host}:{port}".encode(), b"Connection: close"]
    sending.write(b"\r\n".join(kept) + b"\r\n\r\n" + body)
    await sending.drain()
    answer = await upstream.read()
    sending.close()
    status, _, content = answer.partition(b"\r\n\r\n")
    content = _unchunked(status, content)
    names = (b"content-length:", b"transfer-encoding:", b"connection:", b"keep-alive:")
    shown = b"\r\n".join(line for line in status.split(b"\r\n") if not line.lower().startswith(names))
    if fault is not None:
        server.spoilt += 1
        half = content[: len(content) // 2]
        if fault == "reset":
            writer.transport.abort()
            return False
        counted = b"" if fault == "cut without length" else b"Content-Length: %d\r\n" % len(content)
        writer.write(shown + b"\r\n" + counted + b"Connection: close\r\n\r\n" + half)
        await writer.drain()
        return False
    server.retrieved += len(content) if "/series/" in path and "/instances" not in path else 0
    writer.write(shown + b"\r\nContent-Length: %d\r\n\r\n" % len(content) + content)
    await writer.drain()
    return True


def _unchunked(head: bytes, content: bytes) -> bytes:
    if b"transfer-encoding: chunked" not in head.lower():
        return content
    joined, position = b"", 0
    while True:
        end = content.index(b"\r\n", position)
        size = int(content[position:end].split(b";")[0], 16)
        if not size:
            return joined
        joined += content[end + 2 : end + 2 + size]
        position = end + 4 + size
