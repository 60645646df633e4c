"""What the tests of an export share: an archive in a folder, and a crew that works in this process."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, cast

from dicomveil_proxy.jobs.allowance import Allowance
from dicomveil_proxy.jobs.cohort import Cohort, Row, read_list
from dicomveil_proxy.jobs.coordinator import Watcher
from dicomveil_proxy.jobs.crews import Crew, Pause, Take
from dicomveil_proxy.jobs.destinations.opening import To
from dicomveil_proxy.jobs.dispatch import Dispatched
from dicomveil_proxy.jobs.export import Export
from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.progress import Quiet
from dicomveil_proxy.jobs.series import SeriesOutcome
from dicomveil_proxy.jobs.source import Source
from dicomveil_proxy.jobs.station import ExportJob, SeriesStation
from dicomveil_proxy.jobs.summary import Summary
from dicomveil_proxy.jobs.terms import Terms
from proxy.fakes import KEY, instance
from proxy.instances import over_attributes

STUDIES, SERIES, INSTANCES = 3, 2, 2


def fill(folder: Path, studies: int = STUDIES, series: int = SERIES, instances: int = INSTANCES) -> Path:
    """Instances of some studies, each of a patient of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for s in range(1, studies + 1):
        for e in range(1, series + 1):
            for i in range(1, instances + 1):
                add(folder, s, e, i)
    return folder


def add(folder: Path, s: int, e: int, i: int) -> None:
    """One more instance."""
    data = instance(
        f"1.2.3.{s}",
        f"1.2.3.{s}.{e}",
        f"1.2.3.{s}.{e}.{i}",
        PatientID=f"PATIENT-{s}",
        AccessionNumber=f"ACCESSION-{s}",
        Modality="CT" if e == 1 else "SR",
    )
    (folder / f"{s}-{e}-{i}").write_bytes(data)


Perform = Callable[[SeriesStation, Dispatched], Awaitable[SeriesOutcome]]


class Here:
    """A crew of one that works in this process, one series after the other."""

    def __init__(self, job: ExportJob, perform: Perform | None = None) -> None:
        self._job = job
        self._perform = perform
        self.asked: list[int] = []
        """Numbers of the units, in their order."""

    def work(self, take: Take[Any]) -> Iterator[tuple[Any, Any]]:
        """As `Crew.work`."""
        while (taken := take()) is not None:
            if isinstance(taken, Pause):
                continue
            self.asked.append(taken.leased.number)
            yield taken, asyncio.run(self._one(taken))

    async def _one(self, dispatched: Dispatched) -> SeriesOutcome:
        station = SeriesStation(self._job, 1)
        try:
            if self._perform is not None:
                return await self._perform(station, dispatched)
            return await station.perform(dispatched.unit)
        finally:
            await station.aclose()


class Laboratory:
    """One job over and over: its archive, its destination and its state."""

    def __init__(self, folder: Path, to: str = "out", **changes: Any) -> None:
        self.folder = folder
        self.archive = folder / "in"
        self.out = folder / to
        self.report = folder / "report.csv"
        self.perform: Perform | None = None
        job = {
            "job": Job(over_attributes("default"), KEY),
            "source": Source(str(self.archive)),
            "to": To(str(self.out)),
        }
        self.job = ExportJob(**{**job, **changes})
        self.crew: Here | None = None
        self.noted = io.StringIO()
        self.watcher: Watcher | None = None
        """In the place of a quiet one."""

    def export(self, *, rows: str = "", query: str = "", retries: int = 1, **cohort: Any) -> Summary:
        """Run it: by the lines of a list, or by a query; of all patients without either."""
        listed: tuple[Row, ...] | None = None
        if rows:
            (self.folder / "list.csv").write_text(rows)
            listed = read_list(self.folder / "list.csv")
        else:
            cohort["query"] = query or "PatientID=PATIENT-*"
        terms = Terms(self.folder / "state", self.report, Allowance(connections=1), retries=retries)

        def make_crew(job: ExportJob, fingerprint: str, terms: Terms) -> Crew:
            self.crew = Here(job, self.perform)
            return cast("Crew", self.crew)

        export = Export(self.job, Cohort(rows=listed, **cohort), terms, self.watcher or Quiet(self.noted), make_crew)
        return export.run(listed)

    def reported(self) -> list[list[str]]:
        """The cells of the report below its header."""
        return list(csv.reader(self.report.read_text().splitlines()[1:]))

    def tree(self) -> dict[str, bytes]:
        """Names and bytes of all that is at the destination."""
        return tree(self.out)


def tree(folder: Path) -> dict[str, bytes]:
    """Names and bytes of all files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
