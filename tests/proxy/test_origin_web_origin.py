"""The DICOMweb origin server: what is asked of it, and what becomes of its answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from pydicom.data import get_testdata_file

from dicomveil_proxy.errors import (
    BadRequest,
    OriginMalformed,
    OriginRefused,
    OriginTimeout,
    ProxyError,
    UnknownResource,
)
from dicomveil_proxy.origin import StoreResult
from dicomveil_proxy.origin.web.origin import WebLimits, WebOrigin
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.wire.multipart import Event, PartData, PartStart

pytestmark = pytest.mark.anyio

BASE = "http://origin.test/dicom-web"
JSON = {"Content-Type": "application/dicom+json"}
PARTS = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}
TWO_PARTS = (
    b"--b\r\nContent-Type: application/dicom\r\nContent-Length: 3\r\nContent-Location: http://origin.test/1.2.3\r\n"
    b"\r\none\r\n--b\r\nContent-Type: application/dicom\r\n\r\ntwo\r\n--b--"
)


def origin(answer: Callable[[httpx.Request], httpx.Response] | httpx.Response, base: str = BASE) -> WebOrigin:
    """An origin that answers like this."""
    return WebOrigin(base, httpx.MockTransport(answer if callable(answer) else lambda _: answer))


class Recorder:
    """Answers always the same, and remembers the requests."""

    def __init__(self, status: int = 200, **answer: object) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = answer
        self._status = status

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self._status, **self._answer)  # type: ignore[arg-type]


async def parts(events: AsyncGenerator[Event, None]) -> list[tuple[dict[str, str], bytes]]:
    """Headers and content of each part."""
    found: list[tuple[dict[str, str], bytes]] = []
    async for event in events:
        if isinstance(event, PartStart):
            found.append((event.headers, b""))
        elif isinstance(event, PartData):
            found[-1] = (found[-1][0], found[-1][1] + bytes(event.data))
    return found


# Search


@pytest.mark.parametrize(
    ("level", "parents", "path"),
    [
        (Level.STUDIES, (None, None), "/dicom-web/studies"),
        (Level.SERIES, (None, None), "/dicom-web/series"),
        (Level.SERIES, ("1.2", None), "/dicom-web/studies/1.2/series"),
        (Level.INSTANCES, ("1.2", None), "/dicom-web/studies/1.2/instances"),
        (Level.INSTANCES, ("1.2", "1.3"), "/dicom-web/studies/1.2/series/1.3/instances"),
    ],
)
async def test_search_paths(level: Level, parents: tuple[str | None, str | None], path: str) -> None:
    """Each level, scoped and unscoped, has its path."""
    asked = Recorder(json=[])

    assert await origin(asked).search(level, *parents, [], limit=0, offset=0) == []
    assert asked.requests[0].url.raw_path == path.encode()


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("PatientName", "Doe^Jane", b"PatientName=Doe?Jane"),
        ("PatientID", "A, B#1", b"PatientID=A*B?1"),
        ("00100020", "100%", b"00100020=100?"),
        ("PatientName", "王^*", b"PatientName=**"),
        ("StudyDate", "20200101-20201231", b"StudyDate=20200101-20201231"),
        ("StudyInstanceUID", "1.2\\1.3,1.4", b"StudyInstanceUID=1.2,1.3,1.4"),
        ("includefield", "00081030", b"includefield=00081030"),
        ("PatientName", "", b"PatientName="),
    ],
)
async def test_search_needs_no_decoding(name: str, value: str, sent: bytes) -> None:
    """Orthanc does not percent-decode: what would need it becomes a wildcard, which asks for more."""
    asked = Recorder(json=[])

    await origin(asked).search(Level.STUDIES, None, None, [(name, value)], limit=5, offset=10)

    assert asked.requests[0].url.query == sent + b"&limit=5&offset=10"


@pytest.mark.parametrize("key", ["Patient Name", "a&b", "", "x=1"])
async def test_search_key_that_is_none(key: str) -> None:
    """A key cannot smuggle a second one in."""
    with pytest.raises(BadRequest):
        await origin(Recorder(json=[])).search(Level.STUDIES, None, None, [(key, "")], limit=1, offset=0)


@pytest.mark.parametrize(
    "answer", [httpx.Response(204), httpx.Response(200, content=b""), httpx.Response(200, json=[])]
)
async def test_search_without_results(answer: httpx.Response) -> None:
    """Servers say it in three ways."""
    assert await origin(answer).search(Level.STUDIES, None, None, [], limit=1, offset=0) == []


@pytest.mark.parametrize("body", [b"{}", b"[1]", b"[", b"<html>", b"[" * 100_000])
async def test_search_answer_that_is_none(body: bytes) -> None:
    """Anything but a list of data sets is malformed."""
    with pytest.raises(OriginMalformed):
        await origin(httpx.Response(200, content=body)).search(Level.STUDIES, None, None, [], limit=1, offset=0)


async def test_search_answer_is_bounded() -> None:
    """It is held whole, so it has a limit."""
    small = WebOrigin(BASE, httpx.MockTransport(Recorder(json=[{}] * 1000)), WebLimits(document_bytes=1000))

    with pytest.raises(OriginMalformed, match="1000 bytes"):
        await small.search(Level.STUDIES, None, None, [], limit=1, offset=0)


# Errors


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, OriginRefused),
        (400, OriginRefused),
        (401, OriginRefused),
        (404, UnknownResource),
        (410, UnknownResource),
        (500, OriginRefused),
        (504, OriginTimeout),
    ],
)
async def test_status_becomes_an_error(status: int, error: type[ProxyError]) -> None:
    """Before the first item; and the body, with its URL and UIDs, goes nowhere."""
    answer = Recorder(status, content=b"secret", headers={"Location": "http://secret"})

    with pytest.raises(error) as caught:
        await anext(origin(answer).instances("1.2"))

    assert "secret" not in str(caught.value)
    assert len(answer.requests) == 1


@pytest.mark.parametrize("uid", ["", "..", "1/2", "1.2%2f", "a" * 257])
async def test_no_path_from_what_is_no_uid(uid: str) -> None:
    """Nothing reaches the origin."""
    asked = Recorder(json=[])

    with pytest.raises(UnknownResource):
        await anext(origin(asked).metadata(uid))

    assert asked.requests == []


@pytest.mark.parametrize("url", ["", "ftp://x", "host:80", "http://", "http://h/?a=b", "http://h:x/"])
def test_base_url_that_is_none(url: str) -> None:
    """The message says how to write it, not what was written."""
    with pytest.raises(ValueError, match="write it as http"):
        WebOrigin(url)


async def test_credentials_become_basic_authentication() -> None:
    """They are in the header, and in no URL or representation."""
    asked = Recorder(json=[])
    with_password = origin(asked, "https://user:p%40ss@origin.test/dicom-web/")

    await with_password.search(Level.STUDIES, None, None, [], limit=0, offset=0)

    assert asked.requests[0].headers["authorization"] == httpx._auth.BasicAuth("user", "p@ss")._auth_header
    assert str(asked.requests[0].url) == "https://origin.test/dicom-web/studies"
    assert "p@ss" not in repr(with_password)


# Retrieve


async def test_metadata_is_passed_on_as_it_comes() -> None:
    """Its reader parses it."""
    document = b'[{"00080018": {"vr": "UI"}}]'

    chunks = [chunk async for chunk in origin(httpx.Response(200, content=document)).metadata("1.2")]

    assert b"".join(chunks) == document


async def test_instances_are_asked_for_as_stored() -> None:
    """In any transfer syntax, uncompressed."""
    asked = Recorder(content=TWO_PARTS, headers=PARTS)

    await parts(origin(asked).instances("1.2", "1.3"))

    request = asked.requests[0]
    assert request.url.path == "/dicom-web/studies/1.2/series/1.3"
    assert request.headers["accept"] == 'multipart/related; type="application/dicom"; transfer-syntax=*'
    assert request.headers["accept-encoding"] == "identity"


async def test_parts_without_headers_of_the_origin() -> None:
    """Content-Location holds its URL and original UIDs."""
    assert await parts(origin(httpx.Response(200, content=TWO_PARTS, headers=PARTS)).instances("1.2")) == [
        ({"content-type": "application/dicom", "content-length": "3"}, b"one"),
        ({"content-type": "application/dicom"}, b"two"),
    ]


@pytest.mark.parametrize("length", [0, 1, 60, len(TWO_PARTS) - 2])
async def test_series_that_breaks_off(length: int) -> None:
    """With status 200 and no closing boundary: Orthanc does that."""
    with pytest.raises(OriginMalformed):
        await parts(origin(httpx.Response(200, content=TWO_PARTS[:length], headers=PARTS)).instances("1.2"))


async def test_single_part_answer() -> None:
    """Some servers answer so for one instance."""
    answer = httpx.Response(200, content=b"one", headers={"Content-Type": "application/dicom; x=secret"})

    assert await parts(origin(answer).instances("1.2", "1.3", "1.4")) == [
        ({"content-type": "application/dicom", "content-length": "3"}, b"one")
    ]


async def test_answer_in_another_media_type() -> None:
    """A login page is not an instance."""
    with pytest.raises(OriginMalformed):
        await parts(origin(httpx.Response(200, html="<p>login</p>")).instances("1.2"))


async def test_frames_carry_their_transfer_syntax() -> None:
    """Orthanc hides it inside the quotes of `type`, and in the whole's header only."""
    whole = 'multipart/related; type="image/jls; transfer-syntax=1.2.840.10008.1.2.4.80"; boundary=b'
    answer = Recorder(content=b"--b\r\n\r\nframe\r\n--b--", headers={"Content-Type": whole})

    (part,) = await parts(origin(answer).frames("1.2", "1.3", "1.4", [1]))

    assert part == ({"content-type": "image/jls; transfer-syntax=1.2.840.10008.1.2.4.80"}, b"frame")
    assert answer.requests[0].url.path.endswith("/instances/1.4/frames/1")


def stored(name: str) -> Callable[[httpx.Request], httpx.Response]:
    """An origin that can give the instance, but no frames and pictures of it."""
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    body = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + Path(path).read_bytes() + b"\r\n--b--"

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/instances/1.4"):
            return httpx.Response(200, content=body, headers=PARTS)
        return httpx.Response(500, content=b"secret")

    return answer


async def test_frames_that_the_origin_cannot_give() -> None:
    """They are cut from the instance: big endian becomes little endian."""
    (big,) = await parts(origin(stored("MR_small_bigendian.dcm")).frames("1.2", "1.3", "1.4", [1]))
    (little,) = await parts(origin(stored("MR_small.dcm")).frames("1.2", "1.3", "1.4", [1]))

    assert big == little
    assert big[0] == {
        "content-type": "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1",
        "content-length": "8192",
    }


@pytest.mark.parametrize("location", ["/studies/1/series/2/instances/1.2.9/frames/1", "x/instances/1.2.3/frames/2"])
async def test_frames_of_another_instance(location: str) -> None:
    """A part that says that it is another frame than was asked for is refused."""
    body = b"--b\r\nContent-Location: http://origin.test/%b\r\n\r\nx\r\n--b--" % location.encode()
    with pytest.raises(OriginMalformed, match="another frame"):
        await parts(origin(httpx.Response(200, content=body, headers=PARTS)).frames("1", "2", "1.2.3", [1]))


async def test_frame_beyond_the_last() -> None:
    """Unknown, before the first event."""
    with pytest.raises(UnknownResource):
        await anext(origin(stored("MR_small.dcm")).frames("1.2", "1.3", "1.4", [1, 2]))


async def test_picture_of_the_origin() -> None:
    """With the parameters that are known, and no others."""
    asked = Recorder(content=b"picture", headers={"Content-Type": "image/png"})
    web = origin(asked)

    picture = await web.rendered("1.2", "1.3", "1.4", 2, media_type="image/png", params={"window": "40,400,linear"})

    assert picture == ("image/png", b"picture")
    assert asked.requests[0].url.raw_path.endswith(b"/frames/2/rendered?window=40,400,linear")
    for params in ({"annotation": "patient"}, {"window": "1,2,x&annotation=patient"}):
        with pytest.raises(BadRequest):
            await web.rendered("1.2", "1.3", "1.4", 2, media_type="image/png", params=params)


async def test_picture_that_the_origin_cannot_draw() -> None:
    """It is drawn here."""
    media_type, picture = await origin(stored("CT_small.dcm")).rendered(
        "1.2", "1.3", "1.4", None, media_type="image/jpeg", params={"viewport": "64,64"}
    )

    assert (media_type, picture[:2]) == ("image/jpeg", b"\xff\xd8")


@pytest.mark.parametrize(
    "uri",
    [
        f"{BASE}/studies/1.2/series/1.3/instances/1.4/bulk/7fe00010",
        "http://localhost/dicom-web/studies/1.2/series/1.3/instances/1.4/bulk/7fe00010",
        "/dicom-web/studies/1.2/series/1.3/instances/1.4/bulk/7fe00010",
        "studies/1.2/series/1.3/instances/1.4/bulk/7fe00010",
    ],
)
async def test_bulkdata_uri_is_taken_below_the_base(uri: str) -> None:
    """Orthanc writes the host that it believes in, which may be a dead link."""
    asked = Recorder(content=TWO_PARTS, headers=PARTS)

    assert len(await parts(origin(asked).bulkdata(uri))) == 2
    assert str(asked.requests[0].url) == f"{BASE}/studies/1.2/series/1.3/instances/1.4/bulk/7fe00010"


async def test_bulkdata_elsewhere_below_the_base() -> None:
    """A server may keep it where it likes; its query stays."""
    asked = Recorder(content=TWO_PARTS, headers=PARTS)

    await parts(origin(asked).bulkdata(f"{BASE}/bulkdata/abc?offset=4"))

    assert str(asked.requests[0].url) == f"{BASE}/bulkdata/abc?offset=4"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "http://elsewhere.test/bulkdata/1",
        f"{BASE}-other/bulkdata/1",
        f"{BASE}/../instances",
        f"{BASE}/studies/../../instances",
        f"{BASE}/studies/1.2/%2e%2e/%2e%2e/instances",
        f"{BASE}/studies/1.2/x%2f..%2fy",
        f"{BASE}/studies/1.2/%252e%252e/x",
        "file:///studies/1.2",
        "http://[/studies/1.2",
        f"{BASE}/studies/1.2/a b",
    ],
)
async def test_bulkdata_from_elsewhere_is_refused(uri: str) -> None:
    """Nothing is asked of anybody."""
    asked = Recorder(content=TWO_PARTS, headers=PARTS)

    with pytest.raises(UnknownResource):
        await parts(origin(asked).bulkdata(uri))

    assert asked.requests == []


# Store


FAILURE: dict[str, object] = {"00081197": {"vr": "US", "Value": [272]}}
WARNING: dict[str, object] = {"00081196": {"vr": "US", "Value": [45056]}}


def receipt(sequence: str, reason: dict[str, object] | None = None, uid: str = "1.2.3") -> dict[str, object]:
    """A receipt with one item."""
    item = {"00081155": {"vr": "UI", "Value": [uid]}, **(reason or {})}
    return {sequence: {"vr": "SQ", "Value": [item]}}


async def test_store_sends_one_part_with_its_length() -> None:
    """And a part header that Orthanc does not stumble over."""
    asked = Recorder(json=receipt("00081199"))

    assert await origin(asked).store("1.2", "1.2.3", BytesIO(b"instance"), 8) == StoreResult(True)

    request = asked.requests[0]
    body = await request.aread()
    assert (request.method, request.url.path) == ("POST", "/dicom-web/studies/1.2")
    assert request.headers["content-length"] == str(len(body))
    assert "transfer-encoding" not in request.headers
    assert b"\r\nContent-Type: application/dicom\r\n\r\ninstance\r\n--" in body


@pytest.mark.parametrize(
    ("status", "answer", "result"),
    [
        (200, {}, StoreResult(False)),
        (200, receipt("00081199", uid="1.2.4"), StoreResult(False)),
        (409, receipt("00081198", FAILURE), StoreResult(False, 272)),
        (
            202,
            receipt("00081199", WARNING),
            StoreResult(True, None, 45056),
        ),
        *((status, {"Details": "secret"}, StoreResult(False)) for status in (400, 415, 422)),
    ],
)
async def test_only_a_named_instance_is_acknowledged(
    status: int, answer: dict[str, object], result: StoreResult
) -> None:
    """Orthanc answers 200 to an instance that it drops."""
    answering = origin(httpx.Response(status, json=answer))

    assert await answering.store(None, "1.2.3", BytesIO(b"x"), 1) == result


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b"<xml/>", OriginMalformed),
        (200, b"[]", OriginMalformed),
        (200, b'{"00081199": 1}', OriginMalformed),
        (401, b"", OriginRefused),
        (503, b"", OriginRefused),
    ],
)
async def test_store_that_says_nothing_of_the_instance(status: int, body: bytes, error: type[ProxyError]) -> None:
    """Neither stored nor refused: an error."""
    with pytest.raises(error):
        await origin(httpx.Response(status, content=body)).store(None, "1.2.3", BytesIO(b"x"), 1)
