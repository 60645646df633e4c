"""The routes: what is a request for what, and that everything else is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest
from pydicom import Dataset

from dicomveil_proxy.settings.server import Limits
from dicomveil_proxy.wire.multipart import Event
from proxy.fakes import (
    ANY_SYNTAX,
    BASE,
    HOST,
    INSTANCE,
    SERIES,
    STUDY,
    Asking,
    MemoryOrigin,
    instance,
    parts,
    proxy,
    values,
)

pytestmark = pytest.mark.anyio

_JSON_OR_XML = 'application/dicom+json, application/json, multipart/related; type="application/dicom+xml"'


@pytest.fixture
def origin() -> MemoryOrigin:
    """Of one instance."""
    return MemoryOrigin(instance())


@pytest.fixture
async def ask(tmp_path: Path, origin: MemoryOrigin, anyio_backend: str) -> AsyncIterator[Asking]:
    """The proxy before it."""
    async with proxy(tmp_path, origin) as asking:
        yield asking


EVERY_ROUTE = [
    "/studies",
    "/series",
    "/instances",
    "/studies/{study}/series",
    "/studies/{study}/instances",
    "/studies/{study}/series/{series}/instances",
    "/studies/{study}",
    "/studies/{study}/series/{series}",
    "/studies/{study}/series/{series}/instances/{instance}",
    "/studies/{study}?accept=application/zip",
    "/studies/{study}/series/{series}?accept=application/zip",
    "/studies/{study}/metadata",
    "/studies/{study}/series/{series}/metadata",
    "/studies/{study}/series/{series}/instances/{instance}/metadata",
    "/studies/{study}/series/{series}/instances/{instance}/frames/1",
    "/studies/{study}/series/{series}/instances/{instance}/frames/1/rendered",
    "/studies/{study}/series/{series}/instances/{instance}/frames/1,2/rendered",
    "/studies/{study}/series/{series}/instances/{instance}/frames/1/thumbnail",
    "/studies/{study}/series/{series}/instances/{instance}/rendered",
    "/studies/{study}/series/{series}/rendered",
    "/studies/{study}/rendered",
    "/studies/{study}/series/{series}/instances/{instance}/thumbnail",
    "/studies/{study}/series/{series}/thumbnail",
    "/studies/{study}/thumbnail",
    "/wado?requestType=WADO&studyUID={study}&seriesUID={series}&objectUID={instance}",
    "/wado?requestType=WADO&studyUID={study}&seriesUID={series}&objectUID={instance}&contentType=application/dicom",
]


def filled(ask: Asking, path: str) -> str:
    """The path with pseudonyms."""
    return path.format(study=ask.uid(STUDY), series=ask.uid(SERIES), instance=ask.uid(INSTANCE))


@pytest.mark.parametrize("path", EVERY_ROUTE)
async def test_every_route(ask: Asking, path: str) -> None:
    """Each answers with its resource, to GET as to HEAD."""
    got = await ask.get(filled(ask, path))
    head = await ask.client.head(BASE + filled(ask, path))

    assert (got.status_code, bool(got.content)) == (200, True)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"].partition(";")[0] == got.headers["content-type"].partition(";")[0]
    for header in ("content-length", "etag", "cache-control"):
        assert head.headers.get(header) == got.headers.get(header)


async def test_health(ask: Asking) -> None:
    """It answers load balancers, whichever way they ask."""
    assert (await ask.client.get(f"{HOST}/healthz")).json() == {"status": "ok"}
    assert (await ask.client.head(f"{HOST}/healthz")).status_code == 200


@pytest.mark.parametrize("path", [path for path in EVERY_ROUTE if "{" in path])
async def test_an_original_in_a_path(ask: Asking, origin: MemoryOrigin, path: str) -> None:
    """404 wherever it stands, and the origin is not asked for it."""
    for level, original in (("study", STUDY), ("series", SERIES), ("instance", INSTANCE)):
        if f"{{{level}}}" in path:
            response = await ask.get(filled(ask, path.replace(f"{{{level}}}", original)))
            assert (response.status_code, response.json()["code"]) == (404, "unknown-resource")
            assert original not in response.text
    assert not [each for each in origin.asked if not each.startswith("search")]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/studies/studies",
        "/studies/series",
        "/studies/instances",
        "/studies/{study}/studies",
        "/studies/{study}/frames/1",
        "/studies/{study}/../{study}/metadata",
        "/studies/%2e%2e/metadata",
        "/studies/{study}/%2e%2e/%2e%2e/patients",
        "/studies/{study}%2fseries%2f..",
        "/studies/{study}/series/{series}/bulk/7fe00010",
        "/studies/{study}/series/{series}/instances/{instance}/bulk/../metadata",
        "/studies/{study}/series/{series}/instances/{instance}/bulk/7fe00010/1",
        "/studies/{study}/patients",
        "/patients",
        "/workitems",
        "/studies/" + "1" * 20_000,
        "/studies/{study}/metadata" * 2_000,
        "/studies/{study}%0d%0aX-Doe:%201",
        "/studies/Doe%00",
    ],
)
async def test_what_is_no_route(ask: Asking, origin: MemoryOrigin, path: str) -> None:
    """It is refused, and the origin hears nothing of it."""
    response = await ask.get_raw(b"/dicom-web" + filled(ask, path).encode())

    assert response.status_code in (404, 405)
    assert response.json().keys() == {"code", "detail", "request_id"}
    assert "Doe" not in response.text
    assert origin.asked == []


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/redoc", "/dicom-web2/studies", "/wado", "/healthz/"])
async def test_outside_of_the_service(ask: Asking, path: str) -> None:
    """There is nothing, and no page of a library's."""
    response = await ask.client.get(HOST + path)

    assert (response.status_code, response.json()["code"]) == (404, "no-route")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/studies", "/studies/{study}", "/studies/{study}/metadata"])
async def test_methods_that_are_not_routed(ask: Asking, origin: MemoryOrigin, method: str, path: str) -> None:
    """405, and the origin is asked nothing."""
    response = await ask.client.request(method, BASE + filled(ask, path))

    assert (response.status_code, origin.asked) == (405, [])


async def test_post_elsewhere(ask: Asking) -> None:
    """Instances are stored into studies only."""
    assert (await ask.store(instance(), path="/series")).status_code == 405
    assert (await ask.store(instance(), path=f"{ask.path()}")).status_code == 405
    assert (await ask.store(instance(), path="/studies/..%2f")).status_code in (404, 405)


@pytest.mark.parametrize(
    ("path", "offered"),
    [
        ("/studies", f"{_JSON_OR_XML}, application/dicom+xml"),
        ("/studies/{study}", 'multipart/related; type="application/dicom", application/zip'),
        (EVERY_ROUTE[8], 'multipart/related; type="application/dicom", application/dicom'),
        ("/studies/{study}/metadata", _JSON_OR_XML),
        ("/studies/{study}/rendered", "image/jpeg, image/png, image/gif"),
    ],
)
async def test_accept(ask: Asking, path: str, offered: str) -> None:
    """Nothing that fits: 406, which lists what there is; the parameter stands above the header."""
    path = filled(ask, path)
    response = await ask.get(path, "text/html")

    assert response.status_code == 406
    assert response.json()["detail"] == f"this resource is available as {offered}"
    assert (await ask.get(f"{path}?accept=text/html")).status_code == 406
    assert (await ask.get(f"{path}?accept=*/*", "text/html")).status_code == 200


async def test_several_accept_headers(ask: Asking) -> None:
    """They are one list."""
    headers = [("Accept", "text/html"), ("Accept", "application/dicom+json")]

    assert (await ask.client.get(f"{BASE}/studies", headers=headers)).status_code == 200


async def test_too_many_streams(tmp_path: Path, origin: MemoryOrigin) -> None:
    """503 while the limit is reached; what ends, in whatever way, makes room."""
    begun, may_end = asyncio.Event(), asyncio.Event()
    instances = origin.instances

    async def slow(study: str, series: str | None = None, instance: str | None = None) -> AsyncGenerator[Event, None]:
        begun.set()
        await may_end.wait()
        async for event in instances(study, series, instance):
            yield event

    origin.instances = slow  # type: ignore[method-assign]
    async with proxy(tmp_path, origin, limits=Limits(concurrent_streams=1)) as ask:
        first = asyncio.create_task(ask.get(ask.path(), ANY_SYNTAX))
        await begun.wait()
        own = ("", "/metadata", "/frames/1", "/bulk/7fe00010", "/rendered", "/thumbnail")
        for path in ("/studies", "/instances", *(ask.path() + what for what in own)):
            second = await ask.get(path)
            assert (second.status_code, second.json()["code"]) == (503, "busy")
        assert (await ask.store(instance("1.2.3.2"))).status_code == 503
        may_end.set()
        assert (await first).status_code == 200
        for path, status in (("", 200), ("/frames/9", 404), ("/bulk/00100010", 404), ("/frames/1", 200)):
            assert (await ask.get(ask.path() + path)).status_code == status
        assert (await ask.get(f"{ask.path()}/frames/1,2", "application/octet-stream")).status_code == 406
        assert (await ask.store(b"nothing")).status_code == 409
        assert (await ask.get(ask.path(), ANY_SYNTAX)).status_code == 200


async def test_single_part(ask: Asking, origin: MemoryOrigin) -> None:
    """Where the user agent asks for it, one value comes as it is, from an element at any depth too."""

    def nest(dataset: Dataset) -> None:
        item = Dataset()
        item.add_new(0x54001010, "OW", bytes(range(200)) * 10)
        dataset.WaveformSequence = [item]

    origin.held = [instance(pixels=bytes(range(16)) * 100, change=nest)]
    for what, value in (
        ("/bulk/54000100/1/54001010", bytes(range(200)) * 10),
        ("/bulk/7fe00010", bytes(range(16)) * 100),
        ("/frames/2", bytes(range(8, 16))),
    ):
        response = await ask.get(ask.path() + what, "application/octet-stream")
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("application/octet-stream")
        assert response.content == value


@pytest.mark.parametrize("creator", ["Philips PET Private Group", "DOE"])
async def test_private_bulk_data(tmp_path: Path, creator: str) -> None:
    """It passes where the policy says so of this creator's element, and only there."""
    value = bytes(range(200)) * 10

    def add(dataset: Dataset) -> None:
        dataset.private_block(0x7053, creator, create=True).add_new(0x10, "OB", value)

    rules = [{"tag": "(7053,xx10:Philips PET Private Group)", "method": "keep"}]
    origin = MemoryOrigin(instance(change=add))
    async with proxy(tmp_path, origin, profile={"profile": "PS3.15", "rules": rules}) as ask:
        metadata = (await ask.get(f"{ask.path()}/metadata")).json()[0]
        response = await ask.get(f"{ask.path()}/bulk/70531010", "application/octet-stream")

    if creator == "DOE":
        assert (response.status_code, "70531010" in metadata) == (404, False)
    else:
        assert (response.status_code, response.content) == (200, value)
        assert metadata["70531010"]["BulkDataURI"].endswith("/bulk/70531010")


async def test_a_request_that_takes_too_long(tmp_path: Path, origin: MemoryOrigin) -> None:
    """504 before the first byte of the answer, for a retrieve, a search and a store."""

    async def silent(*_: object, **__: object) -> AsyncGenerator[Event, None]:
        await asyncio.Event().wait()
        yield  # type: ignore[misc]

    async def wait(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    async with proxy(tmp_path, origin, limits=Limits(request_seconds=0.2)) as ask:
        await ask.get("/instances")
        origin.instances = silent  # type: ignore[method-assign]
        origin.search = wait  # type: ignore[method-assign,assignment]
        retrieve, search, store = await asyncio.gather(
            ask.get(ask.path(), ANY_SYNTAX), ask.get("/studies"), ask.store(instance("1.2.3.2"))
        )

    for response in (retrieve, search, store):
        assert response.status_code == 504
        assert response.json()["detail"] == "the request took longer than limits.request_seconds"


async def test_uids_that_are_kept(tmp_path: Path, origin: MemoryOrigin) -> None:
    """Under such a policy originals stand in paths, URLs and answers; names still do not."""
    rules = [{"tag": tag, "method": "keep"} for tag in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")]
    async with proxy(tmp_path, origin, profile={"profile": "PS3.15", "rules": rules}) as ask:
        path = f"/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}"
        ((_, read),) = parts(await ask.get(path, ANY_SYNTAX))
        (found,) = (await ask.get(f"/instances?SOPInstanceUID={INSTANCE}")).json()
        metadata = await ask.get(f"{path}/metadata")

    assert values(found, "00081190") == [BASE + path]
    assert INSTANCE.encode() in read
    assert b"Doe" not in read + metadata.content


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/studies", "GET, HEAD, POST"),
        ("/studies/{study}", "GET, HEAD, POST"),
        ("/series", "GET, HEAD"),
        ("/studies/{study}/metadata", "GET, HEAD"),
        ("/wado", "GET, HEAD"),
    ],
)
async def test_methods_that_a_resource_has(ask: Asking, path: str, allowed: str) -> None:
    """A method that it does not have is answered with those that it has."""
    response = await ask.client.delete(f"{HOST}/dicom-web{filled(ask, path)}")

    assert (response.status_code, response.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
@pytest.mark.parametrize("path", ["/patients", "/studies/{study}/patients", "/x/y/z"])
async def test_any_method_on_nothing(ask: Asking, path: str, method: str) -> None:
    """What does not exist is 404, and has no methods."""
    response = await ask.client.request(method, f"{HOST}/dicom-web{filled(ask, path)}")

    assert (response.status_code, response.json()["code"]) == (404, "no-route")
    assert "allow" not in response.headers
