"""Dask as a crew: what it makes is what processes make, and a scheduler or worker that ends is not an event."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

import dask
import pytest

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.jobs.allowance import Allowance
from dicomveil_proxy.jobs.cohort import Cohort
from dicomveil_proxy.jobs.crews.dask import Cluster, _Sealer
from dicomveil_proxy.jobs.dispatch import MakeCrew, on_dask
from dicomveil_proxy.jobs.export import Export
from dicomveil_proxy.jobs.progress import Quiet
from dicomveil_proxy.jobs.station import ExportJob, SeriesRecipe
from dicomveil_proxy.jobs.summary import Summary
from dicomveil_proxy.jobs.terms import Terms
from proxy.exporting import Laboratory, fill
from proxy.fakes import KEY

pytestmark = pytest.mark.filterwarnings("ignore")  # of what Dask closes late


@pytest.fixture
def laboratory(tmp_path: Path) -> Laboratory:
    """Eight series, and a key file for the workers."""
    fill(tmp_path / "in", studies=4, instances=1)
    (tmp_path / "key").write_text(KEY.hex())
    (tmp_path / "key").chmod(0o600)
    return Laboratory(tmp_path)


def export(laboratory: Laboratory, make_crew: MakeCrew, watcher: Quiet | None = None) -> Summary:
    """Run it with a crew."""
    terms = Terms(
        laboratory.folder / "state", laboratory.report, Allowance(rate=10, connections=2), workers=2, retries=3
    )
    cohort = Cohort(query="PatientID=PATIENT-*")
    return Export(laboratory.job, cohort, terms, watcher or Quiet(laboratory.noted), make_crew).run()


def crew(laboratory: Laboratory, scheduler: str) -> MakeCrew:
    """Workers of this scheduler."""
    cluster = Cluster(scheduler, laboratory.folder / "key")
    return lambda job, fingerprint, terms: on_dask(cluster, job, fingerprint, terms)


def test_two_workers_of_which_one_is_killed_place_everything(laboratory: Laboratory) -> None:
    """The series on which it worked is done again by the other."""
    killed: list[int] = []

    class Killer(Quiet):
        def advance(self, outcome: Any, *, is_last: bool) -> None:
            if not killed:
                killed.append(_workers()[0])
                os.kill(killed[0], signal.SIGKILL)

    summary = export(laboratory, crew(laboratory, "local"), Killer(laboratory.noted))

    assert killed
    assert (summary.is_whole, summary.placed) == (True, 8)
    other = Laboratory(laboratory.folder, "other")
    other.export()
    assert {n: d for n, d in other.tree().items() if "dicomveil" not in n} == {
        n: d for n, d in laboratory.tree().items() if "dicomveil" not in n
    }


def _workers() -> list[int]:
    """The processes that this one has spawned."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[1]
            if int(parent) == os.getpid() and b"spawn_main" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A certificate that all trust, for scheduler, worker and coordinator."""
    options = "req -x509 -newkey rsa:2048 -nodes -keyout dask.key -out dask.pem -subj /CN=dask -days 30"
    subprocess.run(["openssl", *options.split()], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def test_a_scheduler_that_is_killed_is_no_event(laboratory: Laboratory, certificates: Path) -> None:
    """Over TLS: another at its address is found, and what was under way is done again.

    A coordinator without a certificate is refused before anything is placed.
    """
    cluster = _Started(certificates)
    restarted: list[bool] = []

    class Killer(Quiet):
        def advance(self, outcome: Any, *, is_last: bool) -> None:
            if not restarted:
                restarted.append(True)
                cluster.restart()

    try:
        with pytest.raises(ConfigurationError, match=r"^scheduler: TLS needs certificates"):
            export(laboratory, crew(laboratory, cluster.address))
        assert not list(laboratory.out.rglob("*.dcm"))
        with dask.config.set(_trusted(certificates)):
            summary = export(laboratory, crew(laboratory, cluster.address), Killer(laboratory.noted))
    finally:
        cluster.stop()

    assert restarted
    assert (summary.is_whole, summary.placed) == (True, 8)


def _trusted(certificates: Path) -> dict[str, str]:
    """What Dask's configuration says of the coordinator's certificate."""
    tls = "distributed.comm.tls"
    pem, key = str(certificates / "dask.pem"), str(certificates / "dask.key")
    return {f"{tls}.ca-file": pem, f"{tls}.client.cert": pem, f"{tls}.client.key": key}


class _Started:
    """A scheduler and a worker as a user starts them, with certificates."""

    def __init__(self, certificates: Path) -> None:
        from origin.orthanc import free_port

        self._port = free_port()
        self.address = f"tls://127.0.0.1:{self._port}"
        pem, key = str(certificates / "dask.pem"), str(certificates / "dask.key")
        self._tls = ["--tls-ca-file", pem, "--tls-cert", pem, "--tls-key", key]
        self._begin()

    def _begin(self) -> None:
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        options = ["--host", self.address, "--no-dashboard", *self._tls]
        command = [sys.executable, "-m", "distributed.cli.dask_scheduler", *options]
        self.scheduler = subprocess.Popen(command, **quiet)
        options = ["--nworkers", "1", "--nthreads", "2", "--no-dashboard", "--no-nanny", *self._tls]
        command = [sys.executable, "-m", "distributed.cli.dask_worker", self.address, *options]
        self.worker = subprocess.Popen(command, **quiet)

    def restart(self) -> None:
        self.stop()
        time.sleep(0.5)
        self._begin()

    def stop(self) -> None:
        for process in (self.scheduler, self.worker):
            process.kill()
            process.wait()


@pytest.mark.parametrize("scheduler", ["tcp://10.0.0.1:1", "tcp://host:1", "http://host:1", "tls://host", "host:1"])
def test_a_scheduler_that_others_reach_must_speak_tls(scheduler: str) -> None:
    """Whoever reaches it runs code."""
    with pytest.raises(ConfigurationError, match="write tls://host:port"):
        Cluster(scheduler, Path("key"))
    Cluster("tls://host:8786", Path("key"))


def test_nothing_that_is_sent_holds_an_original_or_the_key(laboratory: Laboratory) -> None:
    """Neither the job nor a unit; and what another key has sealed is not read."""
    from dicomveil_proxy.jobs.series import SeriesUnit

    recipe = SeriesRecipe(laboratory.job, "00", 1)
    unit = SeriesUnit(1, "1.2.3.1", "1.2.3.1.1")
    sent = _Sealer(KEY).seal(recipe.without_key()) + _Sealer(KEY).seal(unit)

    assert KEY not in pickle.dumps(recipe.without_key())
    assert b"1.2.3." not in sent
    opened = cast("SeriesRecipe", _Sealer(KEY).open(_Sealer(KEY).seal(recipe.without_key())))
    assert opened.with_key(KEY) == recipe
    assert isinstance(opened.job, ExportJob)
    with pytest.raises(ConfigurationError, match="another key"):
        _Sealer(bytes(32)).open(_Sealer(KEY).seal(unit))
