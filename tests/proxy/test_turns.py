"""Whatever a request holds, others have their turn meanwhile: counted in rounds of the event loop, not by a clock."""

from __future__ import annotations

import asyncio
import json
import logging
import struct
import threading
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from dicomveil_engine import InstanceRewriter, MetadataRewriter, ObjectStream, Policy, load_policy
from dicomveil_proxy import turns
from dicomveil_proxy.origin.folder.header_json import header_json
from dicomveil_proxy.turns import LONG, SHARE, Turns
from proxy.fakes import ANY_SYNTAX, BASE, KEY, Asking, MemoryOrigin, instance, proxy

pytestmark = pytest.mark.anyio

_T = TypeVar("_T")


class Rounds:
    """How often the event loop came round while something was done, and how much was done in one round at most."""

    def __init__(self) -> None:
        self.count = 0
        self.most = 0
        self._done = 0

    def work(self) -> bool:
        """Count one piece of work that was done in the event loop's thread."""
        if threading.current_thread() is threading.main_thread():
            self._done += 1
            self.most = max(self.most, self._done)
        return True

    async def during(self, work: Awaitable[_T]) -> _T:
        """Do it, and count."""
        ticking = asyncio.ensure_future(self._tick())
        try:
            return await work
        finally:
            ticking.cancel()

    async def _tick(self) -> None:
        while True:
            self.count += 1
            self._done = 0
            await asyncio.sleep(0)


async def post(ask: Asking, body: bytes, part_type: str = "application/dicom") -> httpx.Response:
    """A store request with this body."""
    content_type = f'multipart/related; type="{part_type}"; boundary=b'
    return await ask.client.post(f"{BASE}/studies", content=body, headers={"Content-Type": content_type})


async def test_gives_way_when_a_share_is_spent() -> None:
    """Not before, and not only once."""
    rounds, mine = Rounds(), Turns()

    async def work() -> None:
        for _ in range(100):
            await mine.spend(SHARE // 10)

    await rounds.during(work())
    assert 9 <= rounds.count <= 12


async def test_empty_parts(tmp_path: Path) -> None:
    """Thousands of parts without content are refused, having been read in turns and said in one line."""
    body = b"--b\r\n\r\n\r\n" * 20_000 + b"--b--"
    rounds = Rounds()
    async with proxy(tmp_path, MemoryOrigin()) as ask:
        response = await rounds.during(post(ask, body))

    assert response.status_code == 400
    assert "1000 parts of the multipart body are empty" in response.json()["detail"]
    assert rounds.count > 50


async def test_parts_that_are_no_instances(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Thousands of them are read in turns, and the log says it in one line."""
    body = b"--b\r\nContent-Type: application/dicom\r\n\r\nx\r\n" * 5_000 + b"--b--"
    rounds = Rounds()
    close = InstanceRewriter.close
    monkeypatch.setattr(InstanceRewriter, "close", lambda self: rounds.work() and close(self))
    async with proxy(tmp_path, MemoryOrigin()) as ask:
        response = await rounds.during(post(ask, body))

    assert response.status_code == 409
    assert rounds.most <= 16
    assert rounds.count > 300
    lines = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(lines) == 1
    assert lines[0].getMessage().endswith("(5000 times)")


async def test_data_sets_without_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of objects in metadata are read and made instances in turns, and the log says it in one line."""
    body = b"--b\r\nContent-Type: application/dicom+json\r\n\r\n[" + b"{}," * 999 + b"{}]\r\n--b--"
    rounds = Rounds()
    async with proxy(tmp_path, MemoryOrigin()) as ask:
        response = await rounds.during(post(ask, body, "application/dicom+json"))

    assert response.status_code == 409
    assert rounds.count > 1_000
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1


async def test_more_data_sets_than_the_limit(tmp_path: Path) -> None:
    """They are refused by the name of the limit."""
    body = b"--b\r\nContent-Type: application/dicom+json\r\n\r\n[" + b"{}," * 10_000 + b"{}]\r\n--b--"
    async with proxy(tmp_path, MemoryOrigin()) as ask:
        response = await post(ask, body, "application/dicom+json")

    assert response.status_code == 413
    assert "limits.objects" in response.json()["detail"]


def long_header() -> bytes:
    """An instance whose header has thousands of short elements."""
    elements = b"".join(struct.pack("<HH2sH8s", 0x0019, 0x1000 + n, b"LO", 8, b"some txt") for n in range(0x2FFF))
    block = struct.pack("<HH2sH8s", 0x0019, 0x0010, b"LO", 8, b"ACME 1.0")
    whole = instance(pixels=None)
    place = whole.index(struct.pack("<HH", 0x0020, 0x000D))
    return whole[:place] + block + elements + whole[place:]


@pytest.mark.parametrize("way", ["store", "retrieve", "metadata"])
async def test_long_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """It is rewritten in the thread for long work, not in the event loop."""
    monkeypatch.setattr(turns, "SHARE", 1 << 40)  # so that nothing else gives way
    threads: list[bool] = []
    for kind, name in ((InstanceRewriter, "close"), (MetadataRewriter, "walk")):
        original = getattr(kind, name)

        def noting(self: object, *of: object, original=original, **named: object) -> object:  # type: ignore[no-untyped-def]
            threads.append(threading.current_thread() is threading.main_thread())
            return original(self, *of, **named)

        monkeypatch.setattr(kind, name, noting)
    origin = MemoryOrigin() if way == "store" else MemoryOrigin(long_header())
    async with proxy(tmp_path, origin) as ask:
        if way == "store":
            response = await ask.store(long_header())
        else:
            response = await ask.get(
                ask.path() + ("" if way == "retrieve" else "/metadata"), ANY_SYNTAX if way == "retrieve" else None
            )

    assert response.status_code == 200
    assert threads
    assert not any(threads[-1:])


async def test_search_with_many_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results are matched, written and compressed in turns."""
    rounds = Rounds()
    rewrite = MetadataRewriter.rewrite
    monkeypatch.setattr(MetadataRewriter, "rewrite", lambda self, *a, **k: rounds.work() and rewrite(self, *a, **k))
    held = [instance(instance=f"1.2.3.1.1.{n}", pixels=None) for n in range(300)]
    async with proxy(tmp_path, MemoryOrigin(*held)) as ask:
        response = await rounds.during(ask.get(f"{ask.path(instance=None)}/instances"))

    assert len(response.json()) == 300
    assert rounds.most <= 60


def outputs(policy: Policy, instances: list[bytes]) -> list[bytes]:
    """Each instance de-identified, as Part 10 and as JSON."""
    found = []
    for each in instances:
        rewriter = InstanceRewriter(policy)
        found.append(b"".join([*rewriter.feed(each), *rewriter.close()]))
        stream = ObjectStream()
        datasets = stream.feed(json.dumps([header_json_of(each)]).encode()) + stream.close()
        found += [json.dumps(MetadataRewriter(policy).rewrite(one), sort_keys=True).encode() for one in datasets]
    return found


def header_json_of(data: bytes) -> object:
    """The header in DICOM JSON."""
    from io import BytesIO

    from pydicom import dcmread

    return header_json(dcmread(BytesIO(data)), lambda path: f"memory:/{path}")


def test_threads_share_a_policy() -> None:
    """Rewriting under one policy in several threads at once gives what it gives one after the other."""
    instances = [
        instance(instance=f"1.2.3.1.1.{n}", PatientName=f"Doe^Jane{n % 3}", StudyDescription=f"Jane{n % 3} of {n}")
        for n in range(60)
    ]
    expected = outputs(load_policy({"profile": "default"}, KEY), instances)
    shared = load_policy({"profile": "default"}, KEY)
    with ThreadPoolExecutor(4) as threads:
        for found in threads.map(lambda _: outputs(shared, instances), range(4)):
            assert found == expected


def test_long_is_longer_than_usual() -> None:
    """An ordinary instance's header is never worth a thread."""
    assert len(instance()) < LONG
