"""The requests to a DICOMweb origin server.

Comments name what servers do besides the standard; where they name none, the server is Orthanc. The origin server's
error bodies, redirects and part headers are dropped here.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import IO, Any, BinaryIO, cast
from urllib.parse import unquote

import httpx

from dicomveil_proxy.errors import (
    NotAcceptable,
    OriginMalformed,
    OriginRefused,
)
from dicomveil_proxy.origin import Match, StoreResult
from dicomveil_proxy.origin.frame_parts import frame_parts
from dicomveil_proxy.origin.web.address import BaseURL, query_string, resource_path
from dicomveil_proxy.origin.web.receipt import StoreBody, read_receipt
from dicomveil_proxy.origin.web.response import mapped_errors, parts_of, refuse
from dicomveil_proxy.origin.web.transport import Transport, body_of, is_plain
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.wire.json_document import decoded
from dicomveil_proxy.wire.multipart import Event, PartData, content_type_of

_JSON = {"Accept": "application/dicom+json"}
# As stored: Orthanc 1.10 can crash when it transcodes, and ends a series early if it cannot. And uncompressed: with
# gzip its throughput for pixels falls to a tenth.
_INSTANCES = {
    "Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*',
    "Accept-Encoding": "identity",
}
_FRAMES = {
    "Accept": 'multipart/related; type="application/octet-stream"; transfer-syntax=*',
    "Accept-Encoding": "identity",
}
_BULKDATA = {
    "Accept": 'multipart/related; type="application/octet-stream"',
    "Accept-Encoding": "identity",
}
_FRAME_LOCATION = re.compile(r"/instances/([^/]+)/frames/([0-9]{1,9})/?$")
_REFUSED_INSTANCE = (400, 409, 415, 422)
"""Statuses by which servers refuse the instance, not the sender."""


@dataclass(frozen=True, slots=True)
class WebLimits:
    """Limits of time, connections and memory for one origin server."""

    connections: int = 16
    """Orthanc has a thread per connection, 50 in all, and stalls when idle connections occupy them."""
    idle_seconds: float = 0.8
    """Orthanc closes idle connections after 1 s; a request sent at that moment is lost."""
    connect_seconds: float = 10
    wait_seconds: float = 60
    """Time to wait for a free connection."""
    read_seconds: float = 60
    """Time without receiving a byte."""
    document_bytes: int = 64 << 20
    """Largest search response, store response or picture, which are kept in memory."""
    instance_bytes: int = 2 << 30
    """Largest instance that is fetched to extract frames from it; kept on disk beyond 16 MiB."""


class WebOrigin:
    """An `Origin` at a DICOMweb base URL."""

    def __init__(
        self,
        base_url: str,
        transport: httpx.AsyncBaseTransport | None = None,
        limits: WebLimits = WebLimits(),
    ) -> None:
        """Raises ValueError for an invalid URL. Does not connect yet."""
        self._base = BaseURL(base_url)
        self.observe: Callable[[int | None, float], None] = lambda _status, _seconds: None
        """Called for each request with the status, None without a response, and the seconds until its head."""
        self._limits = limits
        pool = httpx.Limits(
            max_connections=limits.connections,
            max_keepalive_connections=limits.connections,
            keepalive_expiry=limits.idle_seconds,
        )
        # Without httpx.AsyncClient: its cookies, redirects and defaults are not wanted, and take a third of the time
        # of a small request.
        self._transport = transport or Transport(limits=pool)
        # Documents are compressed for distant servers only: for the metadata of 300 instances, gzip costs both sides
        # a third more CPU time, and is no faster over gigabit Ethernet.
        encoding = "identity" if self._base.is_near else "gzip, identity;q=0.5"
        self._headers = {"User-Agent": "dicomveil", "Accept-Encoding": encoding, **self._base.headers}
        timeout = httpx.Timeout(limits.read_seconds, connect=limits.connect_seconds, pool=limits.wait_seconds)
        self._extensions = {"timeout": timeout.as_dict()}

    def __repr__(self) -> str:
        return "WebOrigin(...)"

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
        """As `Origin.search`."""
        path = resource_path(study, series) + "/" if study else ""
        query = query_string(params, limit, offset)
        path += level.name.lower() + (f"?{query}" if query else "")
        async with self._response("GET", path, _JSON) as response:
            matches = await self._document(response)
        if matches is None:
            return []
        if not isinstance(matches, list) or not all(isinstance(match, dict) for match in matches):
            raise OriginMalformed("the response to a search is not a list of data sets")
        return matches

    async def metadata(
        self, study: str, series: str | None = None, instance: str | None = None
    ) -> AsyncGenerator[bytes, None]:
        """As `Origin.metadata`."""
        async with self._response("GET", f"{resource_path(study, series, instance)}/metadata", _JSON) as response:
            if response.status_code == httpx.codes.NO_CONTENT:
                yield b"[]"
                return
            with mapped_errors():
                async for chunk in body_of(response):
                    yield chunk

    async def instances(
        self, study: str, series: str | None = None, instance: str | None = None
    ) -> AsyncGenerator[Event, None]:
        """As `Origin.instances`."""
        async with aclosing(self._parts(resource_path(study, series, instance), _INSTANCES)) as parts:
            async for event in parts:
                yield event

    async def frames(
        self, study: str, series: str, instance: str, frames: Sequence[int]
    ) -> AsyncGenerator[Event, None]:
        """As `Origin.frames`; extracted from the whole instance here if the origin server refuses."""
        path = f"{resource_path(study, series, instance)}/frames/{','.join(map(str, frames))}"
        try:
            check = partial(_check_frame, instance, frames)
            async with aclosing(self._parts(path, _FRAMES, check)) as parts:
                async for event in parts:
                    yield event
        except OriginRefused:  # always before the first event; Orthanc refuses big endian frames
            async for event in self._cut_frames(study, series, instance, frames):
                yield event

    async def _cut_frames(
        self, study: str, series: str, instance: str, frames: Sequence[int]
    ) -> AsyncGenerator[Event, None]:
        async with self._whole_instance(study, series, instance) as file:
            async for event in frame_parts(file, frames):
                yield event

    async def bulkdata(self, uri: str) -> AsyncGenerator[Event, None]:
        """As `Origin.bulkdata`."""
        async with aclosing(self._parts(self._base.bulk_path(uri), _BULKDATA)) as parts:
            async for event in parts:
                yield event

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
        """As `Origin.rendered`; rendered here if the origin server refuses."""
        from dicomveil_proxy.pixels.looks import Looks, rendering_query  # noqa: PLC0415 - numpy

        path = resource_path(study, series, instance) + (f"/frames/{frame}" if frame else "") + "/rendered"
        if query := rendering_query(params):
            path += f"?{query}"
        with suppress(OriginRefused):
            if Looks.parse(params).are_common:
                headers = {"Accept": media_type, "Accept-Encoding": "identity"}
                async with self._response("GET", path, headers) as response:
                    if content_type_of(response.headers.get("content-type"))[0] == media_type:
                        return media_type, await self._read(response)
        from dicomveil_proxy.pixels.render import render  # noqa: PLC0415 - pydicom

        async with self._whole_instance(study, series, instance) as file:
            return media_type, await asyncio.to_thread(render, file, frame or 1, media_type, params)

    async def store(self, study: str | None, sop_instance_uid: str, instance: BinaryIO, size: int) -> StoreResult:
        """As `Origin.store`."""
        body = StoreBody(instance, size)
        path = resource_path(study) if study else "studies"
        try:
            async with self._response("POST", path, body.headers, body) as response:
                return read_receipt(await self._document(response), sop_instance_uid)
        except OriginRefused as refused:
            if refused.status in _REFUSED_INSTANCE:
                return StoreResult(acknowledged=False)
            raise

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    @asynccontextmanager
    async def _response(
        self, method: str, path: str, headers: dict[str, str], body: StoreBody | None = None
    ) -> AsyncIterator[httpx.Response]:
        """A successful response before its body is read; closed on leaving."""
        url, all_headers, transport = self._base.join(path), self._headers | headers, self._transport
        begun, status = time.monotonic(), None
        try:
            with mapped_errors():
                if method == "GET" and isinstance(transport, Transport) and is_plain(url):
                    response = await transport.get(url, all_headers, self._extensions["timeout"])
                else:
                    request = httpx.Request(method, url, headers=all_headers, content=body, extensions=self._extensions)
                    response = await transport.handle_async_request(request)
            status = response.status_code
        finally:
            self.observe(status, time.monotonic() - begun)
        try:
            # The response to a store has a body even with status 409 (PS3.18 Table 10.5.3-1).
            if not response.is_success and not (body and response.status_code == httpx.codes.CONFLICT):
                refuse(response.status_code, response.headers.get("retry-after"))
            yield response
        finally:
            with mapped_errors():
                await response.aclose()

    async def _read(self, response: httpx.Response) -> bytes:
        body = bytearray()
        with mapped_errors():
            async for chunk in body_of(response):
                body += chunk
                if len(body) > self._limits.document_bytes:
                    raise OriginMalformed(f"a document is over {self._limits.document_bytes} bytes")
        return bytes(body)

    async def _document(self, response: httpx.Response) -> Any:
        body = await self._read(response)
        if not body:
            return None
        try:
            return decoded(body)
        except (ValueError, RecursionError):
            if response.status_code == httpx.codes.CONFLICT:
                raise OriginRefused("the origin server refused", httpx.codes.CONFLICT) from None
            raise OriginMalformed("a response of the origin server is not valid JSON") from None

    async def _parts(
        self, path: str, headers: dict[str, str], check: Callable[[str], None] = lambda _: None
    ) -> AsyncGenerator[Event, None]:
        async with self._response("GET", path, headers) as response, aclosing(parts_of(response, check)) as parts:
            async for event in parts:
                yield event

    @asynccontextmanager
    async def _whole_instance(self, study: str, series: str, instance: str) -> AsyncIterator[BinaryIO]:
        """The stored instance in a temporary file."""
        with SpooledTemporaryFile(max_size=16 << 20) as file:
            size = 0
            async with aclosing(self.instances(study, series, instance)) as events:
                async for event in events:
                    if isinstance(event, PartData):
                        size += len(event.data)
                        if size > self._limits.instance_bytes:
                            raise NotAcceptable("the instance is over limits.origin_instance_bytes")
                        await _write(file, event.data)
            yield cast("BinaryIO", file)


def _check_frame(instance: str, frames: Sequence[int], location: str) -> None:
    """Raise OriginMalformed if a part's Content-Location is that of a frame that was not requested."""
    named = _FRAME_LOCATION.search(location)
    if named and (unquote(named[1]) != instance or int(named[2]) not in frames):
        raise OriginMalformed("the origin server sent another frame than was asked for")


async def _write(file: IO[bytes], data: bytes | memoryview) -> None:
    await asyncio.to_thread(file.write, data)
