"""The unit of `dicomveil export`: one series of an archive, de-identified and placed instance by instance.

A series is complete when as many instances are placed as the archive listed. Errors are returned as part of the
outcome, together with the instances placed before them. An outcome contains no original values and no messages of
other libraries.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from dicomveil_engine import EngineError, InstanceIdentity, Policy
from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy import logs
from dicomveil_proxy.errors import (
    OriginError,
    OriginMalformed,
    OriginRefused,
    ProxyError,
    StateUnavailable,
    UnknownResource,
)
from dicomveil_proxy.jobs.allowance import Throttle
from dicomveil_proxy.jobs.deidentification import HEAD_BYTES, Chunk, Deidentification, Insertion
from dicomveil_proxy.jobs.description import Describer
from dicomveil_proxy.jobs.destinations import DestinationError, InstanceRefused, Placing, Staged
from dicomveil_proxy.jobs.guarding import GuardedJob
from dicomveil_proxy.jobs.layout import Namer, Names
from dicomveil_proxy.leaks.guard import Leak, LeakGuard
from dicomveil_proxy.origin import Match, Origin
from dicomveil_proxy.origin.pages import pages
from dicomveil_proxy.pixels.looking import Looking, looks_at_pixels
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.transactions.sampling import sample_of
from dicomveil_proxy.wire.multipart import Event, PartData, PartEnd, PartStart

if TYPE_CHECKING:
    from dicomveil_proxy.jobs.encrypted_originals import EncryptedOriginals

RESULTS_ASKED = 500
"""Maximum number of results that a search for instances requests at once."""
_SOP_INSTANCE_UID = "00080018"
_IN_A_ROW = 5
"""Instances, one after the other, that an archive fails to deliver before the rest of the series is left for later."""
_REASONS = 3
"""Maximum number of reported reasons for refused instances, the most common first."""

ARCHIVE, DESTINATION, WORKER = "archive", "destination", "worker"
"""The places where an export can fail."""


@dataclass(frozen=True)
class SeriesUnit:
    """One series of the plan."""

    number: int
    study: str = field(repr=False)
    series: str = field(repr=False)
    """Original UIDs."""
    have: frozenset[str] = frozenset()
    """Pseudonymous SOP Instance UIDs of placed instances: if there are any, the others are retrieved one by one."""
    share: float = 0.0
    """Maximum bytes per second; 0 for no limit."""
    spacing: float = 0.0
    """Minimum seconds between requests."""
    envelope: bytes = field(default=b"", repr=False)
    """The seed of the study's envelope, if original values are encrypted into the output."""
    is_retry: bool = False
    """Whether an earlier attempt has failed: the instances are then retrieved one by one, as with `have`, so that one
    that the archive cannot deliver does not stop the others."""


class PlacedInstance(NamedTuple):
    """The manifest's entry for one instance."""

    path: str
    instance: str
    """The pseudonym of its SOP Instance UID."""
    sop_class: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Failure:
    """Why a series was not exported to its end."""

    side: str
    reason: str
    passing: bool = True
    """Whether the archive or destination seems to be the reason, rather than this series."""
    retry_after: float = 0.0
    """Seconds to wait, by the archive's Retry-After header field."""


@dataclass(frozen=True)
class SeriesOutcome:
    """The outcome of a series."""

    expected: int = 0
    """Instances that the archive listed."""
    placed: tuple[PlacedInstance, ...] = ()
    """Instances placed by this run of the unit, without those in `SeriesUnit.have`."""
    kept: int = 0
    """Listed instances that were placed earlier."""
    refused: tuple[tuple[str, int], ...] = ()
    """Reasons why instances cannot be de-identified or the destination does not accept them, each with their number."""
    names: Names | None = None
    """The names of its first instance; None if none was placed."""
    failure: Failure | None = None
    alarms: tuple[Leak, ...] = ()
    """Findings of the leak guard in this worker since the last outcome."""

    @property
    def is_complete(self) -> bool:
        """Whether all instances that the archive listed are placed."""
        return self.failure is None and self.kept + len(self.placed) >= self.expected

    @property
    def reason(self) -> str:
        """Why the series is not complete; empty if it is."""
        if self.failure is not None:
            return f"{self.failure.side}: {self.failure.reason}"
        if self.refused:
            return "; ".join(f"{count} refused: {reason}" for reason, count in self.refused[:_REASONS])
        missing = self.expected - self.kept - len(self.placed)
        return f"archive: {missing} listed but not sent" if missing > 0 else ""


LOST = SeriesOutcome(
    failure=Failure(WORKER, "its process ended unexpectedly; there may not be enough memory for it", passing=False)
)


class SeriesExport:
    """Exports series, also several at the same time."""

    def __init__(
        self,
        policy: Policy,
        namer: Namer,
        origin: Origin,
        placing: Placing,
        originals: EncryptedOriginals | None = None,
        looking: Looking | None = None,
        guarded: GuardedJob | None = None,
    ) -> None:
        """`looking` searches pixels for text, and samples a series once."""
        self._originals = originals
        self._looking = looking
        self._guarded = guarded
        self._policy = policy
        self._namer = namer
        self._describer = Describer(namer)
        self._origin = origin
        self._placing = placing

    async def perform(self, unit: SeriesUnit) -> SeriesOutcome:
        """Export one series and return its outcome, also after errors."""
        progress = _Progress(unit)
        try:
            await self._perform(unit, progress)
        except Exception as error:  # noqa: BLE001 - one series must not stop the others
            progress.failure = _failure_of(error)
        outcome = progress.outcome()
        return outcome if self._guarded is None else replace(outcome, alarms=self._guarded.taken())

    async def _perform(self, unit: SeriesUnit, progress: _Progress) -> None:
        listed = await self._listed(unit)
        progress.expected = set(listed)
        progress.kept = {name for name in listed if name in unit.have}
        missing = {name: original for name, original in listed.items() if name not in unit.have}
        if not missing:
            return
        throttle = Throttle(unit.share)
        if unit.have or unit.is_retry:
            await self._retrieve_singly(unit, missing.values(), throttle, progress)
        else:
            await self._retrieve(unit, None, throttle, progress)

    async def _retrieve_singly(
        self, unit: SeriesUnit, missing: Iterable[str], throttle: Throttle, progress: _Progress
    ) -> None:
        """Retrieve each missing instance; raise the first error when all have been tried.

        An archive that asks to wait, or refuses several in a row, is not asked for the others.
        """
        first: OriginError | UnknownResource | None = None
        in_a_row = 0
        for original in map(OriginalUID, missing):
            try:
                await self._retrieve(unit, original, throttle, progress)
                in_a_row = 0
            except (OriginError, UnknownResource) as error:
                first = first or error
                in_a_row += 1
                if in_a_row == _IN_A_ROW or (isinstance(error, OriginRefused) and error.retry_after > 0):
                    raise
        if first is not None:
            raise first

    async def _retrieve(
        self, unit: SeriesUnit, original: OriginalUID | None, throttle: Throttle, progress: _Progress
    ) -> None:
        """Retrieve one instance, or all of the series."""
        await asyncio.sleep(unit.spacing)
        async with aclosing(self._origin.instances(*_of(unit), original)) as events:
            await self._take(unit, events, throttle, progress)

    async def _listed(self, unit: SeriesUnit) -> dict[str, str]:
        """The instances listed by the archive: their original SOP Instance UIDs by pseudonyms."""
        for attempt in (1, 2):
            try:
                return await self._list(unit)
            except OriginError as error:
                if attempt == 2 or isinstance(error, OriginRefused):
                    raise
                await asyncio.sleep(max(unit.spacing, 0.1))  # a search is idempotent
        raise AssertionError

    async def _list(self, unit: SeriesUnit) -> dict[str, str]:
        listed: dict[str, str] = {}
        rows = pages(self._origin, Level.INSTANCES, *_of(unit), (), size=RESULTS_ASKED)
        first = True
        async with aclosing(rows):
            async for page in rows:
                if not first:
                    await asyncio.sleep(unit.spacing)
                first = False
                for match in page:
                    original = uid_in(match, _SOP_INSTANCE_UID)
                    if not original:
                        raise OriginMalformed("a search result has no SOPInstanceUID")
                    listed[self._namer.uid(original)] = original
        return listed

    async def _take(
        self, unit: SeriesUnit, events: AsyncGenerator[Event, None], throttle: Throttle, progress: _Progress
    ) -> None:
        """Place the instances of one response."""
        current: _Instance | None = None
        try:
            async for event in events:
                if isinstance(event, PartStart):
                    insertion = self._originals.begin(unit.envelope) if self._originals else None
                    guard = self._guarded.guard if self._guarded else None
                    current = _Instance(self._policy, self._placing.stage(), insertion, self._looking, guard)
                elif isinstance(event, PartData):
                    assert current is not None
                    if unit.share:
                        await throttle.spend(len(event.data))
                    current.feed(event.data)
                elif isinstance(event, PartEnd):
                    assert current is not None
                    await self._place(unit, current, progress)
                    current = None
        finally:
            if current is not None:
                current.drop()

    async def _place(self, unit: SeriesUnit, current: _Instance, progress: _Progress) -> None:
        try:
            # Searching pixels takes a while, during which other series of this process continue.
            looks = looks_at_pixels(self._policy.pixels)
            if self._looking is not None and (series := current.deidentification.series_to_sample) is not None:
                await sample_of(self._origin, self._looking, *series)
            identity = await asyncio.to_thread(current.close, unit) if looks else current.close(unit)
            names = self._describer.names(current.deidentification)
            progress.names = progress.names or names
            path = self._namer.path(names)
            uids = identity.study_instance_uid, identity.series_instance_uid, identity.sop_instance_uid
            sha256 = current.deidentification.sha256
            await self._placing.place(current.staged, path, uids, sha256)
        except (EngineError, InstanceRefused) as error:
            progress.refused[str(error)] += 1
            return
        finally:
            current.drop()
        size = current.deidentification.size
        progress.placed[names.instance] = PlacedInstance(
            path, names.instance, self._describer.sop_class(current.deidentification), size, sha256.hex()
        )
        progress.expected.add(names.instance)


class _Progress:
    """The progress of a series."""

    def __init__(self, unit: SeriesUnit) -> None:
        self.unit = unit
        self.expected: set[str] = set()
        self.kept: set[str] = set()
        self.placed: dict[str, PlacedInstance] = {}
        self.refused: Counter[str] = Counter()
        self.names: Names | None = None
        self.failure: Failure | None = None

    def outcome(self) -> SeriesOutcome:
        """The outcome so far."""
        return SeriesOutcome(
            len(self.expected),
            tuple(self.placed.values()),
            len(self.kept),
            tuple(self.refused.most_common()),
            self.names,
            self.failure,
        )


class _Instance:
    """One instance that is being placed."""

    def __init__(
        self,
        policy: Policy,
        staged: Staged,
        insertion: Insertion | None,
        looking: Looking | None = None,
        guard: LeakGuard | None = None,
    ) -> None:
        self.deidentification = Deidentification(policy, insertion, looking=looking, guard=guard)
        self.staged = staged
        self._error: EngineError | None = None

    def feed(self, data: bytes | memoryview) -> None:
        if self._error is None:
            try:
                self._write(self.deidentification.feed(data))
            except EngineError as error:
                self._error = error  # the rest of the part has to be read all the same

    def drop(self) -> None:
        """Remove an unfinished output."""
        self.staged.drop()
        self.deidentification.drop()

    def close(self, unit: SeriesUnit) -> InstanceIdentity:
        """The identity of the instance after de-identification. Raises EngineError."""
        if self._error is not None:
            raise self._error
        self._write(self.deidentification.close())
        original = self.deidentification.original
        if (original.study_instance_uid, original.series_instance_uid) != (unit.study, unit.series):
            raise OriginMalformed("the archive sent an instance of another series than requested")
        identity = self.deidentification.deidentified
        if not identity.sop_instance_uid:
            raise OriginMalformed("the archive sent an instance without SOPInstanceUID")
        return identity

    def _write(self, chunks: list[Chunk]) -> None:
        if len(chunks) > 1 and sum(map(len, chunks)) <= HEAD_BYTES:
            chunks = [b"".join(chunks)]
        for chunk in chunks:
            self.staged.write(chunk)


def uid_in(match: Match, tag: str) -> str:
    """The single UID in this attribute of a search result; empty if there is none."""
    element = match.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    first = values[0] if isinstance(values, list) and len(values) == 1 else None
    return first.strip(" \0") if isinstance(first, str) else ""


def _failure_of(error: Exception) -> Failure:
    if isinstance(error, DestinationError):
        return Failure(DESTINATION, str(error))
    if isinstance(error, StateUnavailable):
        return Failure(WORKER, str(error))
    if isinstance(error, OriginRefused):
        return Failure(ARCHIVE, str(error), error.is_passing, error.retry_after)
    if isinstance(error, UnknownResource):
        return Failure(ARCHIVE, str(error), passing=False)
    if isinstance(error, ProxyError):
        return Failure(ARCHIVE, str(error))
    if isinstance(error, EngineError):
        return Failure(WORKER, str(error), passing=False)
    if isinstance(error, MemoryError):
        return Failure(WORKER, "there is not enough memory", passing=False)
    return Failure(WORKER, f"unexpected error {logs.describe_error(error)}", passing=False)


def _of(unit: SeriesUnit) -> tuple[OriginalUID, OriginalUID]:
    """The original UIDs of the study and series."""
    return OriginalUID(unit.study), OriginalUID(unit.series)
