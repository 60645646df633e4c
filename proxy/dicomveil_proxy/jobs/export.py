"""A run of `dicomveil export`: plan, dispatch, note what was placed, say what is missing.

    cohort → plan → ledger ⇄ coordinator ⇄ crew ⇄ series: one unit → destination
                       └→ manifest, report, linkage

Place, then record: an outcome is noted when what it placed is durable, and what was placed and not noted is placed
again, with the same name and bytes. So the coordinator, its workers, or all of them may be stopped at any moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Protocol

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.errors import ProxyError
from dicomveil_proxy.jobs.allowance import Allowance, Requests
from dicomveil_proxy.jobs.cms import Certificate
from dicomveil_proxy.jobs.cohort import STUDY, Cohort, Row
from dicomveil_proxy.jobs.collection import write_collection
from dicomveil_proxy.jobs.crews import Crew, Pause
from dicomveil_proxy.jobs.crews.dask import Cluster, DaskCrew
from dicomveil_proxy.jobs.crews.processes import Processes
from dicomveil_proxy.jobs.destinations import Destination, DestinationError, failed
from dicomveil_proxy.jobs.destinations.opening import To
from dicomveil_proxy.jobs.forecast import Forecast, forecast
from dicomveil_proxy.jobs.ledger import Leased, Ledger, job_of, open_ledger
from dicomveil_proxy.jobs.linkage import write_linkage
from dicomveil_proxy.jobs.manifest import Put, write_manifest
from dicomveil_proxy.jobs.paced import paced
from dicomveil_proxy.jobs.parquet import write_parquet
from dicomveil_proxy.jobs.plan import Plan, known_studies
from dicomveil_proxy.jobs.series import (
    ARCHIVE,
    DESTINATION,
    LOST,
    Failure,
    SeriesOutcome,
    SeriesUnit,
)
from dicomveil_proxy.jobs.station import ExportJob, SeriesRecipe, SeriesStation
from dicomveil_proxy.jobs.study_report import IS_WHOLE, StudyStatus, status_of, write_report
from dicomveil_proxy.jobs.verification import Holdings
from dicomveil_proxy.origin.pages import pages
from dicomveil_proxy.request.query import Level
from dicomveil_proxy.wire import unfinished

IN_A_ROW = 5
"""Failures at one side, without a success between them, that pause the job."""
_LEASED_AT_A_TIME = 64
_NOTE_SECONDS = 1.0
"""What a run that is stopped may have to do again."""
_NOTED_AT_A_TIME = 10_000
"""Series and instances: what is held until it is noted."""
_EXTEND_SECONDS = 30.0
_LOOK_SECONDS = 2.0
_GONE_AT_A_TIME = 100_000
_WARM = "dicomveil_proxy.jobs.station"
"""What is imported before the first worker is forked."""
_LONGEST_BACKOFF = 5.0
_LONGEST_HOLD = 3600.0
_HOLDS = 20
"""How often a unit may meet a Retry-After without that counting as a failure."""


@dataclass(frozen=True)
class Terms:
    """How a run works: nothing of it changes what is placed."""

    state: Path | str = field(repr=False)
    report: Path | None = None
    allowance: Allowance = field(default_factory=Allowance)
    workers: int = 2
    retries: int = 3
    linkage: Path | None = None
    recipients: tuple[Certificate, ...] = ()
    """Who may open the linkage file."""
    has_parquet: bool = False
    """Whether there is a manifest in Parquet, too."""


class Ending(Enum):
    """How a run came to its end."""

    DONE = "done"
    PAUSED = "paused"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Summary:
    """What came of a run."""

    ending: Ending
    studies: Counter[StudyStatus]
    placed: int
    """Instances, by this run."""
    expected: int
    refused: int
    reason: str = ""
    """Why it was paused."""

    @property
    def is_whole(self) -> bool:
        """Whether something was selected and nothing is missing."""
        missing = any(count for status, count in self.studies.items() if status not in IS_WHOLE)
        return self.ending is Ending.DONE and bool(self.studies) and not missing


class Watcher(Protocol):
    """Is shown how far a run is."""

    def planning(self, studies: int, series: int) -> None:
        """So many were found."""

    def begin(self, units: int, done: int, instances: int) -> None:
        """The plan is made: so many series, of which so many are done, and how many instances the archive says."""

    def advance(self, outcome: SeriesOutcome, *, is_last: bool) -> None:
        """A unit ended; it will come again unless that was the last time."""

    def note(self, text: str) -> None:
        """Something that somebody should read."""


@dataclass(frozen=True)
class Dispatched:
    """A leased unit, as a crew is given it."""

    leased: Leased
    unit: SeriesUnit


_PATIENTS = """
    SELECT DISTINCT study.patient, unit.patient FROM study
      JOIN unit ON unit.job = study.job AND unit.study = study.study
    WHERE study.job = :job AND unit.placed > 0 AND unit.patient <> '' AND study.patient <> ''
"""

MakeCrew = Callable[[ExportJob, str, Terms], Crew]


def processes(job: ExportJob, fingerprint: str, terms: Terms) -> Crew:
    """Processes on this machine: as many as asked for, and never more connections than allowed."""
    del fingerprint  # of what the code does, which is the same here
    workers = max(1, min(terms.workers, terms.allowance.connections))
    slots = terms.allowance.connections // workers
    recipe = SeriesRecipe(job, job.job.configuration_digest().hex(), slots)
    return Processes(
        recipe, workers, LOST, ahead=slots, together=True, warm="dicomveil_proxy.jobs.station", message=_unit_of
    )


def on_dask(cluster: Cluster, job: ExportJob, fingerprint: str, terms: Terms) -> Crew:
    """Dask workers, as many as there are."""
    slots = max(1, terms.allowance.connections // max(1, min(terms.workers, terms.allowance.connections)))
    recipe = SeriesRecipe(job, fingerprint, slots, is_far=True)
    return DaskCrew(recipe, job.job.key, replace(cluster, slots=slots, workers=terms.workers), LOST, _unit_of)


def _unit_of(dispatched: Dispatched) -> SeriesUnit:
    return dispatched.unit


class Export:
    """One run."""

    def __init__(
        self, job: ExportJob, cohort: Cohort, terms: Terms, watcher: Watcher, make_crew: MakeCrew = processes
    ) -> None:
        self._job = job
        self._cohort = cohort
        self._terms = terms
        self._watcher = watcher
        self._make_crew = make_crew
        self._policy = job.policy()
        self._requests = Requests(terms.allowance)
        self._queue: deque[Leased] = deque()
        self._noted: list[tuple[Leased, SeriesOutcome, str, int]] = []
        self._waiting = 0
        """How many of them, and of their instances."""
        self._in_flight = 0
        self._failures: Counter[str] = Counter()
        """In a row, by side."""
        self._holds: Counter[int] = Counter()
        self._stop: tuple[Ending, str] | None = None
        self._not_before = self._note_at = self._extend_at = self._look_at = time.monotonic()
        self._ledger: Ledger
        self._destination: Destination

    def run(self, rows: tuple[Row, ...] | None = None) -> Summary:
        """Do what is left to do. `rows` are those of the cohort's list.

        Raises ConfigurationError where nothing was changed, and ProxyError where the ledger cannot be used.
        """
        fingerprint = self._job.fingerprint()
        engine = open_ledger(self._terms.state)
        name = job_of(engine, self._job.to.canonical)
        self._ledger = ledger = Ledger(engine, name)
        self._destination = destination = self._job.to.open()
        marker = json.dumps({"dicomveil": "export", "job": name, "fingerprint": fingerprint}) + "\n"
        with contextlib.ExitStack() as stack:
            stack.callback(ledger.close)
            stack.enter_context(_locked(self._terms.state, name, is_shared=ledger.is_shared))
            stack.callback(destination.close)
            destination.prepare(marker.encode(), shared=ledger.is_shared)
            ended = False
            try:
                with ledger.alone():
                    ledger.begin(fingerprint)
                    ledger.release_all()
                    self._look_after()
                    self._check_subjects()
                    self._make_plan(rows)
                if self._stop is None:
                    self._work(fingerprint)
                ended = True
            finally:
                self._leave(ended=ended)
            return self._close()

    def rehearse(self, seen: Callable[[int, int], None]) -> Forecast:
        """Say what a run would do, and do nothing. Raises ProxyError."""

        async def ask() -> Forecast:
            origin = self._job.source.open(1)
            try:
                return await forecast(paced(origin, self._requests), self._policy, self._cohort, {}, seen)
            finally:
                await origin.aclose()

        return asyncio.run(ask())

    def _look_after(self) -> None:
        """Place again what somebody has taken away: what is not there was not exported."""
        gone = list(islice(self._destination.missing(self._ledger.placed_files()), _GONE_AT_A_TIME))
        while gone:
            self._ledger.forget(gone)
            gone = list(islice(self._destination.missing(self._ledger.placed_files()), _GONE_AT_A_TIME))

    def _check_subjects(self) -> None:
        """Refuse to give a patient of whom something is placed another subject. Raises ConfigurationError."""
        if not self._policy.replaces_patient_id:
            return
        for original, placed in self._ledger.stream(_PATIENTS):
            if placed != self._policy.pseudonym_patient_id(original):
                raise ConfigurationError(
                    "subjects: a patient of whom something is placed already had another subject; give another --to"
                )

    def _make_plan(self, rows: tuple[Row, ...] | None) -> None:
        """Ask the archive what is meant."""
        wanted = {uid for row in rows or () if self._policy.is_pseudonym_uid(uid := row.value(STUDY))}
        known = known_studies(self._ledger, wanted)
        plan = Plan(self._ledger, self._policy, self._cohort, self._watcher.planning)

        async def make() -> None:
            origin = self._job.source.open(1)
            try:
                await plan.make(paced(origin, self._requests), known)
            finally:
                await origin.aclose()

        try:
            asyncio.run(make())
        except ProxyError as error:
            self._stop = Ending.PAUSED, f"{ARCHIVE}: {error}"

    def _work(self, fingerprint: str) -> None:
        counts = self._ledger.counts()
        self._watcher.begin(counts.units, counts.done, counts.expected)
        if not self._ledger.unleased():
            return
        self._ledger.note_state("running", is_open=True)
        crew = self._make_crew(self._job, fingerprint, self._terms)
        for dispatched, outcome in crew.work(self._take):
            self._in_flight -= 1
            self._judge(dispatched.leased, outcome)
            if time.monotonic() >= self._note_at or self._waiting >= _NOTED_AT_A_TIME:
                self._note()

    # What is next

    def _take(self) -> Dispatched | Pause | None:
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + _LOOK_SECONDS
            self._look(now)
        if self._stop is not None:
            return None
        wait = max(self._requests.wait(), self._not_before - now)
        if wait > 0:
            return Pause(min(wait, _LOOK_SECONDS))
        if self._in_flight >= self._terms.allowance.connections:
            return None
        leased = self._next()
        if leased is None:
            is_others = not self._in_flight and self._ledger.is_shared and self._ledger.unleased()
            return Pause(_LOOK_SECONDS) if is_others else None
        self._in_flight += 1
        return self._dispatched(leased)

    def _look(self, now: float) -> None:
        """Keep what is ours, and see whether somebody asked for the end."""
        if now >= self._extend_at:
            self._extend_at = now + _EXTEND_SECONDS
            self._ledger.extend()
        if self._stop is None and self._ledger.is_cancelled:
            self._stop = Ending.CANCELLED, "cancelled"

    def _next(self) -> Leased | None:
        if not self._queue:
            self._queue.extend(self._ledger.lease(_LEASED_AT_A_TIME))
        if not self._queue and self._noted:
            self._note()  # units that are to come again are among them
            self._queue.extend(self._ledger.lease(_LEASED_AT_A_TIME))
        return self._queue.popleft() if self._queue else None

    def _dispatched(self, leased: Leased) -> Dispatched:
        allowance = self._terms.allowance
        # What is placed but not noted is fetched again: it is no harm.
        have = self._ledger.have(leased.number) if leased.placed else frozenset()
        singles = max(1, max(leased.expected, leased.listed) - len(have)) if have else 1
        self._requests.spend(singles + 1 + max(0, leased.listed) // 500)
        unit = SeriesUnit(leased.number, leased.study, leased.series, have, allowance.share, allowance.spacing)
        return Dispatched(leased, unit)

    # What came of it

    def _judge(self, leased: Leased, outcome: SeriesOutcome) -> None:
        """Decide whether a unit is done, comes again, or has failed, and whether a side is down."""
        failure = outcome.failure
        state, rounds = "done", leased.round
        if failure is not None and failure.retry_after > 0:
            self._requests.hold(min(failure.retry_after, _LONGEST_HOLD))
            self._holds[leased.number] += 1
            rounds += self._holds[leased.number] > _HOLDS
            state = "waiting"
        elif failure is not None or _is_short(outcome):
            rounds += 1
            state = "waiting"
        if state == "waiting" and rounds > self._terms.retries:
            state = "failed"
        self._noted.append((leased, outcome, state, rounds))
        self._waiting += 1 + len(outcome.placed)
        self._watcher.advance(outcome, is_last=state != "waiting")
        if failure is None:
            self._failures.clear()
            self._not_before = 0.0
        elif failure.passing and failure.retry_after == 0:
            self._blame(failure, is_first=leased.round == 0)

    def _blame(self, failure: Failure, *, is_first: bool) -> None:
        """Count a failure that the side, and not the series, seems to be the reason of."""
        self._failures[failure.side] += 1
        count = self._failures[failure.side]
        self._not_before = time.monotonic() + min(0.1 * 2**count, _LONGEST_BACKOFF)
        if count < IN_A_ROW or self._stop is not None:
            return
        # Series that failed come last, and there may be five of them that are bad in themselves: the archive is
        # asked something else before it is said to be down.
        if is_first or failure.side != ARCHIVE or not self._archive_answers():
            self._stop = Ending.PAUSED, f"{failure.side}: {count} series in a row failed: {failure.reason}"
        else:
            self._failures.clear()

    def _archive_answers(self) -> bool:
        async def ask() -> None:
            origin = self._job.source.open(1)
            try:
                async for _ in pages(paced(origin, self._requests), Level.STUDIES, None, None, (), size=1):
                    return
            finally:
                await origin.aclose()

        try:
            asyncio.run(ask())
        except ProxyError:
            return False
        return True

    def _note(self) -> None:
        """Write down what was placed, once it is durable."""
        self._note_at = time.monotonic() + _NOTE_SECONDS
        if not self._noted:
            return
        try:
            self._destination.synchronise()
        except DestinationError as error:
            self._stop = self._stop or (Ending.PAUSED, f"{DESTINATION}: {error}")
            return
        noted, self._noted, self._waiting = self._noted, [], 0
        self._ledger.note(noted)

    # The end

    def _leave(self, *, ended: bool) -> None:
        """Whatever happened: note what is placed, and give back what was not begun."""
        try:
            self._note()
            self._ledger.release(self._queue)
            if not ended:
                self._ledger.note_state("interrupted", is_open=True)
        except ProxyError:
            if ended:
                raise

    def _describe(self) -> None:
        """Write what describes the whole."""
        put: Put
        if self._destination.holds_files:
            put = self._destination.put
            write_collection(self._ledger, self._job.layout, put)
        elif self._terms.report is not None:
            put = partial(_beside, self._terms.report)
        else:
            return
        if self._terms.has_parquet:
            write_parquet(self._ledger, put)
        write_manifest(self._ledger, put)

    def _report(self) -> None:
        report = self._terms.report
        if report is None:
            return
        is_page = report.suffix.lower() in (".html", ".htm")
        if is_page:
            from dicomveil_proxy.jobs.page import write_page  # noqa: PLC0415 - few need it

            holdings: Holdings | None = None
            with contextlib.suppress(ConfigurationError):
                holdings = self._job.to.holdings()
            write_page(report, self._ledger, self._policy, holdings)
        write_report(report.with_suffix(".csv") if is_page else report, self._ledger.studies())

    def _close(self) -> Summary:
        ending, reason = self._stop or (Ending.DONE, "")
        if ending is Ending.DONE:
            try:
                self._describe()
                self._destination.finish()
            except DestinationError as error:
                ending, reason = Ending.PAUSED, f"{DESTINATION}: {error}"
        if self._terms.linkage is not None:
            job, terms = self._job.job, self._terms
            signer = write_linkage(self._terms.linkage, self._ledger, self._policy, job.key, terms.recipients)
            self._watcher.note(f"linkage: signed by the project {signer}")
        self._report()
        studies = Counter(status_of(row) for row in self._ledger.studies())
        counts = self._ledger.counts()
        self._ledger.note_state(ending.value, is_open=ending is not Ending.DONE)
        return Summary(ending, studies, counts.fresh, counts.expected, counts.refused, reason)


def _beside(report: Path, name: str, file: BinaryIO) -> None:
    """Put a file that describes the whole beside the report: an archive has no place for it."""
    try:
        with unfinished.whole(report.with_name(f"{report.stem}.{name}")) as part, part.open("wb") as output:
            shutil.copyfileobj(file, output)
    except OSError as error:
        raise failed(error) from None


def _is_short(outcome: SeriesOutcome) -> bool:
    """Whether instances are missing of which nothing is known."""
    refused = sum(count for _, count in outcome.refused)
    return outcome.kept + len(outcome.placed) + refused < outcome.expected


@contextlib.contextmanager
def _locked(state: Path | str, job: str, *, is_shared: bool) -> Iterator[None]:
    """Keep a second run of the job out. Raises ConfigurationError."""
    if is_shared:
        yield
        return
    descriptor = os.open(Path(state) / f"{job}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigurationError("to: another run is writing there; wait for its end") from None
        yield
    finally:
        os.close(descriptor)


def checked_places(job: ExportJob, terms: Terms, *private: Path) -> None:
    """Refuse what would put originals among the output. Raises ConfigurationError."""
    if job.to.is_archive and To(job.source.origin).canonical == job.to.canonical:
        raise ConfigurationError("to: it is the archive of the originals; de-identified copies would be among them")
    output = job.to.folder
    if output is None:
        return
    output = output.resolve()
    source = job.source.folder
    if source is not None and (source.resolve() == output or source.resolve() in output.parents):
        raise ConfigurationError("to: it is inside the folder of the originals; give one outside")
    if source is not None and output in source.resolve().parents:
        raise ConfigurationError("to: the folder of the originals is inside it; give another")
    places = [("state", Path(terms.state))] if isinstance(terms.state, Path) else []
    places += [("linkage", path) for path in private]
    for name, place in places:
        if output in (place.resolve(), *place.resolve().parents):
            raise ConfigurationError(f"{name}: it holds originals and would be below the output; give a place outside")


__all__ = [
    "Ending",
    "Export",
    "ExportJob",
    "SeriesRecipe",
    "SeriesStation",
    "Summary",
    "Terms",
    "Watcher",
    "checked_places",
    "on_dask",
    "processes",
]
