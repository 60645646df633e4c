"""How much memory the proxy takes while instances pass that are large, or whose reader is slow: `make bench`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from hashlib import sha256
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bench.attributes import INSTANCE, SERIES, STUDY
from bench.figures import Figure, Figures, Measure
from bench.instances import ct, ultrasound
from bench.series import LongInstance
from bench.servers import Server, Servers, running_dicomveil_before, watched
from bench.traffic import INSTANCES, JSON, fetched, fill, parts
from dicomveil_engine import InstanceRewriter
from origin.orthanc import Orthanc

_MiB = 1 << 20
_READERS = 20
_READ_BYTES = 64 << 10
_READ_SECONDS = 0.05
"""Each reader takes so many bytes in so long a time."""
_SLOW_SECONDS = 6
"""Afterwards they read on as fast as they can."""
_LONG_FRAMES = 1388
"""2.0 GB."""
_UID = f"{INSTANCE}.1"
_OTHER_STUDY = "1.2.3.2"
_HEAD = b"--b\r\nContent-Type: application/dicom\r\n\r\n"
_END = b"\r\n--b--\r\n"


def _warm(archive: Orthanc, server: Server) -> None:
    """Have a proxy pass a small instance of another study: what it loads once belongs to its idle memory."""
    small = ct(16, 16).replace(STUDY.encode(), _OTHER_STUDY.encode())
    fill(archive, [small])
    answer = fetched(server.url(_OTHER_STUDY), INSTANCES)
    assert parts(answer) == [server.given(small)]


@contextmanager
def _connected(server: Server) -> Iterator[HTTPConnection]:
    address = urlsplit(server.base_url)
    with closing(HTTPConnection(address.hostname or "", address.port, timeout=600)) as connection:
        yield connection


@contextmanager
def _retrieved(server: Server) -> Iterator[HTTPResponse]:
    with _connected(server) as connection:
        connection.request("GET", urlsplit(server.url(STUDY, SERIES, _UID)).path, headers={"Accept": INSTANCES})
        with connection.getresponse() as response:
            assert response.status == 200
            yield response


@pytest.mark.bench
def test_memory_of_slow_readers(servers: Servers, figures: Figures, tmp_path: Path) -> None:
    """All of them get all bytes in the end."""
    instance = ultrasound()
    fill(servers.archive, [instance])
    settings = tmp_path / "dicomveil.toml"
    settings.write_text(f"[limits]\norigin_connections = {_READERS + 1}")  # by default a few of them would wait
    with running_dicomveil_before(servers.archive, tmp_path / "readers", "--config", str(settings)) as server:
        _warm(servers.archive, server)
        with watched(server) as memory:
            received = _read_slowly(server)
        answer = fetched(server.url(STUDY, SERIES, _UID), INSTANCES)
        assert parts(answer) == [server.given(instance)]
        assert set(received) == {answer.transferred}
    job = f"{_READERS} slow readers of a US loop of 50 MB"
    figures.add(Figure(job, Measure.MEMORY_ABOVE_IDLE, memory.above_idle, at_most=64 * _MiB))


def _read_slowly(server: Server) -> list[int]:
    """How many bytes each reader has got."""
    with ExitStack() as stack:
        readers = [stack.enter_context(_retrieved(server)) for _ in range(_READERS)]
        received = [0] * _READERS
        end = time.monotonic() + _SLOW_SECONDS
        while time.monotonic() < end:
            start = time.monotonic()
            for number, reader in enumerate(readers):
                received[number] += len(reader.read(_READ_BYTES))
            time.sleep(max(0.0, _READ_SECONDS - (time.monotonic() - start)))
        for number, reader in enumerate(readers):
            while data := reader.read(_MiB):
                received[number] += len(data)
    return received


@pytest.mark.bench
def test_memory_of_a_long_instance(servers: Servers, figures: Figures) -> None:
    """It is stored through the proxy and comes back; its bytes are those that the engine gives for the same stream."""
    instance = LongInstance(_LONG_FRAMES)
    _warm(servers.archive, servers.dicomveil)
    headers = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b', "Accept": JSON}
    headers["Content-Length"] = str(len(_HEAD) + instance.size + len(_END))
    with watched(servers.dicomveil) as memory_of_store, _connected(servers.dicomveil) as connection:
        path = urlsplit(servers.dicomveil.url(then="/studies")).path
        connection.request("POST", path, _body(instance), headers)
        receipt = json.loads(connection.getresponse().read())
    assert len(receipt["00081199"]["Value"]) == 1
    expected, size = sha256(), 0
    for chunk in _deidentified(servers.dicomveil, _deidentified(servers.dicomveil, instance.chunks())):
        expected.update(chunk)
        size += len(chunk)
    with watched(servers.dicomveil) as memory_of_retrieve, _retrieved(servers.dicomveil) as response:
        while response.readline().strip():
            pass  # the head of the part
        got = sha256()
        for begin in range(0, size, _MiB):
            got.update(response.read(min(_MiB, size - begin)))
        end = response.read()
    assert got.digest() == expected.digest()
    assert end.startswith(b"\r\n--")
    assert end.strip().endswith(b"--")
    for name, memory in (("store", memory_of_store), ("retrieve", memory_of_retrieve)):
        job = f"{name} one instance of {instance.size / 1e9:.1f} GB"
        figures.add(Figure(job, Measure.MEMORY_ABOVE_IDLE, memory.above_idle, at_most=32 * _MiB))


def _body(instance: LongInstance) -> Iterator[bytes]:
    yield _HEAD
    yield from instance.chunks()
    yield _END


def _deidentified(server: Server, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """What the engine makes of it, once on its way in, once on its way out."""
    assert server.policy is not None
    rewriter = InstanceRewriter(server.policy)
    for chunk in chunks:
        yield from map(bytes, rewriter.feed(chunk))
    yield from map(bytes, rewriter.close())
