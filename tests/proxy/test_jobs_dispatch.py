"""What runs the units of an export: this process where none can take much memory, others where one may."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dicomveil_proxy.jobs import source
from dicomveil_proxy.jobs.allowance import Allowance
from dicomveil_proxy.jobs.crews.here import Here
from dicomveil_proxy.jobs.crews.processes import Processes
from dicomveil_proxy.jobs.destinations.opening import To
from dicomveil_proxy.jobs.dispatch import processes
from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.source import Source
from dicomveil_proxy.jobs.station import ExportJob
from dicomveil_proxy.jobs.terms import Terms
from proxy.exporting import fill
from proxy.fakes import KEY


def crew_for(origin: str, to: Path, workers: int = 1) -> type:
    """The kind of crew."""
    job = ExportJob(Job("default", KEY), Source(origin), To(str(to)))
    return type(processes(job, "", Terms(to, allowance=Allowance(connections=4), workers=workers)))


def test_a_few_small_files_are_done_here(tmp_path: Path) -> None:
    """One worker alone, and from a folder alone: an archive is waited for by several units at once."""
    folder = str(fill(tmp_path / "in", 1, 1, 2))

    assert crew_for(folder, tmp_path / "out") is Here
    assert crew_for(folder, tmp_path / "out", workers=2) is Processes
    assert crew_for("http://example.org/dicom-web", tmp_path / "out") is Processes


def test_a_large_file_is_done_by_another_process(tmp_path: Path) -> None:
    """One that ends for want of memory is then a failed series, and not the end of the run."""
    folder = fill(tmp_path / "in", 1, 1, 2)
    (folder / "below").mkdir()
    with (folder / "below" / "large").open("wb") as file:
        os.truncate(file.fileno(), (64 << 20) + 1)

    assert crew_for(str(folder), tmp_path / "out") is Processes


def test_many_files_are_not_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their sizes are not known, and may be large."""
    monkeypatch.setattr(source, "_FEW_FILES", 1)

    assert crew_for(str(fill(tmp_path / "in", 1, 1, 2)), tmp_path / "out") is Processes
