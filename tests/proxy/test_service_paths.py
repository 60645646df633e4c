"""Paths in one form: whatever is admitted, routed and logged sees the path that the request wrote."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from dicomveil_proxy.service.paths import plain_path
from proxy.fakes import MemoryOrigin, application_in, instance, proxy, served

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("raw", "path", "plain"),
    [
        (b"/dicom-web/studies", "/dicom-web/studies", "/dicom-web/studies"),
        (b"//dicom-web///studies//", "//dicom-web///studies//", "/dicom-web/studies"),
        (b"/x/frames/1%2C2", "/x/frames/1,2", "/x/frames/1,2"),
        (b"/studies/1%5Ea%20b", "/studies/1^a b", "/studies/1^a b"),
        (b"/", "/", "/"),
        (None, "/dicom-web/studies/", "/dicom-web/studies"),
        (b"//healthz/", "//healthz/", "//healthz/"),
        (b"/studies?limit=%31", "/studies", "/studies"),
    ],
)
def test_plain_paths(raw: bytes | None, path: str, plain: str) -> None:
    """Slashes that mean nothing go; escapes that are needed stay what they mean."""
    assert plain_path(raw, path, "") == plain


@pytest.mark.parametrize(
    "raw",
    [
        b"/projects/re%2fdicom-web/studies",
        b"/%70rojects/re/dicom-web/studies",
        b"/projects/r%65/dicom-web/studies",
        b"/dicom%2Dweb/studies",
        b"/dicom-web/%2e%2e/projects",
        b"/dicom-web/studies/1%5C2",
        b"/dicom-web/studies/1%252",
        b"/dicom-web/studies%00",
        b"/dicom-web/studies%7e%5f%30",
        b"/dicom-web/studies%",
        b"/dicom-web/studies%zz",
        b"/dicom-web\\studies",
        b"/dicom-web/studies\xff",
    ],
)
def test_paths_in_disguise(raw: bytes) -> None:
    """What is written in another way than the plain one names nothing."""
    assert plain_path(raw, "/dicom-web/studies", "") is None


@pytest.mark.parametrize(
    ("path", "root", "below"), [("/pacs/studies", "/pacs", "/studies"), ("/pacs", "/pacs/", "/"), ("/pa", "/p", "/pa")]
)
def test_below_a_root(path: str, root: str, below: str) -> None:
    """The path of an application that is mounted is that below the place where it is."""
    assert plain_path(path.encode(), path, root) == below


async def test_over_a_real_connection(tmp_path: Path) -> None:
    """A server hands on what the client wrote: disguises are 404, slashes mean nothing."""
    application = application_in(tmp_path, MemoryOrigin(instance()), projects={"re": {"key_file": key(tmp_path)}})
    answers = {}
    with served(application) as port:
        for path in (
            b"/projects/re/dicom-web/studies",
            b"//projects/re//dicom-web/studies/",
            b"/projects/re%2fdicom-web/studies",
            b"/%70rojects/re/dicom-web/studies",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET %b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % path)
            answers[path] = await reader.read()
            writer.close()

    assert [answer[9:12] for answer in answers.values()] == [b"200", b"200", b"404", b"404"]
    assert b'"code":"no-route"' in answers[path]


async def test_mounted_in_another_application(tmp_path: Path) -> None:
    """Routes are found below the place where the application is, and its URLs name that place.

    In one of FastAPI's, as portals are.
    """
    inner = application_in(tmp_path, MemoryOrigin(instance()))
    outer = FastAPI()
    outer.mount("/imaging", inner)
    transport = httpx.ASGITransport(outer)
    async with (
        inner.router.lifespan_context(inner),
        httpx.AsyncClient(transport=transport, base_url="http://proxy.test") as client,
    ):
        response = await client.get("/imaging/dicom-web/studies")

    (study,) = response.json()
    assert study["00081190"]["Value"][0].startswith("http://proxy.test/imaging/dicom-web/studies/")


async def test_trailing_slashes(tmp_path: Path) -> None:
    """Each kind of resource is the same with one, and with double slashes before it."""
    async with proxy(tmp_path, MemoryOrigin(instance())) as ask:
        for path in (
            "/studies",
            f"{ask.path()}/metadata",
            f"{ask.path()}/frames/1",
            f"{ask.path(series=None, instance=None)}/series",
        ):
            plain = await ask.get(path)
            written = await ask.get_raw(f"/dicom-web/{path}//".encode())
            assert plain.status_code == written.status_code == 200
            assert plain.headers["content-type"][:20] == written.headers["content-type"][:20]


def key(folder: Path) -> Path:
    """A project's own key."""
    file = folder / "other.key"
    file.touch(0o600)
    file.write_text(bytes(range(1, 33)).hex())
    return file
