"""A folder of instances as an origin server: for the demo, for tests, and to share a folder de-identified.

What needs pydicom is imported when it is asked for: a server is ready sooner, and an export never needs it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import unquote

from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy.errors import OriginMalformed, OriginUnavailable, UnknownResource
from dicomveil_proxy.origin import Match, StoreResult
from dicomveil_proxy.origin.folder.index import FolderIndex, Place
from dicomveil_proxy.origin.folder.search import search_folder
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.request.resource import BulkPath, Representation, Resource, original_step
from dicomveil_proxy.wire.multipart import Event, PartData, PartEnd, PartStart

_log = logging.getLogger(__name__)
_SCHEME = "dicomveil-folder:"
"""The scheme of the BulkDataURIs in this origin's metadata. Only `bulkdata` understands them."""
_READ_BYTES = 1 << 20
_REFRESH_SECONDS = 5.0
"""At least so long lies between two looks at what was added to the folder, e.g. by another worker."""

_T = TypeVar("_T")


class FolderOrigin:
    """An `Origin` that serves the instances below a folder, and stores into it."""

    def __init__(self, folder: Path, *, alone: bool = False) -> None:
        """Index the folder, which takes a moment; raise ValueError when it is not a folder.

        `alone` is for a job: nothing else is waited for in the event loop, so that files are read in it and not in a
        thread, instances are listed by their UIDs unless more is asked for, and what is added later is left for the
        next job.
        """
        if not folder.is_dir():
            raise ValueError("the origin is not a folder: give the path of one, or the URL of a DICOMweb server")
        self._folder = folder.resolve()
        self._alone = alone
        # The index belongs to the one thread that made it.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="folder-index")
        self._index = self._thread.submit(FolderIndex, self._folder).result()
        self._refresh_at = time.monotonic() + _REFRESH_SECONDS
        if left_out := self._index.left_out:
            reasons = ", ".join(f"{count} {reason}" for reason, count in left_out.most_common())
            _log.warning("%s files of the folder are not served: %s", left_out.total(), reasons)

    def __repr__(self) -> str:
        return "FolderOrigin(...)"

    @property
    def skipped(self) -> int:
        """How many files of the folder are not instances that can be served."""
        return self._index.skipped

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
        """As `Origin.search`; applies keys by UID and by PatientID, and no others."""
        page = slice(offset, offset + limit if limit else None)

        def find() -> list[Match]:
            self._refresh()
            return search_folder(self._index, level, (study, series), params, page, brief=self._alone)

        return await self._indexed(find)

    async def metadata(
        self, study: str, series: str | None = None, instance: str | None = None
    ) -> AsyncGenerator[bytes, None]:
        """As `Origin.metadata`."""
        before = b"["
        for place, path in await self._places(study, series, instance):
            yield before + await asyncio.to_thread(_metadata, place, path)
            before = b","
        yield b"]"

    async def instances(
        self, study: str, series: str | None = None, instance: str | None = None
    ) -> AsyncGenerator[Event, None]:
        """As `Origin.instances`."""
        for _, path in await self._places(study, series, instance):
            with _opened(path) as file:
                remaining = os.fstat(file.fileno()).st_size
                yield PartStart({"content-type": "application/dicom", "content-length": str(remaining)})
                while remaining:
                    size = min(remaining, _READ_BYTES)
                    chunk = file.read(size) if self._alone else await asyncio.to_thread(file.read, size)
                    if not chunk:
                        raise OriginMalformed("an instance of the folder became shorter while it was read")
                    remaining -= len(chunk)
                    yield PartData(chunk)
                yield PartEnd()

    async def frames(
        self, study: str, series: str, instance: str, frames: Sequence[int]
    ) -> AsyncGenerator[Event, None]:
        """As `Origin.frames`."""
        from dicomveil_proxy.pixels.frames import StoredFrames  # noqa: PLC0415 - pydicom, see the module's docstring

        ((_, path),) = await self._places(study, series, instance)
        with _opened(path) as file:
            stored = await asyncio.to_thread(StoredFrames, file)
            stored.check(frames)
            for number in frames:
                for event in _part(stored.content_type, await asyncio.to_thread(stored.frame, number)):
                    yield event

    async def bulkdata(self, uri: str) -> AsyncGenerator[Event, None]:
        """As `Origin.bulkdata`; of encapsulated pixel data each frame is a part."""
        from dicomveil_proxy.pixels.frames import StoredFrames  # noqa: PLC0415 - pydicom, see the module's docstring

        if not uri.startswith(_SCHEME):
            raise UnknownResource("a BulkDataURI is not from this origin")
        resource = _resource(uri.removeprefix(_SCHEME))
        if resource.representation is not Representation.BULKDATA or resource.bulk is None:
            raise UnknownResource("a BulkDataURI is not from this origin")
        ((_, path),) = await self._places(resource.study, resource.series, resource.instance)
        with _opened(path) as file:
            if len(resource.bulk.tags) > 1 or resource.bulk.tag >> 16 != 0x7FE0:
                value = await asyncio.to_thread(_value, file, resource.bulk)
                for event in _part("application/octet-stream", value):
                    yield event
                return
            stored = await asyncio.to_thread(StoredFrames, file)
            if stored.tag != resource.bulk.tag:
                raise UnknownResource("the instance has no such pixel data")
            if stored.encapsulated:
                for number in range(1, stored.count + 1):
                    for event in _part(stored.content_type, await asyncio.to_thread(stored.frame, number)):
                        yield event
                return
            yield PartStart({"content-type": stored.content_type, "content-length": str(stored.length)})
            for chunk in stored.value():
                yield PartData(chunk)
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
        """As `Origin.rendered`."""
        from dicomveil_proxy.pixels.render import render  # noqa: PLC0415 - pydicom, see the module's docstring

        ((_, path),) = await self._places(study, series, instance)
        with _opened(path) as file:
            return media_type, await asyncio.to_thread(render, file, frame or 1, media_type, params)

    async def store(self, study: str | None, sop_instance_uid: str, instance: BinaryIO, size: int) -> StoreResult:
        """As `Origin.store`; what the folder holds with other content is refused, never replaced."""
        from dicomveil_proxy.origin.folder.store import store_instance  # noqa: PLC0415 - pydicom, as above

        del size  # it is known from the file
        return await self._indexed(lambda: store_instance(self._folder, self._index, study, sop_instance_uid, instance))

    async def aclose(self) -> None:
        """Close the index and end its thread."""
        await self._indexed(self._index.close)
        self._thread.shutdown()

    async def _indexed(self, work: Callable[[], _T]) -> _T:
        """Run in the index's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _refresh(self) -> None:
        """Look for what is new in the folder, but not all the time: a large one takes a while."""
        start = time.monotonic()
        if start >= self._refresh_at and not self._alone:
            self._index.refresh()
            took = time.monotonic() - start
            self._refresh_at = start + max(_REFRESH_SECONDS, 20 * took)

    async def _places(self, study: str, series: str | None, instance: str | None) -> list[tuple[Place, Path]]:
        """The instances of a resource and their files; raise UnknownResource where there are none."""

        def find() -> list[tuple[Place, Path]]:
            places = self._index.places(study, series, instance)
            if not places:
                self._refresh()
                places = self._index.places(study, series, instance)
            return [(place, self._index.path(place)) for place in places]

        found = await self._indexed(find)
        if not found:
            raise UnknownResource("the folder has no such resource")
        return found


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file of an instance; its errors would hold its path."""
    try:
        with path.open("rb") as file:
            yield file
    except OSError:
        raise OriginUnavailable("an instance of the folder is gone or cannot be read") from None


def _resource(path: str) -> Resource[OriginalUID]:
    """The bulk data that a BulkDataURI of this origin's names."""
    steps = path.split("/")
    if len(steps) < 9 or steps[1::2][:4] != ["studies", "series", "instances", "bulk"]:
        raise UnknownResource("a BulkDataURI is not from this origin")
    study, series, instance = (OriginalUID(unquote(step)) for step in steps[2:7:2])
    bulk = BulkPath.parse(steps[8:])
    return Resource(study, series, instance, bulk=bulk, representation=Representation.BULKDATA)


def _part(content_type: str, value: bytes) -> tuple[PartStart, PartData, PartEnd]:
    headers = {"content-type": content_type, "content-length": str(len(value))}
    return PartStart(headers), PartData(value), PartEnd()


def _metadata(place: Place, path: Path) -> bytes:
    from pydicom import dcmread  # noqa: PLC0415 - see the module's docstring

    from dicomveil_proxy.origin.folder.header_json import header_json  # noqa: PLC0415 - pydicom, as above
    from dicomveil_proxy.pixels.frames import StoredFrames, malformed  # noqa: PLC0415 - pydicom, as above

    study, series, instance = map(original_step, (place.study, place.series, place.instance))
    resource = f"/studies/{study}/series/{series}/instances/{instance}"

    def bulk_uri(bulk: str) -> str:
        return f"{_SCHEME}{resource}/bulk/{bulk}"

    with _opened(path) as file, malformed("an instance of the folder cannot be read"):
        header = header_json(dcmread(file, force=True, stop_before_pixels=True), bulk_uri)
        file.seek(0)
        try:
            pixels = StoredFrames(file)
            header[f"{pixels.tag:08X}"] = {"vr": pixels.vr, "BulkDataURI": bulk_uri(f"{pixels.tag:08x}")}
        except UnknownResource:
            pass  # no pixel data
        return json.dumps(header, allow_nan=False).encode()


def _value(file: BinaryIO, bulk: BulkPath) -> bytes:
    """The binary value at a path in the header, in little endian."""
    from pydicom import dcmread  # noqa: PLC0415 - see the module's docstring

    from dicomveil_proxy.origin.folder.header_json import BINARY_VRS  # noqa: PLC0415 - pydicom, as above
    from dicomveil_proxy.pixels.frames import malformed, to_little_endian  # noqa: PLC0415 - pydicom, as above

    with malformed("an instance of the folder cannot be read"):
        dataset: Any = dcmread(file, force=True, stop_before_pixels=True)
        little = dataset.original_encoding[1] is not False
        try:
            for tag, number in bulk.items:
                dataset = dataset[tag].value[number - 1]
            element = dataset[bulk.tag]
        except (KeyError, IndexError):
            raise UnknownResource("the instance has no such bulk data") from None
        if element.VR not in BINARY_VRS:
            raise UnknownResource("the instance has no such bulk data")
        value = bytes(element.value or b"")
        return value if little else to_little_endian(value, element.VR)
