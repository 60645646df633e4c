"""A small DICOMweb server that misbehaves in one of the ways of a list, through real sockets.

It holds one study, whose instances are the same but for their UIDs. It runs in a thread of this process, and knows
nothing of the proxy.
"""

from __future__ import annotations

import asyncio
import json
import struct
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from typing import Literal

from pydicom import dcmread

from dicomveil_proxy.origin.folder.header_json import header_json
from origin.connections import answered
from proxy.fakes import STUDY, instance

Fault = Literal["none", "dies", "endless", "bomb", "silent", "drips"]
SENTINELS = (b"Doe^Jane", b"Jane", b"PATIENT-1", b"ACCESSION-1", b"1.2.3.1")
"""What identifies in the originals."""
INSTANCES = 3
_PIXELS = 6 << 20
"""Of each instance: so long that an answer begins before it is whole."""
_HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
_BOUNDARY = b"unruly"
_PIXEL_DATA = b"\xe0\x7f\x10\x00OB"
_ENDLESS_SEQUENCE = b"\x40\x00\x75\x02SQ\0\0\xff\xff\xff\xff"
_ITEM = b"\xfe\xff\x00\xe0\x0e\0\0\0" + b"\x40\x00\x07\x00LO\x06\0Kidney"


@dataclass
class Unruly:
    """A running server."""

    url: str = ""
    fault: Fault = "none"
    asked: list[str] = field(default_factory=list)
    """Paths."""
    stored: list[bytes] = field(default_factory=list)
    """Bodies of store requests that came to their end."""
    is_storing: threading.Event = field(default_factory=threading.Event)
    """Set when a store has begun."""
    may_answer: threading.Event = field(default_factory=threading.Event)
    """Stores are answered, and the last instance of a series is sent, when it is set; it is at first."""
    dripping: int = 0
    """Answers that are being sent drop by drop."""
    bomb: bytes = b""
    """A list of one data set and a lot of blanks, compressed."""

    def instances(self) -> list[bytes]:
        """What it holds."""
        return [
            instance(instance=f"{STUDY}.1.{number}", pixels=bytes(_PIXELS), InstanceNumber=number)
            for number in range(1, INSTANCES + 1)
        ]


@contextmanager
def unruly() -> Iterator[Unruly]:
    """Serve on a free port."""
    server = Unruly()
    server.may_answer.set()
    made = server.instances()
    server.bomb = _bomb(json.dumps(_documents(made, "studies")).encode()[:-1], b"]")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _answer(server, made, reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            await _closed(writer)

    with answered(answer) as port:
        server.url = f"http://127.0.0.1:{port}/dicom-web"
        try:
            yield server
        finally:
            server.may_answer.set()


async def _closed(writer: asyncio.StreamWriter) -> None:
    """Send what is written, unless the other side reads no more."""
    writer.close()
    with suppress(OSError, TimeoutError, asyncio.CancelledError):
        await asyncio.wait_for(writer.wait_closed(), 1)
    writer.transport.abort()


async def _answer(
    server: Unruly, made: list[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    method, target = head.decode("latin-1").split(" ", 2)[:2]
    path = target.partition("?")[0].removeprefix("/dicom-web/")
    server.asked.append(path)
    if method == "POST":
        await _take(server, head, reader, writer)
        return
    if server.fault == "silent":
        await asyncio.sleep(60)
    if path.endswith(("/metadata", "/series", "/instances")) or not path.startswith("studies/"):
        await _send_document(server, _documents(made, path), writer)
    else:
        await _send_instances(server, made, writer)


async def _take(server: Unruly, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    server.is_storing.set()
    body = await reader.readexactly(length)
    uid = dcmread(BytesIO(body.partition(b"\r\n\r\n")[2]), stop_before_pixels=True).SOPInstanceUID
    await _allowed(server)
    server.stored.append(body)
    receipt = {"00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": [uid]}}]}}
    answer = json.dumps(receipt).encode()
    writer.write(_HEAD + b"Content-Type: application/dicom+json\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
    await writer.drain()


async def _allowed(server: Unruly) -> None:
    while not server.may_answer.is_set():  # noqa: ASYNC110 - set by another thread
        await asyncio.sleep(0.01)


def _documents(made: list[bytes], path: str) -> list[dict[str, object]]:
    headers = [dict(header_json(dcmread(BytesIO(each)), lambda _: "bulk")) for each in made]
    if path.endswith("/metadata"):
        _, is_one, rest = path.partition("/instances/")
        return [each for each in headers if not is_one or each["00080018"]["Value"] == [rest.split("/")[0]]]
    return [{tag: element for tag, element in each.items() if tag != "7FE00010"} for each in headers[:1]]


async def _send_document(server: Unruly, datasets: list[dict[str, object]], writer: asyncio.StreamWriter) -> None:
    body = json.dumps(datasets).encode()
    head = _HEAD + b"Content-Type: application/dicom+json\r\n"
    match server.fault:
        case "bomb":
            packed = server.bomb
            writer.write(head + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)
        case "endless":
            writer.write(head + b"\r\n" + body[:-1])
            while True:
                writer.write(b',{"00104000":{"vr":"LT","Value":["' + b"x" * (1 << 18))
                await writer.drain()
        case "drips":
            writer.write(head + b"\r\n")
            for byte in body * 1000:
                writer.write(bytes((byte,)))
                await writer.drain()
                await asyncio.sleep(0.1)
        case "dies":
            writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body[: len(body) // 2])
        case _:
            writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    await writer.drain()


def _bomb(begin: bytes, end: bytes) -> bytes:
    """A thousandfold: in gzip, with 512 MiB of blanks in it. The same block over and over, so that it is soon made."""
    blanks, count = b" " * (16 << 20), 32
    packer = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    head = packer.compress(begin) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(blanks) + packer.flush(zlib.Z_FULL_FLUSH)
    tail = (packer.compress(end) + packer.flush())[:-8]
    checksum = zlib.crc32(begin)
    for _ in range(count):
        checksum = zlib.crc32(blanks, checksum)
    size = len(begin) + count * len(blanks) + len(end)
    return head + block * count + tail + struct.pack("<II", zlib.crc32(end, checksum), size)


async def _send_instances(server: Unruly, made: list[bytes], writer: asyncio.StreamWriter) -> None:
    content_type = b'Content-Type: multipart/related; type="application/dicom"; boundary=' + _BOUNDARY + b"\r\n\r\n"
    writer.write(_HEAD + content_type)
    drips = server.fault == "drips"
    server.dripping += drips
    try:
        async for piece in _parts(server, made):
            writer.write(piece)
            await writer.drain()
    finally:
        server.dripping -= drips


async def _parts(server: Unruly, made: list[bytes]) -> AsyncIterator[bytes]:
    for number, data in enumerate(made):
        yield b"--%s\r\nContent-Type: application/dicom\r\n\r\n" % _BOUNDARY
        if number == INSTANCES - 1:
            await _allowed(server)
            if server.fault == "dies":
                yield data[: len(data) // 2]
                return
            if server.fault == "endless":
                yield data[: data.rindex(_PIXEL_DATA)] + _ENDLESS_SEQUENCE
                while True:
                    yield _ITEM * 1000
            if server.fault == "drips":
                for start in range(0, len(data), 64):
                    yield data[start : start + 64]
                    await asyncio.sleep(0.1)
        yield data + b"\r\n"
    yield b"--%s--\r\n" % _BOUNDARY
