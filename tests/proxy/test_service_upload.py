"""The body of a store request over a real connection: nothing is stored for nobody."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from pydicom import Dataset
from starlette.requests import Request
from starlette.types import Message

from dicomveil_proxy.origin import StoreResult
from dicomveil_proxy.service.upload import Upload
from dicomveil_proxy.wire.multipart import MultipartReader
from proxy.fakes import MemoryOrigin, application_in, instance, served

DICOM = "application/dicom"
JSON = "application/dicom+json"
COUNT = 50


class SlowOrigin(MemoryOrigin):
    """It takes instances only when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked = threading.Event()
        self.may_answer = threading.Event()

    async def store(self, study: str | None, sop_instance_uid: str, instance: BinaryIO, size: int) -> StoreResult:
        """As told, and some turns of the loop later."""
        self.is_asked.set()
        while not self.may_answer.is_set():  # noqa: ASYNC110 - it is set in another thread
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
        return await super().store(study, sop_instance_uid, instance, size)


def part(content_type: str, content: bytes) -> bytes:
    """One part of the body."""
    return b"--b\r\nContent-Type: %b\r\n\r\n%b\r\n" % (content_type.encode(), content)


def uids(number: int) -> dict[str, Any]:
    """Of one of many instances, in DICOM JSON."""
    texts = {"00080016": "1.2.840.10008.5.1.4.1.1.2", "0020000D": "1.2.3", "0020000E": "1.2.3.1"}
    return {tag: {"vr": "UI", "Value": [uid]} for tag, uid in (texts | {"00080018": f"1.2.3.1.{number}"}).items()}


@pytest.mark.parametrize("part_type", [DICOM, JSON])
def test_nothing_is_stored_when_the_client_is_gone(tmp_path: Path, part_type: str) -> None:
    """What is under way is finished; no other instance of the request follows."""
    if part_type == JSON:
        body = part(JSON, json.dumps([uids(number) for number in range(COUNT)]).encode())
    else:
        body = b"".join(part(DICOM, instance(instance=f"1.2.3.1.1.{n}", pixels=None)) for n in range(COUNT))
    body += b"--b--\r\n"
    head = (
        f"POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        f'Content-Type: multipart/related; type="{part_type}"; boundary=b\r\n\r\n'
    )
    origin = SlowOrigin()
    with served(application_in(tmp_path, origin)) as port:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(head.encode() + body)
            assert origin.is_asked.wait(20)
        origin.may_answer.set()

    # The server has ended, with all that was under way.
    assert 1 <= len(origin.held) < COUNT // 2
    assert isinstance(origin.datasets()[0][0], Dataset)


def test_many_questions_cost_one_wait() -> None:
    """However often it is asked whether the user agent is there, the server is asked once, and answers later."""
    calls = 0

    async def asked() -> list[bool]:
        is_over = asyncio.Event()
        body: Message = {"type": "http.request", "body": b"--b--", "more_body": False}

        async def receive() -> Message:
            nonlocal calls
            calls += 1
            if calls == 1:
                return body
            await is_over.wait()
            return {"type": "http.disconnect"}

        with closing(Upload(Request({"type": "http"}, receive), 100)) as upload:
            before = await upload.is_gone()
            async for _ in upload.events(MultipartReader(b"b")):
                pass
            meanwhile = [await upload.is_gone() for _ in range(100)]
            is_over.set()
            await asyncio.sleep(0.01)
            return [before, any(meanwhile), await upload.is_gone()]

    assert asyncio.run(asked()) == [False, False, True]
    assert calls == 2


def test_a_client_that_is_gone_already_is_seen_at_once() -> None:
    """The first question has its answer where the connection ended before."""
    body: Message = {"type": "http.request", "body": b"--b--", "more_body": False}
    messages: Iterator[Message] = iter([body, {"type": "http.disconnect"}])

    async def asked() -> bool:
        async def receive() -> Message:
            return next(messages)

        with closing(Upload(Request({"type": "http"}, receive), 100)) as upload:
            async for _ in upload.events(MultipartReader(b"b")):
                pass
            return await upload.is_gone()

    assert asyncio.run(asked())
