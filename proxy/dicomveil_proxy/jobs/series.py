"""The unit of `dicomveil export`: one series of an archive, de-identified and placed, instance by instance.

It is done when as many instances are placed as the archive listed, and says so itself: what it returns is an outcome,
whatever happened, and what was placed before something went wrong counts. No outcome holds an original or a message
of another library's.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from dicomveil_engine import EngineError, InstanceIdentity, Policy
from dicomveil_engine.pseudonyms.sides import OriginalUID
from dicomveil_proxy import logs
from dicomveil_proxy.errors import OriginError, OriginMalformed, OriginRefused, ProxyError, UnknownResource
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
"""How many results one search for instances asks for."""
_SOP_INSTANCE_UID = "00080018"
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_REASONS = 3
"""How many reasons for refused instances are reported, the most common first."""

ARCHIVE, DESTINATION, WORKER = "archive", "destination", "worker"
"""The sides at which something can fail."""


@dataclass(frozen=True)
class SeriesUnit:
    """One series of the plan."""

    number: int
    study: str = field(repr=False)
    series: str = field(repr=False)
    """Original UIDs."""
    have: frozenset[str] = frozenset()
    """Instances that were placed earlier, by their pseudonyms: only the others are fetched, one by one."""
    share: float = 0.0
    """Bytes per second; 0 is without a limit."""
    spacing: float = 0.0
    """Seconds between requests."""
    envelope: bytes = field(default=b"", repr=False)
    """The seed of the study's envelope, where originals are encrypted into the output."""


class PlacedInstance(NamedTuple):
    """What the manifest says of one instance."""

    path: str
    instance: str
    """The pseudonym of its SOP Instance UID."""
    sop_class: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Failure:
    """Why a series was not fetched to its end."""

    side: str
    reason: str
    passing: bool = True
    """Whether the side, and not this series, seems to be the reason."""
    retry_after: float = 0.0
    """Seconds for which the archive asked to be left alone."""


@dataclass(frozen=True)
class SeriesOutcome:
    """What became of a series."""

    expected: int = 0
    """Instances that the archive listed."""
    placed: tuple[PlacedInstance, ...] = ()
    """Now; those that the unit had already are not among them."""
    kept: int = 0
    """Listed instances that were placed earlier."""
    refused: tuple[tuple[str, int], ...] = ()
    """Why instances have no safe output, or the destination does not take them, and how many."""
    names: Names | None = None
    """Those of its first instance; None if none was placed."""
    failure: Failure | None = None
    alarms: tuple[Leak, ...] = ()
    """What the leak guard found in this worker since the last outcome."""

    @property
    def is_complete(self) -> bool:
        """Whether each instance that the archive listed is placed."""
        return self.failure is None and self.kept + len(self.placed) >= self.expected

    @property
    def reason(self) -> str:
        """Why it is not complete; empty where it is."""
        if self.failure is not None:
            return f"{self.failure.side}: {self.failure.reason}"
        if self.refused:
            return "; ".join(f"{count} refused: {reason}" for reason, count in self.refused[:_REASONS])
        missing = self.expected - self.kept - len(self.placed)
        return f"archive: {missing} listed and not sent" if missing > 0 else ""


LOST = SeriesOutcome(
    failure=Failure(WORKER, "the process that worked on it ended; there may not be enough memory for it", passing=False)
)


class SeriesExport:
    """Exports one series after the other, or several side by side."""

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
        """`looking` knows of text in pixels, and takes samples of a series once."""
        self._originals = originals
        self._looking = looking
        self._guarded = guarded
        self._policy = policy
        self._namer = namer
        self._describer = Describer(namer)
        self._origin = origin
        self._placing = placing

    async def perform(self, unit: SeriesUnit) -> SeriesOutcome:
        """The outcome of one series; it never raises."""
        progress = _Progress(unit)
        try:
            await self._perform(unit, progress)
        except Exception as error:  # noqa: BLE001 - a fault of ours, or of a library's, must not stop the others
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
        # Most of what is missing comes with one request; what an earlier try has placed is not fetched again.
        for original in map(OriginalUID, missing.values()) if unit.have else (None,):
            await asyncio.sleep(unit.spacing)
            async with aclosing(self._origin.instances(*_of(unit), original)) as events:
                await self._take(unit, events, throttle, progress)

    async def _listed(self, unit: SeriesUnit) -> dict[str, str]:
        """The pseudonyms of the instances that the archive lists, with their originals."""
        for attempt in (1, 2):
            try:
                return await self._list(unit)
            except OriginError as error:
                if attempt == 2 or isinstance(error, OriginRefused):
                    raise
                await asyncio.sleep(max(unit.spacing, 0.1))  # a search may be repeated without harm
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
        """Place the instances of one answer."""
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
            # Looking at pixels takes a while; other series of this process continue.
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
            path, names.instance, identity.sop_class_uid, size, sha256.hex()
        )
        progress.expected.add(names.instance)


class _Progress:
    """How far a series is."""

    def __init__(self, unit: SeriesUnit) -> None:
        self.unit = unit
        self.expected: set[str] = set()
        self.kept: set[str] = set()
        self.placed: dict[str, PlacedInstance] = {}
        self.refused: Counter[str] = Counter()
        self.names: Names | None = None
        self.failure: Failure | None = None

    def outcome(self) -> SeriesOutcome:
        """As it is now."""
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
                self._error = error  # the rest of the part must still be read

    def drop(self) -> None:
        """Remove what is left of it."""
        self.staged.drop()
        self.deidentification.drop()

    def close(self, unit: SeriesUnit) -> InstanceIdentity:
        """Which instance it is, as it leaves. Raises EngineError."""
        if self._error is not None:
            raise self._error
        self._write(self.deidentification.close())
        original = self.deidentification.original
        if (original.study_instance_uid, original.series_instance_uid) != (unit.study, unit.series):
            raise OriginMalformed("the archive sent an instance of another series than asked for")
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
    """The one UID that a search result has there; empty where there is none."""
    element = match.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    first = values[0] if isinstance(values, list) and len(values) == 1 else None
    return first.strip(" \0") if isinstance(first, str) else ""


def _failure_of(error: Exception) -> Failure:
    if isinstance(error, DestinationError):
        return Failure(DESTINATION, str(error))
    if isinstance(error, OriginRefused):
        passing = error.status >= _SERVER_ERROR or error.status == _TOO_MANY_REQUESTS
        return Failure(ARCHIVE, str(error), passing, error.retry_after)
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
    """The study and series that the archive is asked for."""
    return OriginalUID(unit.study), OriginalUID(unit.series)
