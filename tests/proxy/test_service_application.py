"""The application: settings become a service, nothing of a request is told, and its memory may be lost."""

from __future__ import annotations

import asyncio
import logging
import socket
import sqlite3
import threading
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.errors import OriginMalformed
from dicomveil_proxy.origin.folder.origin import FolderOrigin
from dicomveil_proxy.origin.web.origin import WebOrigin
from dicomveil_proxy.service.application import create_application, origin_of, policy_of
from dicomveil_proxy.settings.projects import ProjectSettings, projects_of
from dicomveil_proxy.settings.server import Limits, Settings
from dicomveil_proxy.translation.identity import IDENTITY_FILE
from dicomveil_proxy.wire.multipart import Event
from proxy.fakes import (
    ANY_SYNTAX,
    HOST,
    INSTANCE,
    KEY,
    SERIES,
    STUDY,
    Asking,
    MemoryOrigin,
    application_in,
    instance,
    proxy,
    served,
)

pytestmark = pytest.mark.anyio


def settings(folder: Path, **values: Any) -> Settings:
    """Settings that are right, but for these."""
    key_file = folder / "key"
    key_file.touch(0o600)
    key_file.write_text(KEY.hex())
    right: dict[str, Any] = {"origin": "http://origin.test/dicom-web", "key_file": key_file, "state": folder / "state"}
    return Settings(**right | values)


def project(folder: Path, **values: Any) -> ProjectSettings:
    """The default project of these."""
    return projects_of(settings(folder, **values))[0]


# What surrounds a request


async def test_health(tmp_path: Path) -> None:
    """A word, without asking the origin."""
    origin = MemoryOrigin()
    async with proxy(tmp_path, origin) as ask:
        response = await ask.client.get(f"{HOST}/healthz")

    assert (response.status_code, response.json(), origin.asked) == (200, {"status": "ok"}, [])


async def test_every_request_has_a_number_and_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The line holds neither path nor query: people ask for patients by name and original UID."""
    caplog.set_level(logging.INFO)
    async with proxy(tmp_path, MemoryOrigin(instance())) as ask:
        response = await ask.get("/studies/1.2.3.1?PatientName=Doe")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "dicomveil.access"]

    number = response.headers["x-request-id"]
    assert response.json()["request_id"] == number
    assert line.startswith(f"request {number}: GET 404 in ")
    assert "Doe" not in line
    assert "1.2.3" not in line


async def test_an_error_of_ours(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """500 without a word of it; the log has its type and place, not its message."""
    origin = MemoryOrigin()
    origin.failures["search"] = KeyError("Doe^Jane")
    async with proxy(tmp_path, origin) as ask:
        response = await ask.get("/studies")

    assert response.status_code == 500
    assert response.json() == {"code": "internal", "detail": "", "request_id": response.headers["x-request-id"]}
    assert ": KeyError in note:" in caplog.text
    assert "Doe" not in caplog.text


async def test_an_error_of_ours_on_the_way(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The answer is broken off."""
    origin = MemoryOrigin(instance(pixels=bytes(100_000)))
    origin.breaks["instances"] = KeyError("Doe^Jane")
    async with proxy(tmp_path, origin) as ask:
        with pytest.raises(AssertionError):  # httpx's, of an answer that was not completed
            await ask.get(ask.path(instance=None), ANY_SYNTAX)

    assert ": KeyError in " in caplog.text
    assert "Doe" not in caplog.text


async def test_the_end(tmp_path: Path) -> None:
    """When it stops, it lets go of the origin and of the identity map."""
    origin = MemoryOrigin(instance())
    async with proxy(tmp_path, origin) as ask:
        await ask.get("/studies")

    assert origin.is_closed
    assert not (tmp_path / "state" / f"{IDENTITY_FILE}-wal").exists()


# Settings


def test_what_an_origin_is(tmp_path: Path) -> None:
    """A URL or a folder."""
    web = origin_of(project(tmp_path, limits=Limits(origin_read_seconds=7)))
    folder = origin_of(project(tmp_path, origin=str(tmp_path)))

    assert isinstance(web, WebOrigin)
    assert web._limits.read_seconds == 7
    assert isinstance(folder, FolderOrigin)
    asyncio.run(folder.aclose())


def test_limits_reach_the_engine(tmp_path: Path) -> None:
    """Those of an instance are the policy's."""
    policy = policy_of(project(tmp_path, limits=Limits(header_bytes=1000, nesting=3)))

    assert (policy.limits.header_bytes, policy.limits.depth) == (1000, 3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"origin": "http://Doe@"}, "origin: the origin's URL is not valid"),
        ({"origin": "/nowhere/Doe"}, "origin: the origin is not a folder"),
        ({"profile": "nothing"}, '"profile" must be one of "basic", "default"'),
        ({"state": Path("/proc/Doe")}, "state: the folder cannot be created or written"),
        ({"key_file": Path("/nowhere")}, "key_file: it cannot be read"),
    ],
)
def test_settings_that_are_wrong(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    """Refused at the start, naming the setting and not its value."""
    with pytest.raises(ConfigurationError, match=message) as caught:
        create_application(settings(tmp_path, **values))
    assert "Doe" not in str(caught.value)


def test_a_policy_that_mixes(tmp_path: Path) -> None:
    """One that keeps some UIDs and replaces others is refused at the start."""
    profile = {"profile": "PS3.15", "rules": [{"tag": "StudyInstanceUID", "method": "keep"}]}
    with pytest.raises(ConfigurationError, match="give all three the method refreshUID, or all three keep"):
        application_in(tmp_path, MemoryOrigin(), profile=profile)
    assert not (tmp_path / "state").exists()


# Memory


async def everything(ask: Asking) -> list[bytes]:
    """An answer of each transaction."""
    resource = f"/studies/{ask.uid(STUDY)}/series/{ask.uid(SERIES)}/instances/{ask.uid(INSTANCE)}"
    patient = ask.policy.pseudonym_patient_id("PATIENT-1")
    answers = [
        await ask.get(resource, "application/dicom"),
        await ask.get(f"{resource}/metadata"),
        await ask.get(f"{resource}/frames/2", "application/octet-stream"),
        await ask.get(f"/studies?PatientID={patient}"),
        await ask.get(f"/instances?StudyInstanceUID={ask.uid(STUDY)}"),
    ]
    assert [answer.status_code for answer in answers] == [200] * len(answers)
    return [answer.content for answer in answers]


async def test_the_identity_map_is_deleted(tmp_path: Path) -> None:
    """Everything still works, and answers as before."""
    origin = MemoryOrigin(instance(), instance("1.2.3.2", "1.2.3.2.1", "1.2.3.2.1.1"))
    async with proxy(tmp_path, origin) as ask:
        before = await everything(ask)
    (tmp_path / "state" / IDENTITY_FILE).unlink()

    async with proxy(tmp_path, origin) as ask:
        assert await everything(ask) == before


async def test_two_applications_with_one_key(tmp_path: Path) -> None:
    """They answer alike, each with a memory of its own, and know each other's pseudonyms."""
    origin = MemoryOrigin(instance())
    async with (
        proxy(tmp_path, origin, state=tmp_path / "one") as one,
        proxy(tmp_path, origin, state=tmp_path / "two") as two,
    ):
        await one.store(instance("1.2.3.2", "1.2.3.2.1", "1.2.3.2.1.1"))
        assert (await two.get(two.path("1.2.3.2", "1.2.3.2.1", "1.2.3.2.1.1"), ANY_SYNTAX)).status_code == 200
        assert await everything(one) == await everything(two)


async def test_a_broken_memory(tmp_path: Path) -> None:
    """A file that is none, before the start and in the middle, costs nothing but time."""
    origin = MemoryOrigin(instance())
    file = tmp_path / "state" / IDENTITY_FILE
    file.parent.mkdir()
    file.write_bytes(b"rubbish" * 1000)
    async with proxy(tmp_path, origin) as ask:
        before = await everything(ask)
    async with proxy(tmp_path, origin) as ask:
        file.write_bytes(b"rubbish" * 1000)
        assert await everything(ask) == before


async def test_a_memory_that_cannot_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and everything works."""
    async with proxy(tmp_path, MemoryOrigin(instance())) as ask:
        expected = await everything(ask)
    with sqlite3.connect(tmp_path / "state" / IDENTITY_FILE) as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON identity BEGIN SELECT RAISE(FAIL, 'full'); END")
        connection.execute("DELETE FROM identity")
    connection.close()
    async with proxy(tmp_path, MemoryOrigin(instance())) as ask:
        assert await everything(ask) == expected

    assert "the identity map cannot be used" in caplog.text


async def test_a_memory_that_is_wrong(tmp_path: Path) -> None:
    """What the origin does not find under the UID that is remembered is looked for once more, by every route."""
    origin = MemoryOrigin(instance())
    async with proxy(tmp_path, origin) as ask:
        before = await everything(ask)
        pseudonymous = instance(ask.uid(STUDY), ask.uid(SERIES), ask.uid(INSTANCE))
        for path, accept in (
            (ask.path(), ANY_SYNTAX),
            (f"{ask.path()}/metadata", None),
            (f"{ask.path()}/frames/1", "application/octet-stream"),
            (f"{ask.path()}/rendered", None),
            (f"{ask.path(series=None, instance=None)}/series", None),
            (f"/studies?StudyInstanceUID={ask.uid(STUDY)}", None),
        ):
            origin.held = [instance()] if origin.held == [pseudonymous] else [pseudonymous]
            answer = await ask.get(path, accept)
            assert (answer.status_code, answer.content != b"[]") == (200, True), path
        origin.held = []
        assert (await ask.get(ask.path(), ANY_SYNTAX)).status_code == 404
        origin.held = [instance()]
        origin.asked.clear()
        assert (await ask.get(ask.path(), ANY_SYNTAX)).status_code == 404  # for half a minute
        assert origin.asked == []
    async with proxy(tmp_path, origin) as ask:
        assert await everything(ask) == before


# Over a real connection


def answer(port: int, path: str) -> bytes:
    """All that a connection gives, until it is closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        headers = f"Host: proxy.test\r\nAccept: {ANY_SYNTAX}\r\nConnection: close\r\n"
        connection.sendall(f"GET /dicom-web{path} HTTP/1.1\r\n{headers}\r\n".encode())
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_body_that_breaks_off(tmp_path: Path, is_whole: bool) -> None:
    """Neither the multipart nor the HTTP body has an end, so nobody takes it for whole."""
    origin = MemoryOrigin(instance(pixels=bytes(100_000)))
    if not is_whole:
        origin.breaks["instances"] = OriginMalformed("the response of the origin server is broken or not whole")
    application = application_in(tmp_path, origin)
    path = Asking(application, None, policy_of(project(tmp_path))).path(instance=None)  # type: ignore[arg-type]
    with served(application) as port:
        received = answer(port, path)
    head, _, body = received.partition(b"\r\n\r\n")
    boundary = head.partition(b"boundary=")[2].partition(b"\r\n")[0]

    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"--" + boundary + b"\r\n" in body
    assert body.endswith(b"\r\n0\r\n\r\n") is is_whole
    assert (b"--" + boundary + b"--" in body) is is_whole


def test_a_user_agent_that_leaves(tmp_path: Path) -> None:
    """The origin is let go of at once, although it is silent."""
    origin = MemoryOrigin(instance(pixels=bytes(100_000)))
    instances, released = origin.instances, threading.Event()

    async def silent(study: str, series: str | None = None, instance: str | None = None) -> AsyncGenerator[Event, None]:
        try:
            events = instances(study, series, instance)
            yield await anext(events)
            yield await anext(events)
            await asyncio.sleep(60)
        finally:
            released.set()

    origin.instances = silent  # type: ignore[method-assign]
    application = application_in(tmp_path, origin)
    path = Asking(application, None, policy_of(project(tmp_path))).path(instance=None)  # type: ignore[arg-type]
    with served(application) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(f"GET /dicom-web{path} HTTP/1.1\r\nHost: x\r\nAccept: {ANY_SYNTAX}\r\n\r\n".encode())
            assert connection.recv(20).startswith(b"HTTP/1.1 200 ")
        assert released.wait(4)
