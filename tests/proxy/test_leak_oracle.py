"""The leak oracle: sentinels wherever an original value can stand, and no byte of any answer or log holds one."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.datadict import DicomDictionary

from dicomveil_engine.attributes.legality import STRUCTURAL_UIDS
from dicomveil_proxy.logs import EventFormatter
from dicomveil_proxy.origin.web.origin import WebOrigin
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.request.resource import Representation, Resource
from dicomveil_proxy.wire.multipart import MultipartWriter, PartEnd, PartStart
from proxy.fakes import ANY_SYNTAX, BASE, Asking, MemoryOrigin, drawn, instance, proxy

pytestmark = pytest.mark.anyio

WORD, DAY, ROOT = "Zzleakzz", "19110911", "1.2.3.47110815"
SENTINELS = (WORD.lower().encode(), DAY.encode(), ROOT.encode(), b"1911-09-11")
UIDS = (f"{ROOT}.1", f"{ROOT}.1.1", f"{ROOT}.1.1.1")
TEXTS = {
    "PN": f"{WORD}^Jane",
    **dict.fromkeys(("LO", "SH", "LT", "ST", "UT", "UC"), f"of {WORD}"),
    "UR": f"http://{WORD}.test/{ROOT}",
    "DA": DAY,
    "DT": f"{DAY}101112",
    "UI": f"{ROOT}.9",
}
"""What is planted, by VR."""
CODES = (0x00080100, 0x00080102, 0x00080103, 0x00080119)
"""Code values and their schemes, which the profile keeps: they come from a vocabulary."""


@cache
def sentinels() -> bytes:
    """An instance with a sentinel in every attribute of PS3.6 that can hold one, nested, private, and around it."""

    def fill(dataset: Dataset) -> None:
        for tag, (vr, *_) in DicomDictionary.items():
            if vr in TEXTS and tag >> 16 >= 8 and tag not in (*STRUCTURAL_UIDS, *CODES) and tag not in dataset:
                dataset.add_new(tag, vr, TEXTS[vr])
        item = Dataset()
        for keyword, vr in (("PatientName", "PN"), ("InstitutionName", "LO"), ("StudyDate", "DA"), ("TextValue", "UT")):
            setattr(item, keyword, TEXTS[vr])
        item.ReferencedSOPInstanceUID = TEXTS["UI"]
        item.add_new(0x00420011, "OB", WORD.encode() * 300)
        item.private_block(0x0011, WORD, create=True).add_new(1, "LO", TEXTS["LO"])
        deeper = Dataset()
        deeper.add_new(0x00081140, "SQ", [item])
        for sequence in (0x00400260, 0x00081140, 0x0040A730):
            dataset.add_new(sequence, "SQ", [deeper, item])
        dataset.private_block(0x0009, WORD, create=True).add_new(1, "OB", WORD.encode() * 300)
        dataset.add_new(0x00189999, "UN", WORD.encode() * 300)
        dataset.add_new(0xFFFCFFFC, "OB", WORD.encode())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = instance(
            *UIDS,
            change=fill,
            pixels=bytes(2000),
            PatientName=None,
            PatientID=None,
            StudyDate=None,
            AccessionNumber=None,
        )
        dataset = dcmread(BytesIO(made))
        dataset.preamble = (WORD.encode() * 16)[:128]
        dataset.file_meta.SourceApplicationEntityTitle = WORD
        dataset.file_meta.PrivateInformationCreatorUID = TEXTS["UI"]
        dataset.file_meta.PrivateInformation = WORD.encode()
        file = BytesIO()
        dcmwrite(file, dataset)
        return file.getvalue()


@contextmanager
def no_leak(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[httpx.Response], httpx.Response]]:
    """Looks at each response, and at the end into the log: every logger's, at every level."""
    caplog.set_level(logging.DEBUG)

    def check(response: httpx.Response) -> httpx.Response:
        seen = response.content + repr(response.headers.raw).encode() + response.reason_phrase.encode()
        assert [sentinel for sentinel in SENTINELS if sentinel in seen.lower()] == [], response.request.url.path
        return response

    yield check
    formatter = EventFormatter()
    lines = [formatter.format(record) for record in caplog.records]
    # httpx logs whole URLs, the tests' user agent's too: what the process writes of that is withheld.
    raw = [record for record in caplog.records if record.name.partition(".")[0] not in ("httpx", "httpcore")]
    lines += [f"{record.getMessage()} {record.exc_text} {record.args}" for record in raw]
    assert raw
    assert [line for line in lines if any(sentinel in line.lower().encode() for sentinel in SENTINELS)] == []


def paths(ask: Asking) -> Iterator[tuple[str, str]]:
    """Every route, and bad requests of every kind: path and Accept."""
    study, series, one = map(ask.uid, UIDS)
    resource = f"/studies/{study}/series/{series}/instances/{one}"
    for level in ("studies", "series", "instances", f"studies/{study}/series", f"studies/{study}/instances"):
        yield f"/{level}?includefield=all", "*/*"
    for path in (resource, f"/studies/{study}", f"/studies/{study}/series/{series}"):
        yield path, ANY_SYNTAX
        yield f"{path}/metadata", "*/*"
        yield f"{path}/rendered", "*/*"
        yield f"{path}/thumbnail", "*/*"
        yield path, WORD
    for bulk in (
        "7fe00010",
        "00100010",
        "00091001",
        "00189999",
        "00081140/2/00420011",
        "00400260/1/00081140/1/00100010",
    ):
        yield f"{resource}/bulk/{bulk}", "*/*"
    for path in (f"/studies/{study}", f"/studies/{study}/series/{series}"):
        yield path, "application/zip"
    yield f"{resource}/frames/1,2", "*/*"
    yield f"{resource}/frames/1,2/rendered", "*/*"
    yield f"{resource}/frames/1,2", 'multipart/related; type="image/dicom-rle"'
    yield resource, "application/dicom; transfer-syntax=1.2.840.10008.1.2"
    for path in ("/instances?includefield=all", f"/studies/{study}/metadata"):
        yield path, 'multipart/related; type="application/dicom+xml"'
    yield f"{resource}/frames/{WORD}", "*/*"
    yield f"{resource}/rendered?annotation=patient&{WORD}={WORD}", "*/*"
    yield f"/studies/{UIDS[0]}/metadata", "*/*"
    yield f"/studies/{WORD}/{DAY}", "*/*"
    yield f"/{WORD}", WORD
    wado = f"/wado?requestType=WADO&studyUID={study}&seriesUID={series}&objectUID={one}"
    yield wado, "*/*"
    yield f"{wado}&contentType=application/dicom", "*/*"
    for bad in (
        f"{WORD}={WORD}&contentType={WORD}",
        f"annotation={WORD}",
        f"frameNumber={WORD}",
        f"studyUID={UIDS[0]}",
    ):
        yield f"{wado}&{bad}", "*/*"
    yield f"/wado?requestType={WORD}", "*/*"
    yield f"/wado?requestType=WADO&studyUID={UIDS[0]}&seriesUID={UIDS[1]}&objectUID={WORD}", "*/*"
    for key, value in {
        "PatientName": WORD,
        "PatientID": TEXTS["LO"],
        "StudyDate": DAY,
        "StudyInstanceUID": UIDS[0],
        WORD: WORD,
        "limit": WORD,
        "StudyTime": WORD,
        "accept": WORD,
    }.items():
        yield f"/studies?{key}={quote(value)}", "*/*"


@pytest.mark.parametrize("profile", ["default", "basic"])
@pytest.mark.parametrize("on_error", ["abort", "omit"])
async def test_over_all_routes(tmp_path: Path, caplog: pytest.LogCaptureFixture, profile: str, on_error: str) -> None:
    """Good requests and bad ones."""
    with no_leak(caplog) as check:
        origin = MemoryOrigin(sentinels())
        async with proxy(tmp_path, origin, profile=profile, on_error=on_error) as ask:
            answers = [check(await ask.get(path, accept)) for path, accept in paths(ask)]

    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) >= 18
    assert {400, 404, 406} <= set(statuses) <= {200, 400, 404, 406}


async def test_over_a_store(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What reaches the origin holds none; the answer only the UIDs that the sender sent, in its own terms."""
    origin = MemoryOrigin()
    with no_leak(caplog) as check:
        async with proxy(tmp_path, origin) as ask:
            body = (
                f'--b\r\nContent-Type: application/dicom\r\nContent-Disposition: x; filename="{WORD}"\r\n\r\n'.encode()
            )
            for data in (sentinels(), sentinels()[:-40], sentinels()[:3000], WORD.encode() * 99):
                answer = await ask.client.post(
                    f"{BASE}/studies",
                    content=body + data + b"\r\n--b--",
                    headers={"Content-Type": f"multipart/related; boundary=b; {WORD}={WORD}", WORD: WORD},
                )
                assert WORD.lower() not in answer.text.lower()
            check(await ask.store(sentinels(), path=f"/studies/{UIDS[0]}"))
            check(await ask.store(sentinels(), **{"Content-Type": WORD}))

    assert origin.held
    assert [s for s in SENTINELS if s in b"".join(origin.held).lower()] == []


HEADERS = {"Server": WORD, "ETag": ROOT, "Set-Cookie": f"{WORD}={WORD}", "Warning": WORD, "Content-Language": WORD}


def web_origin(fault: Callable[[httpx.Request], httpx.Response | None]) -> WebOrigin:
    """A web server before a memory origin, that writes originals into every header; and faults, where there are."""
    held = MemoryOrigin(sentinels())

    async def answer(request: httpx.Request) -> httpx.Response:
        if response := fault(request):
            return response
        path = request.url.path.removeprefix("/dicom-web")
        if path.endswith(("studies", "series", "instances")):
            level = Level(path.rpartition("/")[2])
            return httpx.Response(
                200, headers=HEADERS, json=await held.search(level, None, None, [], limit=0, offset=0)
            )
        resource = Resource.parse(path)
        uids = (resource.study, resource.series or UIDS[1], resource.instance or UIDS[2])
        if resource.representation is Representation.METADATA:
            text = b"".join([chunk async for chunk in held.metadata(*uids)]).replace(b"memory:", WORD.lower().encode())
            return httpx.Response(200, headers=HEADERS, content=text)
        if resource.representation is Representation.RENDERED:
            return httpx.Response(200, headers=HEADERS | {"Content-Type": "image/jpeg"}, content=drawn("image/jpeg"))
        events = held.frames(*uids, resource.frames) if resource.frames else held.instances(*uids)
        writer, body = MultipartWriter(b"b", "application/octet-stream"), b""
        async for event in events:
            if isinstance(event, PartStart):
                part = {"Content-Location": f"http://{WORD}.test{path}", "Content-Disposition": f'x; filename="{WORD}"'}
                body += writer.head({"Content-Type": event.headers["content-type"], **part})
            elif not isinstance(event, PartEnd):
                body += bytes(event.data)
        kind = {"Content-Type": f'multipart/related; type="application/dicom"; boundary=b; {WORD}={ROOT}'}
        return httpx.Response(200, headers=HEADERS | kind, content=body + writer.close())

    return WebOrigin(f"http://{WORD}.test/dicom-web", httpx.MockTransport(answer))


def broken(status: int, body: str, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    """Every answer of the origin is this one."""
    return lambda _: httpx.Response(status, content=body, headers={**HEADERS, **headers})


def unreachable(request: httpx.Request) -> httpx.Response:
    """An error of the transport, whose message tells where."""
    raise httpx.ConnectError(f"cannot connect to {request.url}", request=request)


PAGE = f"<html><title>{WORD}</title>{DAY} {ROOT}</html>"
JSON, PARTS = {"Content-Type": "application/dicom+json"}, {"Content-Type": "multipart/related; boundary=b"}
FAULTS: dict[str, Callable[[httpx.Request], httpx.Response | None]] = {
    "none": lambda _: None,
    "500": broken(500, PAGE, **{"Content-Type": "text/html"}),
    "401": broken(401, PAGE, **{"WWW-Authenticate": f'Basic realm="{WORD}"'}),
    "404": broken(404, PAGE),
    "302": broken(302, PAGE, Location=f"http://{WORD}.test/{ROOT}"),
    "HTML": broken(200, PAGE, **{"Content-Type": "text/html"}),
    "HTML that says it is JSON": broken(200, PAGE, **JSON),
    "JSON of another kind": broken(200, json.dumps({WORD: [DAY]}), **JSON),
    "a list of texts": broken(200, json.dumps([WORD]), **JSON),
    "a data set of no kind": broken(200, json.dumps([{WORD: {"vr": WORD}}]), **JSON),
    "HTML that says it is an instance": broken(200, PAGE * 9, **{"Content-Type": "application/dicom"}),
    "a multipart without an end": broken(200, f"--b\r\n{WORD}: {WORD}\r\n\r\n", **PARTS),
    "a multipart of HTML": broken(200, f"--b\r\nContent-Type: text/html\r\n\r\n{PAGE * 9}\r\n--b--", **PARTS),
    "a multipart with a broken header": broken(200, f"--b\r\n{WORD}\r\n\r\n", **PARTS),
    "unreachable": unreachable,
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_over_a_web_origin(tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: str) -> None:
    """Headers of the origin and of parts, URLs, error bodies: nothing passes, be the origin in order or not."""
    with no_leak(caplog) as check:
        async with proxy(tmp_path, web_origin(lambda _: None)) as ask:  # so that pseudonyms are known
            for level in ("studies", "series", "instances"):
                assert check(await ask.get(f"/{level}")).status_code == 200
        async with proxy(tmp_path, web_origin(FAULTS[fault])) as ask:
            resource = ask.path(*UIDS)
            for what in ("", "/metadata", "/frames/1", "/rendered", "/bulk/7fe00010", "/series?includefield=all"):
                path = resource.partition("/series/")[0] + what if what.startswith("/series") else resource + what
                try:
                    response = await ask.get(path, "*/*")
                except AssertionError:  # httpx's, of an answer that was broken off
                    assert "frame" in what
                    continue
                check(response)
                assert response.status_code in ((200, 404) if fault == "none" else (404, 406, 502)), what or "instance"
                assert response.status_code == 200 or response.json().keys() == {"code", "detail", "request_id"}
