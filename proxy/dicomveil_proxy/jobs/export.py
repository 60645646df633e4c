"""A run of `dicomveil export`: plan, dispatch, record what was placed, report what is missing.

    cohort → plan → ledger ⇄ coordinator ⇄ crew ⇄ series: one unit → destination
                       └→ closing: manifest, report, linkage

Place, then record: an outcome is recorded when its instances are durable. Instances that were placed but not recorded
are placed again, with the same names and bytes. The coordinator and its workers can therefore be stopped at any time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.errors import ProxyError
from dicomveil_proxy.jobs import closing
from dicomveil_proxy.jobs.allowance import Requests
from dicomveil_proxy.jobs.cohort import STUDY, Cohort, Row
from dicomveil_proxy.jobs.coordinator import Coordinator, Watcher
from dicomveil_proxy.jobs.destinations import Destination, DestinationError
from dicomveil_proxy.jobs.dispatch import MakeCrew, processes
from dicomveil_proxy.jobs.forecast import Forecast, forecast
from dicomveil_proxy.jobs.ledger import Ledger, job_of, open_ledger
from dicomveil_proxy.jobs.paced import paced
from dicomveil_proxy.jobs.places import locked
from dicomveil_proxy.jobs.plan import Plan, known_studies
from dicomveil_proxy.jobs.series import ARCHIVE, DESTINATION
from dicomveil_proxy.jobs.station import ExportJob
from dicomveil_proxy.jobs.study_report import status_of
from dicomveil_proxy.jobs.summary import Ending, Summary
from dicomveil_proxy.jobs.terms import Terms

_GONE_AT_A_TIME = 100_000
_FEW_INSTANCES = 1_000
"""From a folder: fewer are done before further processes would have begun."""
_PATIENTS = """
    SELECT DISTINCT study.patient, unit.patient FROM study
      JOIN unit ON unit.job = study.job AND unit.study = study.study
    WHERE study.job = :job AND unit.placed > 0 AND unit.patient <> '' AND study.patient <> ''
"""


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
        self._ledger: Ledger
        self._destination: Destination
        self._coordinator: Coordinator

    def run(self, rows: tuple[Row, ...] | None = None) -> Summary:
        """Do the remaining work. `rows` are the rows of the cohort's list.

        Raises ConfigurationError if nothing was changed, and ProxyError if the ledger cannot be used.
        """
        fingerprint = self._job.fingerprint()
        database = open_ledger(self._terms.state)
        with contextlib.ExitStack() as stack:
            stack.callback(database.close)
            name = job_of(database, self._job.to.canonical)
            self._ledger = ledger = Ledger(database, name)
            self._destination = destination = self._job.to.open()
            stack.enter_context(locked(self._terms.state, name, is_shared=ledger.is_shared))
            stack.callback(destination.close)
            destination.prepare(self._marker(fingerprint, name), shared=ledger.is_shared)
            self._coordinator = coordinator = Coordinator(
                ledger, destination, self._job, self._terms, self._requests, self._watcher
            )
            ended = False
            try:
                with ledger.alone():
                    ledger.begin(fingerprint)
                    ledger.release_all()
                    self._look_after()
                    self._check_subjects()
                    self._make_plan(rows)
                if coordinator.stop is None:
                    self._work(fingerprint)
                ended = True
            finally:
                coordinator.leave(ended=ended)
            return self._close()

    def _marker(self, fingerprint: str, name: str) -> bytes:
        """The fingerprint of the job at its destination, by which another job is refused.

        It does not change if the state is lost, unless envelopes were lost with it: new ones would differ.
        """
        said = {"dicomveil": "export", "fingerprint": fingerprint}
        if self._job.job.recipients:
            said["envelopes"] = name
        return (json.dumps(said) + "\n").encode()

    def rehearse(self, seen: Callable[[int, int], None]) -> Forecast:
        """Report what a run would do. Raises ProxyError."""

        async def ask() -> Forecast:
            origin = self._job.source.open(1)
            try:
                return await forecast(paced(origin, self._requests), self._policy, self._cohort, {}, seen)
            finally:
                await origin.aclose()

        return asyncio.run(ask())

    def _look_after(self) -> None:
        """Place instances again that were removed from the destination."""
        gone = list(islice(self._destination.missing(self._ledger.placed_files()), _GONE_AT_A_TIME))
        while gone:
            self._ledger.forget(gone)
            gone = list(islice(self._destination.missing(self._ledger.placed_files()), _GONE_AT_A_TIME))

    def _check_subjects(self) -> None:
        """Raise ConfigurationError if a patient with placed instances has another subject than before."""
        if not self._policy.replaces_patient_id:
            return
        for original, placed in self._ledger.stream(_PATIENTS):
            if placed != self._policy.pseudonym_patient_id(original):
                raise ConfigurationError(
                    "subjects: a patient with instances in the output had another subject before; give another --to"
                )

    def _make_plan(self, rows: tuple[Row, ...] | None) -> None:
        """Plan the cohort by searching the archive."""
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
            self._coordinator.stop = Ending.PAUSED, f"{ARCHIVE}: {error}"

    def _work(self, fingerprint: str) -> None:
        counts = self._ledger.counts()
        self._watcher.begin(counts.units, counts.done, counts.expected)
        if not self._ledger.unleased():
            return
        self._ledger.note_state("running", is_open=True)
        workers = min(self._terms.workers, max(1, counts.units - counts.done))
        if self._job.source.folder is not None and counts.expected < _FEW_INSTANCES:
            workers = 1
        self._coordinator.work(self._make_crew(self._job, fingerprint, replace(self._terms, workers=workers)))

    def _close(self) -> Summary:
        ending, reason = self._coordinator.stop or (Ending.DONE, "")
        ledger, job, terms = self._ledger, self._job, self._terms
        if ending is Ending.DONE:
            try:
                closing.describe(ledger, job, terms, self._destination)
                self._destination.finish()
            except DestinationError as error:
                ending, reason = Ending.PAUSED, f"{DESTINATION}: {error}"
        try:
            if signer := closing.link(ledger, job, terms, self._policy):
                self._watcher.note(f"linkage: signed by the project {signer}")
            closing.report(ledger, job, terms, self._policy)
        except OSError as error:
            ending, reason = Ending.PAUSED, f"the report or the linkage file cannot be written ({error.strerror})"
        studies = Counter(status_of(row) for row in ledger.studies())
        counts = ledger.counts()
        ledger.note_state(ending.value, is_open=ending is not Ending.DONE)
        return Summary(ending, studies, counts.fresh, counts.expected, counts.refused, reason)
