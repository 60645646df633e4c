"""A project's searches for text in pixels: verdicts, boxes that were found, and searches that are running.

    header → gate → verdict;  boxes: kept (records) | being found (one flight for all callers) | found by a process

Nothing here knows the origin server. Original UIDs are digested with the project's key before they are kept.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from dicomveil_engine import EngineError
from dicomveil_engine.configuration.pixels import PixelSettings, SliceGate
from dicomveil_engine.errors import DeidentificationError, InvalidDataSetError
from dicomveil_engine.pixels.boxes import Boxes
from dicomveil_engine.pixels.gate import PixelVerdict, can_clean, gate
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_engine.pixels.passing import PassingInstances
from dicomveil_engine.pseudonyms.keys import keyed_digest
from dicomveil_proxy.pixels.processes import LookFailed, LookingLimits, PixelProcesses
from dicomveil_proxy.pixels.records import BoxRecords
from dicomveil_proxy.pixels.released import ReleasedFiles
from dicomveil_proxy.pixels.verdicts import settings_as_json

_VERDICTS = 16_384
_PACKAGES = ("dicomveil-engine", "rapidocr", "onnxruntime")
"""What boxes depend on besides the instance and the settings."""
_RULES = 2
"""Raised when an instance must be searched again, because other boxes or claims result."""

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


def looks_at_pixels(settings: PixelSettings) -> bool:
    """Whether the settings ask for anything but letting pixels pass."""
    return settings.looks


@dataclass(frozen=True)
class InstanceRecord:
    """The stored result of searching an instance."""

    boxes: Boxes
    syntax: str
    """The original's transfer syntax, which metadata may lack."""
    witness: str
    """A digest of the header before Pixel Data: another instance with the same UID is searched again."""
    refused: str = ""
    """Why there is no safe output; empty where there is one."""

    def check(self) -> None:
        """Raise DeidentificationError where the instance is refused."""
        if self.refused:
            raise DeidentificationError(self.refused)

    def as_json(self) -> dict[str, Any]:
        """A JSON object that `of` reads."""
        return {
            "boxes": self.boxes.as_json(),
            "syntax": self.syntax,
            "witness": self.witness,
            **({"refused": self.refused} if self.refused else {}),
        }

    @classmethod
    def of(cls, value: object) -> InstanceRecord | None:
        """The record that `as_json` wrote; None for anything else."""
        try:
            assert isinstance(value, dict)
            boxes = Boxes.from_json(value["boxes"])
            return cls(boxes, str(value["syntax"]), str(value["witness"]), str(value.get("refused", "")))
        except (AssertionError, KeyError, InvalidDataSetError):
            return None


class LookingObserver:
    """Is notified of searches; this one does nothing. `trust.metrics` has one that counts."""

    def instance(self, outcome: str) -> None:
        """An instance was released or refused: one of `OUTCOMES`."""

    def looked(self, seconds: float) -> None:
        """A search has ended; the time includes waiting for a process."""

    def waiting(self, change: int) -> None:
        """So many more searches are waiting or running."""


OUTCOMES = ("passed", "nothing found", "covered", "refused")
_DIGITS = 16


@dataclass
class Looking:
    """One project's searches of pixels; for one event loop."""

    settings: PixelSettings
    key: bytes = field(repr=False)
    limits: LookingLimits = field(default_factory=LookingLimits)
    records: BoxRecords = field(default_factory=BoxRecords)
    refusals: Counter[str] = field(default_factory=Counter)
    """How often which reason kept an instance from being released, since the start."""
    observer: LookingObserver = field(default_factory=LookingObserver)
    alarm: Callable[[str, str], None] | None = None
    """Writes a refusal down: a keyed digest of the instance, and the reason, which names settings and attributes."""

    def __post_init__(self) -> None:
        self.processes = PixelProcesses(self.limits)
        self.passing = PassingInstances(self.settings)
        """What knows at once which instances pass."""
        self.files = ReleasedFiles()
        self._threads = ThreadPoolExecutor(self.limits.processes, thread_name_prefix="pixels")
        self._flights: dict[Hashable, asyncio.Future[Any]] = {}
        self._verdicts: OrderedDict[str, PixelVerdict] = OrderedDict()
        self._judged: tuple[PixelHeader | None, PixelVerdict] = None, gate(PixelHeader(), self.settings)
        self._fingerprint = json.dumps(
            [settings_as_json(self.settings), [_version(name) for name in _PACKAGES], _RULES]
        ).encode()

    def warm(self) -> None:
        """Start the processes and let them load the models if slices are searched, because viewers wait for these.

        What fails here is reported by the first look. Without such slices the first look begins its process.
        """
        if self.settings.cleans and self.settings.gate is not SliceGate.TRUST and can_clean():
            for place in range(self.limits.processes):
                flight = asyncio.ensure_future(self.in_process(self.processes.warm))
                self._flights[("warm", place)] = flight
                flight.add_done_callback(partial(self._landed, ("warm", place)))

    def verdict(self, header: PixelHeader) -> PixelVerdict:
        """The treatment of an instance with this header."""
        judged = self._judged
        if judged[0] is not header:  # consecutive instances of a series mostly have one header
            self._judged = judged = header, gate(header, self.settings)
        return judged[1]

    def note_verdict(self, instance: str, verdict: PixelVerdict) -> None:
        """Cache the verdict on an instance, by its original UID, since its frames are requested next."""
        self._verdicts[instance] = verdict
        self._verdicts.move_to_end(instance)
        if len(self._verdicts) > _VERDICTS:
            self._verdicts.popitem(last=False)

    def noted_verdict(self, instance: str) -> PixelVerdict | None:
        """The cached verdict."""
        return self._verdicts.get(instance)

    def digest(self, *uids: str | None) -> bytes:
        """The key of an instance or series in the records, under these settings."""
        return keyed_digest(self.key, self._fingerprint + json.dumps(uids).encode())

    def witness(self, header: bytes) -> str:
        """The digest of an instance's header."""
        return keyed_digest(self.key, header).hex()[:32]

    async def record(self, digest: bytes) -> InstanceRecord | None:
        """The stored record of an instance."""
        found = self.records.recent(digest)
        return InstanceRecord.of(found if found is not None else await self.at_disk(self.records.get, digest))

    async def at_disk(self, function: Callable[..., _T], *arguments: object) -> _T:
        """Run a function that waits for the disk, in a thread."""
        return await asyncio.to_thread(function, *arguments)

    async def in_process(self, function: Callable[..., _T], *arguments: object) -> _T:
        """Run a function that waits for one of the processes, in one of as many threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    async def once(self, what: Hashable, work: Callable[[], Awaitable[_T]]) -> _T:
        """The result of work that concurrent callers share.

        It does not end with the request that began it: others may wait for it.
        """
        flight = self._flights.get(what)
        if flight is None:
            flight = asyncio.ensure_future(work())
            self._flights[what] = flight
            flight.add_done_callback(lambda done: self._landed(what, done))
        result: _T = await asyncio.shield(flight)
        return result

    def _landed(self, what: Hashable, flight: asyncio.Future[Any]) -> None:
        self._flights.pop(what, None)
        if not flight.cancelled():
            flight.exception()  # waiting requests get it; if there are none, it is not a fault

    async def found(
        self, digest: bytes, source: Path, verdict: PixelVerdict, syntax: str, witness: str
    ) -> InstanceRecord:
        """Search an original instance, and store the result, or why it is refused."""
        begun = time.monotonic()
        self.observer.waiting(1)
        try:
            # In one thread, because each change of threads costs as much as the test for strokes of a small slice.
            return await self.in_process(self._found, digest, source, verdict, syntax, witness)
        finally:
            self.observer.waiting(-1)
            self.observer.looked(time.monotonic() - begun)

    def _found(self, digest: bytes, source: Path, verdict: PixelVerdict, syntax: str, witness: str) -> InstanceRecord:
        is_kept = True
        try:
            record = InstanceRecord(self.processes.boxes(source, verdict, self.settings), syntax, witness)
        except LookFailed:
            raise  # not certainly the instance's fault: the next call may succeed
        except EngineError as error:
            record = InstanceRecord(Boxes(), syntax, witness, refused=str(error))
            # An instance that is broken may be corrected under the same UID and header.
            is_kept = not isinstance(error, InvalidDataSetError)
        if is_kept:
            self.records.put(digest, record.as_json())
        return record

    def refuse(self, reason: str, *uids: str) -> None:
        """Count and record a refusal; the reason names settings and attributes, never values.

        `uids` are the instance's originals, of which a keyed digest is written.
        """
        self.refusals[reason if reason in self.refusals or len(self.refusals) < 64 else "other"] += 1
        self.observer.instance("refused")
        entry = self.digest("refused", *uids).hex()[:_DIGITS]
        _log.warning("an instance is not released because of its pixels: %s (entry %s)", reason, entry)
        if self.alarm is not None:
            self.alarm(entry, reason)

    async def aclose(self) -> None:
        """End the processes and remove the files."""
        for flight in list(self._flights.values()):
            flight.cancel()
        await asyncio.to_thread(self.processes.close)
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.files.close()
        await asyncio.to_thread(self.records.close)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
