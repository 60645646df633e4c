"""An origin server in memory, and the proxy before it, for tests that run in one process without a socket.

archive = MemoryOrigin(instance(), instance(instance="1.2.3.1.1.2"))
async with proxy(tmp_path, archive) as ask:
    response = await ask.get("/studies")
"""

from __future__ import annotations

import json
import socket
import threading
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote

import httpx
import uvicorn
from PIL import Image
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message

from dicomveil_engine import Policy, load_policy
from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy.errors import UnknownResource
from dicomveil_proxy.origin import Match, StoreResult
from dicomveil_proxy.origin.folder.header_json import header_json
from dicomveil_proxy.pixels.frames import StoredFrames
from dicomveil_proxy.pixels.looks import rendering_query
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.request.resource import parse_uid
from dicomveil_proxy.service.application import PREFIX, create_application
from dicomveil_proxy.service.protocol import ConnectionLimits, protocol
from dicomveil_proxy.settings.server import Settings
from dicomveil_proxy.wire.multipart import Event, MultipartReader, PartData, PartEnd, PartStart, boundary_of

KEY = bytes(range(32))
HOST = "http://proxy.test"
BASE = f"{HOST}{PREFIX}"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
ANY_SYNTAX = 'multipart/related; type="application/dicom"; transfer-syntax=*'

STUDY, SERIES, INSTANCE = OriginalUID("1.2.3.1"), OriginalUID("1.2.3.1.1"), OriginalUID("1.2.3.1.1.1")
"""Of `instance()`."""


def instance(
    study: str = STUDY,
    series: str = SERIES,
    instance: str = INSTANCE,
    *,
    transfer_syntax: str = EXPLICIT_LITTLE,
    preamble: bytes = bytes(128),
    pixels: bytes | None = bytes(range(16)),
    change: Callable[[Dataset], object] = lambda _: None,
    **attributes: object,
) -> bytes:
    """A Part 10 instance: a picture of 4 by 4, two frames of 2 by 4 bytes; attributes by keyword, None for none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # illegal values are what some tests want
        dataset = Dataset()
        dataset.SOPClassUID, dataset.SOPInstanceUID = CT, instance
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
        defaults = {
            "Modality": "CT",
            "PatientID": "PATIENT-1",
            "PatientName": "Doe^Jane",
            "StudyDate": "20200101",
            "AccessionNumber": "ACCESSION-1",
        }
        for keyword, value in (defaults | attributes).items():
            if value is not None:
                setattr(dataset, keyword, value)
        if pixels is not None:
            # More bytes than the attributes describe would not come out.
            dataset.Rows, dataset.Columns, dataset.NumberOfFrames = 2, 4, max(2, len(pixels) // 8)
            dataset.BitsAllocated = dataset.BitsStored = 8
            dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 7, 0, 1
            dataset.PhotometricInterpretation = "MONOCHROME2"
            dataset.add_new(0x7FE00010, "OB", pixels)
        change(dataset)
        meta = dataset.file_meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CT, instance
        meta.TransferSyntaxUID = transfer_syntax
        dataset.preamble = preamble
        file = BytesIO()
        dcmwrite(file, dataset, enforce_file_format=True)
        return file.getvalue()


def drawn(media_type: str) -> bytes:
    """A picture as an origin server draws it: with a comment that names the patient."""
    file = BytesIO()
    options = {"comment": b"Doe^Jane"} if media_type != "image/png" else {}
    Image.new("L", (4, 2), 77).save(file, media_type.removeprefix("image/"), **options)
    return file.getvalue()


class MemoryOrigin:
    """An `Origin` that holds what it is given, writes down what it is asked, and fails where it is told to."""

    def __init__(self, *instances: bytes) -> None:
        self.held: list[bytes] = [*instances]
        self.asked: list[str] = []
        self.failures: dict[str, Exception] = {}
        """By the name of a method: what it raises when called."""
        self.breaks: dict[str, Exception] = {}
        """By the name of an iterator: what it raises after the first thing that it gives."""
        self.gives_lengths = True
        """Whether frames and bulk data have a Content-Length, as Orthanc's do."""
        self.stores_as = StoreResult(acknowledged=True)
        self.is_closed = False
        self.released = 0
        """Iterators that were let go of."""

    def note(self, method: str, *of: object) -> None:
        """Write down what was asked; fail if told to."""
        self.asked.append(" ".join([method, *(str(each) for each in of if each)]))
        if method in self.failures:
            raise self.failures[method]

    def datasets(self, *uids: str | None) -> list[tuple[Dataset, bytes]]:
        """The instances of a study, series, instance, or all."""
        read = [(dcmread(BytesIO(each), force=True), each) for each in self.held]
        return [(d, each) for d, each in read if all(u in (None, v) for u, v in zip(uids, _uids(d), strict=False))]

    def _found(self, *uids: str | None) -> list[tuple[Dataset, bytes]]:
        if found := self.datasets(*uids):
            return found
        raise UnknownResource("the origin server has no such resource")

    async def search(
        self,
        level: Level,
        study: str | None,
        series: str | None,
        params: Sequence[tuple[str, str]],
        *,
        limit: int,
        offset: int,
    ) -> list[Match]:
        """Apply keys by UID, PatientID, StudyDate and Modality, exactly, and no others."""
        keys = {name: value for name, value in params if name != "includefield" and value}
        self.note("search", level.value, study, series, *(f"{name}={value}" for name, value in keys.items()))
        for name, value in keys.items():
            if name.endswith("UID"):
                _ = [parse_uid(uid) for uid in value.split(",")]
        depth = [*Level].index(level) + 1
        found: dict[tuple[str, ...], Dataset] = {}
        for dataset, _ in self.datasets(study, series):
            found.setdefault(_uids(dataset)[:depth], dataset)  # the first speaks for its study or series
        speaking = [dataset for _, dataset in sorted(found.items())]
        ordered = [_match(each, depth) for each in speaking if all(_has(each, *key) for key in keys.items())]
        return ordered[offset : offset + limit if limit else None]

    async def metadata(
        self, study: str, series: str | None = None, instance: str | None = None
    ) -> AsyncGenerator[bytes, None]:
        """All headers, each in a chunk of its own."""
        self.note("metadata", study, series, instance)
        found = self._found(study, series, instance)
        lead = b"["
        for dataset, _ in found:
            uri = f"memory:/studies/{'/'.join(_uids(dataset))}/bulk/"
            yield lead + json.dumps(header_json(dataset, lambda path, uri=uri: uri + path)).encode()  # type: ignore[misc]
            lead = b","
            self._break("metadata")
        yield b"]"

    async def instances(
        self, study: str, series: str | None = None, instance: str | None = None
    ) -> AsyncGenerator[Event, None]:
        """Each instance in two halves."""
        self.note("instances", study, series, instance)
        try:
            for _, data in self._found(study, series, instance):
                yield PartStart({"content-type": "application/dicom"})
                yield PartData(data[: len(data) // 2])
                self._break("instances")
                yield PartData(data[len(data) // 2 :])
                yield PartEnd()
        finally:
            self.released += 1

    async def frames(
        self, study: str, series: str, instance: str, frames: Sequence[int]
    ) -> AsyncGenerator[Event, None]:
        """Frames as they are stored."""
        self.note("frames", study, series, instance, *frames)
        ((_, data),) = self._found(study, series, instance)
        stored = StoredFrames(BytesIO(data))
        for number in frames:
            frame = stored.frame(number)
            yield PartStart({"content-type": stored.content_type, **self._length(frame)})
            yield PartData(frame)
            yield PartEnd()
            self._break("frames")

    async def bulkdata(self, uri: str) -> AsyncGenerator[Event, None]:
        """The value of any element, as Orthanc gives it."""
        self.note("bulkdata", uri)
        study, series, instance, _, *path = uri.removeprefix("memory:/studies/").split("/")
        ((dataset, _),) = self._found(study, series, instance)
        for tag, number in zip(path[:-1:2], path[1::2], strict=True):
            dataset = dataset[int(tag, 16)].value[int(number) - 1]
        value = bytes(dataset[int(path[-1], 16)].value)
        yield PartStart({"content-type": "application/octet-stream", **self._length(value)})
        yield PartData(value)
        self._break("bulkdata")
        yield PartEnd()

    async def rendered(
        self,
        study: str,
        series: str,
        instance: str,
        frame: int | None,
        *,
        media_type: str,
        params: Mapping[str, str],
    ) -> tuple[str, bytes]:
        """A picture; of a document, the document."""
        self.note("rendered", study, series, instance, frame, rendering_query(params))
        ((dataset, _),) = self._found(study, series, instance)
        return (media_type, drawn(media_type)) if "Rows" in dataset else ("application/pdf", b"document")

    async def store(self, study: str | None, sop_instance_uid: str, instance: BinaryIO, size: int) -> StoreResult:
        """Take it, or not, as told."""
        self.note("store", sop_instance_uid)
        if self.stores_as.acknowledged:
            self.held.append(instance.read(size))
        return self.stores_as

    async def aclose(self) -> None:
        """Nothing to let go of."""
        self.is_closed = True

    def _length(self, value: bytes) -> dict[str, str]:
        return {"content-length": str(len(value))} if self.gives_lengths else {}

    def _break(self, method: str) -> None:
        if method in self.breaks:
            raise self.breaks[method]


def _uids(dataset: Dataset) -> tuple[str, str, str]:
    return str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID), str(dataset.SOPInstanceUID)


def _match(dataset: Dataset, depth: int) -> Match:
    match: Match = header_json(dataset, lambda _: "memory:/bulk")
    for tag in ("0020000E", "00080018")[depth - 1 :]:
        del match[tag]
    return {tag: element for tag, element in match.items() if "BulkDataURI" not in element}


def _has(dataset: Dataset, keyword: str, wanted: str) -> bool:
    value = str(dataset.get(keyword, ""))
    if keyword == "StudyDate":
        first, _, last = wanted.partition("-")
        return bool(value) and first <= value <= (last or "9")
    is_key = keyword in ("PatientID", "Modality") or keyword.endswith("UID")
    return value in wanted.split(",") if is_key else True


class Asking:
    """A user agent before the proxy, that knows the key."""

    def __init__(self, application: Starlette, client: httpx.AsyncClient, policy: Policy) -> None:
        self.application = application
        self.policy = policy
        self.client = client

    def uid(self, original: str) -> str:
        """The UID under which a user agent knows it."""
        return self.policy.pseudonym_uid(original)

    def path(self, study: str = STUDY, series: str | None = SERIES, instance: str | None = INSTANCE) -> str:
        """Of a resource, by its original UIDs, as a user agent names it."""
        path = f"/studies/{self.uid(study)}"
        path += f"/series/{self.uid(series)}" if series else ""
        return path + (f"/instances/{self.uid(instance)}" if instance else "")

    async def get(self, path: str, accept: str | None = None, **headers: str) -> httpx.Response:
        """GET below the service's root."""
        return await self.client.get(f"{BASE}{path}", headers=headers | ({"Accept": accept} if accept else {}))

    async def get_raw(self, raw_path: bytes) -> httpx.Response:
        """GET a path as it stands, which clients would tidy; decoded once, as servers do."""
        scope = {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "path": unquote(raw_path.decode("ascii")),
            "raw_path": raw_path,
            "query_string": b"",
            "headers": [(b"host", b"proxy.test")],
            "client": ("127.0.0.1", 1),
        }
        got: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            got.append(message)

        await self.application(scope, receive, send)
        content = b"".join(message.get("body", b"") for message in got)
        return httpx.Response(got[0]["status"], headers=got[0]["headers"], content=content)

    async def store(self, *instances: bytes, path: str = "/studies", **headers: str) -> httpx.Response:
        """POST instances."""
        content_type = 'multipart/related; type="application/dicom"; boundary=b'
        head = b"--b\r\nContent-Type: application/dicom\r\n\r\n"
        body = b"".join(head + each + b"\r\n" for each in instances) + b"--b--\r\n"
        return await self.client.post(f"{BASE}{path}", content=body, headers={"Content-Type": content_type} | headers)


def over_attributes(profile: object) -> dict[str, object]:
    """A configuration of a preset or of a configuration that lets text in pixels pass, unless it says otherwise."""
    written = profile if isinstance(profile, dict) else {"profile": profile}
    return written if "dicom" in written else {"pixels": "keep"} | written


@asynccontextmanager
async def proxy(folder: Path, origin: Any, *, profile: object = "default", **settings: Any) -> AsyncIterator[Asking]:
    """The proxy over an origin, with its key and state in a folder.

    `profile`: a preset, or a configuration, over attributes alone: text in pixels passes unless it has "pixels".
    """
    application = application_in(folder, origin, profile=profile, **settings)
    policy = load_policy(over_attributes(profile), KEY)
    transport = httpx.ASGITransport(application)
    async with application.router.lifespan_context(application), httpx.AsyncClient(transport=transport) as client:
        yield Asking(application, client, policy)


def application_in(folder: Path, origin: Any, *, profile: object = "default", **settings: Any) -> Starlette:
    """The application alone, for a profile as `proxy` takes it."""
    key_file = folder / "key"
    if not key_file.exists():
        key_file.touch(0o600)
        key_file.write_text(KEY.hex())
    (folder / "profile.json").write_text(json.dumps(over_attributes(profile)))
    profile = str(folder / "profile.json")
    values: dict[str, Any] = {"state": folder / "state", "origin": "http://origin.test/dicom-web"} | settings
    return create_application(Settings(key_file=key_file, profile=str(profile), **values), origin)


@contextmanager
def served(application: ASGIApp, limits: ConnectionLimits | None = None) -> Iterator[int]:
    """A real server on a free port of this machine, in a thread; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            application,
            http=protocol(limits or ConnectionLimits()),
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def parts(response: httpx.Response) -> list[tuple[dict[str, str], bytes]]:
    """Headers and content of each part of a whole multipart response."""
    reader = MultipartReader(boundary_of(response.headers["content-type"]))
    found: list[tuple[dict[str, str], bytes]] = []
    for event in reader.feed(response.content):
        if isinstance(event, PartStart):
            found.append((event.headers, b""))
        elif isinstance(event, PartData):
            found[-1] = (found[-1][0], found[-1][1] + bytes(event.data))
    reader.close()
    return found


def values(match: Mapping[str, Any], tag: str) -> list[Any]:
    """Of an attribute in DICOM JSON."""
    found: list[Any] = match.get(tag, {}).get("Value", [])
    return found
