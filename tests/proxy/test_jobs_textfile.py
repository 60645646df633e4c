"""Metrics of a job in a file: numbers alone, always whole, and of no weight beside the job."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import cast

import pytest

from dicomveil_proxy.jobs.progress import Quiet
from dicomveil_proxy.jobs.series import SeriesOutcome
from dicomveil_proxy.jobs.textfile import NAMES, SECONDS, Textfile
from proxy.exporting import Laboratory, fill


def values(text: str) -> dict[str, float]:
    """Name and labels of each sample, and its value."""
    return {name: float(value) for name, value in re.findall(r"^(dicomveil\S+) (\S+)$", text, re.MULTILINE)}


def test_an_export_is_written_down(tmp_path: Path) -> None:
    """Units by what became of them, instances and bytes, and that it has ended."""
    fill(tmp_path / "in", studies=2, series=2, instances=1)
    laboratory = Laboratory(tmp_path)
    file = Textfile(Quiet(io.StringIO()), tmp_path / "job.prom")
    laboratory.watcher = file
    laboratory.export()
    during = values((tmp_path / "job.prom").read_text())
    file.end()
    after = values((tmp_path / "job.prom").read_text())

    assert {name.partition("{")[0] for name in after} == set(NAMES)
    assert (during['dicomveil_job_units{state="left"}'], during["dicomveil_job_ended"]) == (4, 0)
    assert (after['dicomveil_job_units{state="done"}'], after["dicomveil_job_ended"]) == (4, 1)
    assert after["dicomveil_job_instances"] == 4
    assert after["dicomveil_job_bytes"] > 0
    assert [each.name for each in tmp_path.glob("job.prom*")] == ["job.prom"]


def test_it_is_written_every_few_seconds(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And where it cannot be, the log says so, and the export continues."""
    now = [0.0]
    file = Textfile(Quiet(io.StringIO()), tmp_path / "job.prom", clock=lambda: now[0])
    outcome = cast("SeriesOutcome", type("Outcome", (), {"placed": (), "refused": (), "failure": None})())
    file.begin(3, 0, 3)
    file.advance(outcome, is_last=True)
    early = values((tmp_path / "job.prom").read_text())
    now[0] = SECONDS
    file.advance(outcome, is_last=True)
    late = values((tmp_path / "job.prom").read_text())
    Textfile(Quiet(io.StringIO()), tmp_path / "missing" / "job.prom").end()

    assert (early['dicomveil_job_units{state="done"}'], late['dicomveil_job_units{state="done"}']) == (0, 2)
    assert caplog.messages == ["metrics-file: it cannot be written (No such file or directory)"]
