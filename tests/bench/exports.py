"""A run of an export over a synthetic archive that is never whole in memory: `python -m bench.exports SERIES FOLDER`.

It prints the seconds and the peak of resident bytes as JSON. Series have one instance each; the crew fetches nothing
and says what a worker would.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from dicomveil_proxy.jobs.allowance import Allowance
from dicomveil_proxy.jobs.cohort import Cohort
from dicomveil_proxy.jobs.crews import Crew, Pause, Take
from dicomveil_proxy.jobs.destinations.opening import To
from dicomveil_proxy.jobs.export import Export
from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.layout import Names
from dicomveil_proxy.jobs.progress import Quiet
from dicomveil_proxy.jobs.series import PlacedInstance, SeriesOutcome
from dicomveil_proxy.jobs.source import Source
from dicomveil_proxy.jobs.station import ExportJob
from dicomveil_proxy.jobs.terms import Terms
from dicomveil_proxy.request.query import Level

SERIES_PER_STUDY = 100


class Synthetic:
    """An archive of so many series."""

    def __init__(self, series: int) -> None:
        self._studies = max(1, series // SERIES_PER_STUDY)

    async def search(
        self, level: Level, study: str | None, series: str | None, params: Any, *, limit: int, offset: int
    ) -> list[dict[str, Any]]:
        """As `Origin.search`."""
        if level is Level.STUDIES:
            found = range(offset, min(offset + limit, self._studies))
            return [_match({"0020000D": f"1.2.3.{n + 1}", "00100020": f"PATIENT-{n + 1}"}) for n in found]
        found = range(offset, min(offset + limit, SERIES_PER_STUDY))
        return [_match({"0020000E": f"{study}.{n + 1}", "00201209": 1}) for n in found]

    async def aclose(self) -> None:
        """Nothing is open."""


def _match(values: dict[str, Any]) -> dict[str, Any]:
    return {tag: {"vr": "LO", "Value": [value]} for tag, value in values.items()}


class Instant:
    """A crew that says at once that a series is placed."""

    def __init__(self, job: ExportJob) -> None:
        self._namer = job.namer(job.policy())

    def work(self, take: Take[Any]) -> Iterator[tuple[Any, Any]]:
        """As `Crew.work`."""
        while (taken := take()) is not None:
            if not isinstance(taken, Pause):
                yield taken, self._outcome(taken.unit.study, taken.unit.series)

    def _outcome(self, study: str, series: str) -> SeriesOutcome:
        names = Names(self._namer.uid(study), self._namer.uid(series), self._namer.uid(f"{series}.1"), "P", "CT")
        placed = PlacedInstance(self._namer.path(names), names.instance, "1.2.840.10008.5.1.4.1.1.2", 1, "00" * 32)
        return SeriesOutcome(1, (placed,), names=names)


def main(series: int, folder: Path) -> None:
    """Run it and print."""
    archive = Synthetic(series)
    source = Source("http://archive.invalid/dicom-web")
    object.__setattr__(source, "open", lambda _: archive)
    job = ExportJob(Job("default", bytes(32)), source, To(str(folder / "out")))
    terms = Terms(folder / "state", folder / "report.csv", Allowance(connections=4))
    begun = time.monotonic()
    cohort = Cohort(query="PatientID=PATIENT-*")
    summary = Export(job, cohort, terms, Quiet(sys.stderr), lambda j, *_: cast("Crew", Instant(j))).run()
    assert summary.is_whole
    print(json.dumps([time.monotonic() - begun, _peak_bytes(), summary.placed]))


def _peak_bytes() -> int:
    """The most that this process had resident. `ru_maxrss` would include what the one that started it had."""
    status = Path("/proc/self/status").read_text()
    (peak,) = re.findall(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)
    return int(peak) << 10


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
