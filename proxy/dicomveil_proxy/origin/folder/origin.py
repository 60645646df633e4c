"""A folder of instances as an origin server: for the demo, for tests, and to share a de-identified folder.

Modules with pydicom are imported where they are used, so that a server starts faster, and an export can do without.
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
from dicomveil_proxy.origin.frame_parts import frame_parts, pixel_data_parts, whole_part
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.request.resource import BulkPath, Representation, Resource, original_step
from dicomveil_proxy.wire.multipart import Event, PartData, PartEnd, PartStart

_log = logging.getLogger(__name__)
_SCHEME = "dicomveil-folder:"
"""The scheme of the BulkDataURIs in this origin's metadata, which only `bulkdata` resolves."""
_READ_BYTES = 1 << 20
_REFRESH_SECONDS = 5.0
"""The least time between two refreshes of the index, e.g. after another worker has stored an instance."""

_T = TypeVar("_T")


class FolderOrigin:
    """An `Origin` that serves the instances below a folder, and stores into it."""

    def __init__(self, folder: Path, *, alone: bool = False) -> None:
        """Index the folder, which takes a moment. Raises ValueError if it is not a folder.

        `alone` is for jobs, in whose event loop nothing else runs: files are read in it and not in a thread, results
        for instances have only their UIDs unless more is requested, and files that are added later are ignored.
        """
        if not folder.is_dir():
            raise ValueError("the origin is not a folder: give the path of one, or the URL of a DICOMweb server")
        self._folder = folder.resolve()
        self._alone = alone
        # The index is used by the thread that created it only.
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
        """Number of files in the folder that are not served."""
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
        """As `Origin.search`. Applies keys for UIDs and PatientID only."""
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
        ((_, path),) = await self._places(study, series, instance)
        with _opened(path) as file:
            async for event in frame_parts(file, frames):
                yield event

    async def bulkdata(self, uri: str) -> AsyncGenerator[Event, None]:
        """As `Origin.bulkdata`; each encapsulated frame is a part."""
        if not uri.startswith(_SCHEME):
            raise UnknownResource("a BulkDataURI is not from this origin")
        resource = _resource(uri.removeprefix(_SCHEME))
        if resource.representation is not Representation.BULKDATA or resource.bulk is None:
            raise UnknownResource("a BulkDataURI is not from this origin")
        ((_, path),) = await self._places(resource.study, resource.series, resource.instance)
        with _opened(path) as file:
            if len(resource.bulk.tags) > 1 or resource.bulk.tag >> 16 != 0x7FE0:
                value = await asyncio.to_thread(_value, file, resource.bulk)
                for event in whole_part("application/octet-stream", value):
                    yield event
                return
            async for event in pixel_data_parts(file, resource.bulk.tag):
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
        """As `Origin.rendered`."""
        from dicomveil_proxy.pixels.render import render  # noqa: PLC0415 - pydicom, see the module's docstring

        ((_, path),) = await self._places(study, series, instance)
        with _opened(path) as file:
            return media_type, await asyncio.to_thread(render, file, frame or 1, media_type, params)

    async def store(self, study: str | None, sop_instance_uid: str, instance: BinaryIO, size: int) -> StoreResult:
        """As `Origin.store`. An instance that exists with other content is refused, never replaced."""
        from dicomveil_proxy.origin.folder.store import store_instance  # noqa: PLC0415 - pydicom, as above

        del size  # the file has its own end
        return await self._indexed(lambda: store_instance(self._folder, self._index, study, sop_instance_uid, instance))

    async def aclose(self) -> None:
        """Close the index and end its thread."""
        await self._indexed(self._index.close)
        self._thread.shutdown()

    async def _indexed(self, work: Callable[[], _T]) -> _T:
        """Run `work` in the index's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _refresh(self) -> None:
        """Refresh the index, unless that was done recently: it takes a while for a large folder."""
        start = time.monotonic()
        if start >= self._refresh_at and not self._alone:
            self._index.refresh()
            took = time.monotonic() - start
            self._refresh_at = start + max(_REFRESH_SECONDS, 20 * took)

    async def _places(self, study: str, series: str | None, instance: str | None) -> list[tuple[Place, Path]]:
        """The instances of a resource and their files. Raises UnknownResource if there are none."""

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
    """The open file of an instance. An OSError, whose message has the path, becomes OriginUnavailable."""
    try:
        with path.open("rb") as file:
            yield file
    except OSError:
        raise OriginUnavailable("an instance of the folder is gone or cannot be read") from None


def _resource(path: str) -> Resource[OriginalUID]:
    """The resource of one of this origin's BulkDataURIs. Raises UnknownResource."""
    steps = path.split("/")
    if len(steps) < 9 or steps[1::2][:4] != ["studies", "series", "instances", "bulk"]:
        raise UnknownResource("a BulkDataURI is not from this origin")
    study, series, instance = (OriginalUID(unquote(step)) for step in steps[2:7:2])
    bulk = BulkPath.parse(steps[8:])
    return Resource(study, series, instance, bulk=bulk, representation=Representation.BULKDATA)


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
