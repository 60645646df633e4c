"""A part of an origin server: the studies that a project's filter selects, and nothing else.

It sits between a project and its origin server, and treats any other study as one that does not exist. A study is
selected only if a search result of the origin server shows that it passes the filter; in doubt it is not.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import BinaryIO
from urllib.parse import unquote

from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy.errors import UnknownResource
from dicomveil_proxy.origin import Match, Origin, StoreResult
from dicomveil_proxy.origin.cursors import Cursors
from dicomveil_proxy.origin.selection.search import SelectedSearch
from dicomveil_proxy.origin.selection.verdicts import Verdicts, study_of
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.settings.filters import StudyFilter
from dicomveil_proxy.wire.multipart import Event

_OF_ALL_STUDIES = frozenset(("00201200", "00201202", "00201204"))
"""Number of Patient Related Studies, Series and Instances, which include studies that are not selected."""
_IN_URI = re.compile("(?:^|/)studies/([^/?#]+)")
_NOT_STORED = 0x0110
"""(0008,1197) FailureReason: processing failure (PS3.7 Annex C.5.12)."""


class SelectedOrigin:
    """An `Origin` with the selected studies of another, which is closed by its creator."""

    def __init__(self, origin: Origin, selection: StudyFilter, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._origin = origin
        self._verdicts = Verdicts(origin, selection, clock=clock)
        self._search = SelectedSearch(origin, selection, self._verdicts, Cursors(clock=clock))

    def __repr__(self) -> str:
        return "SelectedOrigin(...)"

    async def search(
        self,
        level: Level,
        study: OriginalUID | None,
        series: OriginalUID | None,
        params: Sequence[tuple[str, str]],
        *,
        limit: int,
        offset: int,
    ) -> list[Match]:
        """As `Origin.search`; `limit` and `offset` count results for selected studies."""
        if study is None:
            found = await self._search.page(level, tuple(params), limit, offset)
        else:
            await self._require(study)
            every = await self._origin.search(level, study, series, params, limit=limit, offset=offset)
            # In Orthanc, a key StudyInstanceUID overrides the path.
            found = [match for match in every if study_of(match) in ("", study)]
        return [_uncounted(match) for match in found]

    async def metadata(
        self, study: OriginalUID, series: OriginalUID | None = None, instance: OriginalUID | None = None
    ) -> AsyncGenerator[bytes, None]:
        """As `Origin.metadata`."""
        await self._require(study)
        async with aclosing(self._origin.metadata(study, series, instance)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def instances(
        self, study: OriginalUID, series: OriginalUID | None = None, instance: OriginalUID | None = None
    ) -> AsyncGenerator[Event, None]:
        """As `Origin.instances`."""
        await self._require(study)
        async with aclosing(self._origin.instances(study, series, instance)) as events:
            async for event in events:
                yield event

    async def frames(
        self, study: OriginalUID, series: OriginalUID, instance: OriginalUID, frames: Sequence[int]
    ) -> AsyncGenerator[Event, None]:
        """As `Origin.frames`."""
        await self._require(study)
        async with aclosing(self._origin.frames(study, series, instance, frames)) as events:
            async for event in events:
                yield event

    async def bulkdata(self, uri: str) -> AsyncGenerator[Event, None]:
        """As `Origin.bulkdata`. A study in the URI is checked, too, although URIs come from a selected study."""
        for study in _IN_URI.findall(uri):
            await self._require(OriginalUID(unquote(study)))
        async with aclosing(self._origin.bulkdata(uri)) as events:
            async for event in events:
                yield event

    async def rendered(
        self,
        study: OriginalUID,
        series: OriginalUID,
        instance: OriginalUID,
        frame: int | None,
        *,
        media_type: str,
        params: Mapping[str, str],
    ) -> tuple[str, bytes]:
        """As `Origin.rendered`."""
        await self._require(study)
        return await self._origin.rendered(study, series, instance, frame, media_type=media_type, params=params)

    async def store(
        self, study: OriginalUID | None, sop_instance_uid: str, instance: BinaryIO, size: int
    ) -> StoreResult:
        """As `Origin.store`. Refused unless the study in the instance itself is selected."""
        actual = await asyncio.to_thread(_study_in, instance)
        instance.seek(0)
        if not actual or study not in (None, actual) or not await self._has(OriginalUID(actual)):
            return StoreResult(acknowledged=False, failure_reason=_NOT_STORED)
        return await self._origin.store(study, sop_instance_uid, instance, size)

    async def aclose(self) -> None:
        """Do nothing: the origin server may be shared with other projects."""

    async def _require(self, study: OriginalUID) -> None:
        if not await self._has(study):
            raise UnknownResource("there is no such resource")

    async def _has(self, study: OriginalUID) -> bool:
        return (await self._verdicts.of([study]))[study]


def _uncounted(match: Match) -> Match:
    """A result without counts over all of the patient's studies."""
    return {tag: element for tag, element in match.items() if tag not in _OF_ALL_STUDIES}


def _study_in(instance: BinaryIO) -> str:
    """The StudyInstanceUID of a Part 10 instance; empty if it cannot be read."""
    instance.seek(0)
    try:
        from pydicom import dcmread  # noqa: PLC0415 - its import takes half a second, and only storing needs it

        header = dcmread(instance, stop_before_pixels=True, specific_tags=["StudyInstanceUID"])
        return str(header.get("StudyInstanceUID", "") or "")
    except Exception:  # noqa: BLE001 - pydicom raises exceptions of any kind, whose messages may quote values
        return ""
