"""The coordinator of a run: assigns units to workers, and records their outcomes.

It leases units from the ledger, observes the allowance, and records an outcome when its output is durable. Five
consecutive failures of the archive or of the destination pause the job. A series that fails is retried after all
others.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from typing import Protocol

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.errors import ProxyError
from dicomveil_proxy.jobs.allowance import Requests
from dicomveil_proxy.jobs.crews import Crew, Pause
from dicomveil_proxy.jobs.destinations import Destination, DestinationError
from dicomveil_proxy.jobs.dispatch import Dispatched
from dicomveil_proxy.jobs.ledger import Leased, Ledger
from dicomveil_proxy.jobs.paced import paced
from dicomveil_proxy.jobs.seeds import new_seed
from dicomveil_proxy.jobs.series import ARCHIVE, DESTINATION, WORKER, Failure, SeriesOutcome, SeriesUnit
from dicomveil_proxy.jobs.station import ExportJob
from dicomveil_proxy.jobs.summary import Ending
from dicomveil_proxy.jobs.terms import Terms
from dicomveil_proxy.origin.pages import pages
from dicomveil_proxy.request.query import Level

IN_A_ROW = 5
"""Consecutive failures of the archive or of the destination that pause the job."""
_LEASED_AT_A_TIME = 64
_NOTE_SECONDS = 1.0
"""The most work, in seconds, that is repeated after a run was stopped."""
_NOTED_AT_A_TIME = 10_000
"""Series and instances that are in memory before they are recorded."""
_EXTEND_SECONDS = 30.0
_LOOK_SECONDS = 2.0
_LONGEST_BACKOFF = 5.0
_LONGEST_HOLD = 3600.0
_HOLDS = 20
"""How often a unit may get a Retry-After without counting as failed."""


class Watcher(Protocol):
    """Is notified of the progress of a run."""

    def planning(self, studies: int, series: int) -> None:
        """So many studies and series were found so far."""

    def begin(self, units: int, done: int, instances: int) -> None:
        """The plan is complete: numbers of series, of completed ones, and of instances by the archive."""

    def advance(self, outcome: SeriesOutcome, *, is_last: bool) -> None:
        """A unit ended; it will be retried unless that was the last attempt."""

    def note(self, text: str) -> None:
        """A message for the operator."""


class Coordinator:
    """Coordinates one run."""

    def __init__(
        self,
        ledger: Ledger,
        destination: Destination,
        job: ExportJob,
        terms: Terms,
        requests: Requests,
        watcher: Watcher,
    ) -> None:
        self._ledger = ledger
        self._destination = destination
        self._job = job
        self._terms = terms
        self._requests = requests
        self._watcher = watcher
        self._queue: deque[Leased] = deque()
        self._noted: list[tuple[Leased, SeriesOutcome, str, int]] = []
        self._waiting = 0
        """The number of outcomes that are not recorded yet, and of their instances."""
        self._in_flight = 0
        self._has_begun = False
        """Whether a unit has ended, so that something may have been placed."""
        self._failures: Counter[str] = Counter()
        """Consecutive failures of the archive and of the destination."""
        self._holds: Counter[int] = Counter()
        self.stop: tuple[Ending, str] | None = None
        """The reason for ending the run early."""
        self._not_before = self._note_at = self._extend_at = self._look_at = time.monotonic()

    def work(self, crew: Crew) -> None:
        """Run the remaining units. Raises ConfigurationError if the crew cannot be started."""
        try:
            self._follow(crew)
        except ConfigurationError as error:
            if not self._has_begun:
                raise
            self.stop = Ending.PAUSED, f"{WORKER}: {error}"

    def _follow(self, crew: Crew) -> None:
        for dispatched, outcome in crew.work(self._take):
            self._has_begun = True
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
        if self.stop is not None:
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
        """Extend the leases, and check whether the run was cancelled."""
        if now >= self._extend_at:
            self._extend_at = now + _EXTEND_SECONDS
            self._ledger.extend()
        if self.stop is None and self._ledger.is_cancelled:
            self.stop = Ending.CANCELLED, "cancelled"

    def _next(self) -> Leased | None:
        if not self._queue:
            self._queue.extend(self._ledger.lease(_LEASED_AT_A_TIME))
        if not self._queue and self._noted:
            self._note()  # units that are to come again are among them
            self._queue.extend(self._ledger.lease(_LEASED_AT_A_TIME))
        return self._queue.popleft() if self._queue else None

    def _dispatched(self, leased: Leased) -> Dispatched:
        allowance = self._terms.allowance
        # Instances that are placed but not recorded are fetched again, which does no harm.
        have = self._ledger.have(leased.number) if leased.placed else frozenset()
        is_retry = leased.round > 0
        singles = max(1, max(leased.expected, leased.listed) - len(have)) if have or is_retry else 1
        self._requests.spend(singles + 1 + max(0, leased.listed) // 500)
        envelope = self._ledger.envelope(leased.study, new_seed) if self._job.job.recipients else b""
        unit = SeriesUnit(
            leased.number, leased.study, leased.series, have, allowance.share, allowance.spacing, envelope, is_retry
        )
        return Dispatched(leased, unit)

    # Results

    def _judge(self, leased: Leased, outcome: SeriesOutcome) -> None:
        """Decide whether a unit is done, is retried, or has failed, and whether the job is paused."""
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
        """Count a failure that seems to be the archive's or the destination's, not the series'."""
        self._failures[failure.side] += 1
        count = self._failures[failure.side]
        self._not_before = time.monotonic() + min(0.1 * 2**count, _LONGEST_BACKOFF)
        if count < IN_A_ROW or self.stop is not None:
            return
        # Failed series are retried last, where five faulty ones may follow each other: the archive is tested with
        # another request before it is considered to be down.
        if is_first or failure.side != ARCHIVE or not self._archive_answers():
            self.stop = Ending.PAUSED, f"{failure.side}: {count} series in a row failed: {failure.reason}"
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
        """Record what was placed, after it is durable."""
        self._note_at = time.monotonic() + _NOTE_SECONDS
        if not self._noted:
            return
        try:
            self._destination.synchronise()
        except DestinationError as error:
            self.stop = self.stop or (Ending.PAUSED, f"{DESTINATION}: {error}")
            return
        noted, self._noted, self._waiting = self._noted, [], 0
        self._ledger.note(noted)

    def leave(self, *, ended: bool) -> None:
        """Record what was placed, and release units that were not started, even after an error."""
        try:
            self._note()
            self._ledger.release(self._queue)
            if not ended:
                self._ledger.note_state("interrupted", is_open=True)
        except ProxyError:
            if ended:
                raise


def _is_short(outcome: SeriesOutcome) -> bool:
    """Whether instances are missing without a reason."""
    refused = sum(count for _, count in outcome.refused)
    return outcome.kept + len(outcome.placed) + refused < outcome.expected
