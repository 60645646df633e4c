"""A part of an origin server: the studies that a project's filter selects, and nothing else.

This is the one place where a filter is enforced. It stands between a project and its origin server, and says of any
other study, whatever is asked of it, what it says of one that does not exist. An answer of the origin server counts
only where it says that a study passes: what cannot be told is not selected.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import BinaryIO
from weakref import WeakValueDictionary

from pydicom import dcmread

from dicomveil_engine.dictionary import tag_of
from dicomveil_proxy.errors import UnknownResource
from dicomveil_proxy.multipart import Event
from dicomveil_proxy.origin import Match, Origin, StoreResult
from dicomveil_proxy.origin.pages import Unique, pages, unique
from dicomveil_proxy.query import Level, name_of
from dicomveil_proxy.study_filter import StudyFilter

_STUDY = "0020000D"
_STUDY_KEYS = ("StudyInstanceUID", _STUDY)
_OF_ALL_STUDIES = frozenset(("00201200", "00201202", "00201204"))
"""Number of Patient Related Studies, Series, Instances: the origin server counts those that are not selected, too."""
_IN_URI = re.compile("(?:^|/)studies/([0-9.]+)(?:/|$)")

_NARROWING = frozenset((0x00080020, 0x00080061, 0x00100020))
"""StudyDate, ModalitiesInStudy, PatientID: the keys of a filter by which origin servers are asked to search, since all
of them can, and others refuse or misread some."""
_PLAIN = re.compile(r"[0-9A-Za-z._-]+")
_UIDS_ASKED = 50
"""StudyInstanceUIDs in one search: 3 KiB of a URL, of which servers take 8."""
_SMALLEST_PAGE = 100
"""Results asked for at a time: many of them may be of other studies."""
_ALL_TOGETHER = 500
"""Results asked for at a time where the caller wants all."""
_NOT_STORED = 0x0110
"""(0008,1197) FailureReason, PS3.7 Annex C.5.12: processing failure."""

Parameters = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Position:
    """Where a search goes on: in which of its parts, and at which of that part's results."""

    part: int = 0
    offset: int = 0
    before: Unique | None = None
    """A result that stands before it."""


class SelectedOrigin:
    """An `Origin` that has the selected studies of another. Who made that one closes it."""

    def __init__(
        self,
        origin: Origin,
        selection: StudyFilter,
        *,
        clock: Callable[[], float] = time.monotonic,
        verdict_seconds: float = 30.0,
        verdicts: int = 10_000,
        position_seconds: float = 300.0,
        positions: int = 1_000,
    ) -> None:
        self._origin = origin
        self._selection = selection
        self._clock = clock
        self._verdict_seconds = verdict_seconds
        self._position_seconds = position_seconds
        self._maximum_verdicts = verdicts
        self._maximum_positions = positions
        self._verdicts: OrderedDict[str, tuple[bool, float]] = OrderedDict()
        """By original StudyInstanceUID: whether it passes the query, and until when that is believed."""
        self._positions: OrderedDict[tuple[Level, Parameters, int], tuple[_Position, float]] = OrderedDict()
        """Of searches under way, by the offset at which they go on, and until when that is believed: to count again
        from the start would make paging to the end cost the square of the pages."""
        self._locks: WeakValueDictionary[tuple[Level, Parameters], asyncio.Lock] = WeakValueDictionary()

    def __repr__(self) -> str:
        return "SelectedOrigin(...)"

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
        """As `Origin.search`; `limit` and `offset` count what is selected."""
        if study is None:
            return await self._page(level, tuple(params), limit, offset)
        await self._require(study)
        found = await self._origin.search(level, study, series, params, limit=limit, offset=offset)
        # Orthanc takes a key StudyInstanceUID for the one in the path, whatever the path says.
        return [_uncounted(match) for match in found if _study_of(match) in ("", study)]

    async def metadata(
        self, study: str, series: str | None = None, instance: str | None = None
    ) -> AsyncGenerator[bytes, None]:
        """As `Origin.metadata`."""
        await self._require(study)
        async with aclosing(self._origin.metadata(study, series, instance)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def instances(
        self, study: str, series: str | None = None, instance: str | None = None
    ) -> AsyncGenerator[Event, None]:
        """As `Origin.instances`."""
        await self._require(study)
        async with aclosing(self._origin.instances(study, series, instance)) as events:
            async for event in events:
                yield event

    async def frames(
        self, study: str, series: str, instance: str, frames: Sequence[int]
    ) -> AsyncGenerator[Event, None]:
        """As `Origin.frames`."""
        await self._require(study)
        async with aclosing(self._origin.frames(study, series, instance, frames)) as events:
            async for event in events:
                yield event

    async def bulkdata(self, uri: str) -> AsyncGenerator[Event, None]:
        """As `Origin.bulkdata`. A URI comes from metadata, which is of a selected study; where it says so, too."""
        for study in _IN_URI.findall(uri):
            await self._require(study)
        async with aclosing(self._origin.bulkdata(uri)) as events:
            async for event in events:
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
        await self._require(study)
        return await self._origin.rendered(study, series, instance, frame, media_type=media_type, params=params)

    async def store(self, study: str | None, sop_instance_uid: str, instance: BinaryIO, size: int) -> StoreResult:
        """As `Origin.store`; an instance goes into a selected study, whatever the caller says, or is refused."""
        actual = await asyncio.to_thread(_study_in, instance)
        instance.seek(0)
        if not actual or study not in (None, actual) or not await self._has(actual):
            return StoreResult(acknowledged=False, failure_reason=_NOT_STORED)
        return await self._origin.store(study, sop_instance_uid, instance, size)

    async def aclose(self) -> None:
        """Leave the origin server to who made it: other projects may have parts of it as well."""

    # Which studies are selected

    async def _require(self, study: str) -> None:
        if not await self._has(study):
            raise UnknownResource("there is no such resource")

    async def _has(self, study: str) -> bool:
        return (await self._select([study]))[study]

    async def _select(self, studies: Iterable[str]) -> dict[str, bool]:
        """Whether each is selected; the origin server is asked about those of which that is not known yet."""
        selected = {study: self._selection.lists(study) for study in studies}
        if not self._selection.parameters:
            return selected
        unknown: list[str] = []
        for study in (study for study, is_listed in selected.items() if is_listed):
            verdict, until = self._verdicts.get(study, (False, 0.0))
            selected[study] = verdict
            if until <= self._clock():
                unknown.append(study)
        for first in range(0, len(unknown), _UIDS_ASKED):
            selected |= await self._ask(unknown[first : first + _UIDS_ASKED])
        return selected

    async def _ask(self, studies: list[str]) -> dict[str, bool]:
        params = (("StudyInstanceUID", ",".join(studies)), *self._included(()))
        found: dict[str, bool] = {}
        rows = pages(self._origin, Level.STUDIES, None, None, params, size=_ALL_TOGETHER)
        async with aclosing(rows):
            async for page in rows:
                for match in page:
                    study = _study_of(match)
                    # One UID under two patients is two results: both must pass, since a retrieve gives both.
                    found[study] = found.get(study, True) and self._selection.passes(match)
        until = self._clock() + self._verdict_seconds
        verdicts = {study: found.get(study, False) for study in studies}
        for study, verdict in verdicts.items():
            self._verdicts[study] = verdict, until
            self._verdicts.move_to_end(study)
        while len(self._verdicts) > self._maximum_verdicts:
            self._verdicts.popitem(last=False)
        return verdicts

    # Searches that no study bounds

    async def _page(self, level: Level, params: Parameters, limit: int, offset: int) -> list[Match]:
        """The selected of the origin server's results, from the offset on, and as many as the limit says."""
        # One page after the other, where several are asked for at a time: each begins where the one before it ended.
        lock = self._locks.setdefault((level, params), asyncio.Lock())
        async with lock:
            at, left_out = self._begin(level, params, offset)
            parts = self._parts(level, params)
            chosen: list[Match] = []
            size = max(limit, _SMALLEST_PAGE) if limit > 0 else _ALL_TOGETHER
            while at.part < len(parts):
                begun = at.offset
                rows = pages(self._origin, level, None, None, parts[at.part], size=size, start=begun, before=at.before)
                async with aclosing(rows):
                    async for page in rows:
                        selected = await self._selected(level, page)
                        for number, (match, is_selected) in enumerate(zip(page, selected, strict=True), 1):
                            if is_selected and left_out:
                                left_out -= 1
                            elif is_selected:
                                chosen.append(_uncounted(match))
                                if len(chosen) == limit:
                                    at = _Position(at.part, begun + number, unique(page[0]))
                                    self._remember((level, params, offset + limit), at)
                                    return chosen
                        begun += len(page)
                at = _Position(at.part + 1)
            self._remember((level, params, offset + limit), at)
            return chosen

    async def _selected(self, level: Level, page: list[Match]) -> list[bool]:
        """Whether each of the results is of a selected study; a study's own says that by itself."""
        if level is Level.STUDIES:
            return [self._selection.lists(_study_of(match)) and self._selection.passes(match) for match in page]
        selected = await self._select({_study_of(match) for match in page})
        return [selected[_study_of(match)] for match in page]

    def _begin(self, level: Level, params: Parameters, offset: int) -> tuple[_Position, int]:
        """Where to begin to reach an offset, and how many of the selected to leave out from there."""
        position, until = self._positions.get((level, params, offset), (_Position(), 0.0))
        return (position, 0) if until > self._clock() else (_Position(), offset)

    def _remember(self, search: tuple[Level, Parameters, int], position: _Position) -> None:
        self._positions[search] = position, self._clock() + self._position_seconds
        self._positions.move_to_end(search)
        if len(self._positions) > self._maximum_positions:
            self._positions.popitem(last=False)

    def _parts(self, level: Level, params: Parameters) -> list[Parameters]:
        """The searches that together find at least what is selected, each study in one of them."""
        listed = self._selection.studies
        asked = next((value for name, value in params if name in _STUDY_KEYS and value), None)
        if listed is not None:
            if asked is not None:
                listed &= frozenset(uid.strip() for uid in asked.replace("\\", ",").split(","))
                params = tuple(param for param in params if param[0] not in _STUDY_KEYS)
            uids = sorted(listed)
            lists = [",".join(uids[first : first + _UIDS_ASKED]) for first in range(0, len(uids), _UIDS_ASKED)]
            return [(("StudyInstanceUID", uids), *self._narrowed(level, params)) for uids in lists]
        return [self._narrowed(level, params)]

    def _narrowed(self, level: Level, params: Parameters) -> Parameters:
        """A search for studies with the filter's own keys, but for those that are asked for: a key has one value."""
        if level is not Level.STUDIES:
            return params
        asked = {_tag(name) for name, value in params if value and name != "includefield"}
        own = tuple(
            (name, value)
            for name, value in self._selection.parameters
            if (tag := _tag(name)) in _NARROWING and tag not in asked and _PLAIN.fullmatch(value)
        )
        return (*own, *params, *self._included(params))

    def _included(self, params: Parameters) -> Parameters:
        """What the filter must know of a study."""
        names = [name_of(key.path[0]) for key in self._selection.query.keys]
        return tuple(("includefield", name) for name in dict.fromkeys(names) if ("includefield", name) not in params)


def _uncounted(match: Match) -> Match:
    """A result without what it tells of the patient's other studies."""
    return {tag: element for tag, element in match.items() if tag not in _OF_ALL_STUDIES}


def _tag(name: str) -> int | None:
    return tag_of(name) or (int(name, 16) if re.fullmatch("[0-9A-Fa-f]{8}", name) else None)


def _study_of(match: Mapping[str, object]) -> str:
    """The StudyInstanceUID of a search result; empty, and so not selected, where it has none."""
    element = match.get(_STUDY)
    values = element.get("Value") if isinstance(element, dict) else None
    first = values[0] if isinstance(values, list) and len(values) == 1 else None
    return first.strip(" \0") if isinstance(first, str) else ""


def _study_in(instance: BinaryIO) -> str:
    """The StudyInstanceUID of a Part 10 instance; empty where none can be read."""
    instance.seek(0)
    try:
        header = dcmread(instance, stop_before_pixels=True, specific_tags=["StudyInstanceUID"])
        return str(header.get("StudyInstanceUID", "") or "")
    except Exception:  # noqa: BLE001 - pydicom raises nearly anything, with values in it
        return ""
