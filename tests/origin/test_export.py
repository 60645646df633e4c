"""An export from a real Orthanc: complete, without a trace of an original, and the same however it was disturbed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from dicomveil_engine import deidentify_instance, load_policy
from dicomveil_proxy.jobs.destinations import MARKER
from origin.canaries import INSTANCES, STUDIES, Search, archive, canaries
from origin.exports import KEY, Exporter
from origin.faults import Fault, faulty, one_in
from origin.object_store import running_s3
from origin.orthanc import Orthanc, running_orthanc
from proxy.instances import over_attributes

pytestmark = pytest.mark.origin

LONG = os.environ.get("DICOMVEIL_LONG") == "1"
"""Twenty kills instead of three."""
KILLS = 20 if LONG else 3
ALL = STUDIES * INSTANCES
FEW = STUDIES if LONG else 8
"""Studies, where another number would only take more time."""
SOME = ("--limit-studies", str(FEW))


def of_studies(exporter: Exporter, whole: Exporter) -> dict[str, bytes]:
    """What a whole export holds of the studies that another one reports."""
    wanted = {row.split(",")[1] for row in exporter.report.read_text().splitlines()[1:]}
    assert len(wanted) == FEW
    held = whole.held()
    return {name: data for name, data in held.items() if name.endswith(".dcm") and name.split("/")[0] in wanted}


@pytest.fixture(scope="module")
def filled(orthanc: Orthanc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """An Orthanc with 60 studies of 11 instances."""
    del orthanc  # that there is one
    with running_orthanc(tmp_path_factory.mktemp("filled")) as server:
        with httpx.Client(base_url=server.base_url.removesuffix("/dicom-web"), timeout=60) as client:
            for data in archive():
                client.post("/instances", content=data).raise_for_status()
        assert server.count_instances() == ALL
        yield server


@pytest.fixture(scope="module")
def undisturbed(filled: Orthanc, tmp_path_factory: pytest.TempPathFactory) -> Exporter:
    """An export that came to its end at once."""
    exporter = Exporter(tmp_path_factory.mktemp("undisturbed"), filled.base_url)
    assert exporter.run() == 0
    return exporter


def test_all_is_placed_and_nothing_is_told(undisturbed: Exporter) -> None:
    """Bytes are those that `anonymize` writes; no canary is anywhere but in the ledger, which its owner alone reads."""
    policy = load_policy(Path(over_attributes("default")), KEY)
    held = {data for name, data in undisturbed.held().items() if name.endswith(".dcm")}

    assert held == {deidentify_instance(data, policy) for data in archive()}
    assert len(held) == ALL
    assert undisturbed.statuses() == {"exported": STUDIES}
    ledger = [path for path in (undisturbed.folder / "state").iterdir() if path.name.startswith("ledger")]
    assert {path.stat().st_mode & 0o777 for path in ledger} == {0o600}
    search = Search(canaries())
    assert search.in_tree(undisturbed.folder, but=[path.name for path in ledger]) == []
    assert any(search.found(path.read_bytes()) for path in ledger)  # the search can find


def test_the_second_run_places_nothing(undisturbed: Exporter, filled: Orthanc) -> None:
    """And says so."""
    times = {path: path.stat().st_mtime_ns for path in undisturbed.out.rglob("*.dcm")}

    assert undisturbed.run() == 0

    assert undisturbed.statuses() == {"unchanged": STUDIES}
    assert {path: path.stat().st_mtime_ns for path in undisturbed.out.rglob("*.dcm")} == times


def test_an_export_may_be_killed_at_any_moment(undisturbed: Exporter, filled: Orthanc, tmp_path: Path) -> None:
    """The coordinator, a worker, or all of them; at the end the tree is that of an undisturbed one."""
    exporter = Exporter(tmp_path, filled.base_url)
    source = random.Random(14)
    started = time.monotonic()
    process = exporter.start("--rate", "60")
    for number in range(KILLS):
        _await_progress(exporter, process, started)
        time.sleep(source.uniform(0.0, 1.5))
        _kill(process.pid, ("coordinator", "worker", "all")[number % 3])
        if number % 3 != 1:
            process.wait(10)
            started = time.monotonic()
            process = exporter.start("--rate", "60")
    process.wait(300)

    assert exporter.run() == 0
    assert exporter.held() == undisturbed.held()
    assert sum(exporter.statuses().values()) == STUDIES


def _await_progress(exporter: Exporter, process: object, started: float) -> None:
    """Until something is placed, and the process has been there for a moment."""
    while time.monotonic() - started < 60 and not any(exporter.out.glob("2.25.*")):
        time.sleep(0.05)


def _kill(coordinator: int, who: str) -> None:
    """Kill processes that the test has started: they are those of its session."""
    members = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            if int(fields[3]) == coordinator:  # the session
                members.append(int(entry.name))
    workers = [pid for pid in members if pid != coordinator]
    chosen = {"coordinator": [coordinator], "worker": workers[-1:], "all": members}[who]
    for pid in chosen:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_an_archive_that_spoils_a_tenth_of_its_answers(undisturbed: Exporter, filled: Orthanc, tmp_path: Path) -> None:
    """503, reset, and cut with and without a length: all is placed in the end, and never is half taken for all."""
    with faulty(filled.base_url, one_in(10, seed=5)) as server:
        exporter = Exporter(tmp_path, server.url)
        for _ in range(3):  # it may be paused by five in a row
            status = exporter.run("--retries", "5")
            if status == 0:
                break
            assert exporter.statuses().get("exported", 0) < STUDIES

    assert server.spoilt > 10
    assert status == 0
    assert exporter.held() == undisturbed.held()


def test_an_archive_that_is_down_pauses_the_job(undisturbed: Exporter, filled: Orthanc, tmp_path: Path) -> None:
    """After five series in a row: with status 1, the side named, and what is missing in the report."""

    def down(path: str) -> Fault | None:
        return "503" if "/series/" in path and "/instances" not in path else None

    with faulty(filled.base_url, down) as server:
        exporter = Exporter(tmp_path, server.url, "out", *SOME)
        assert exporter.run() == 1
        asked = sum("/series/" in path and "/instances" not in path for _, path in server.requests)
        assert "paused: archive: 5 series in a row failed" in exporter.said
        assert exporter.statuses() == {"failed": FEW}
        assert 5 <= asked <= 10
        server.choose = lambda _: None
        assert exporter.run() == 0
    held = {name: data for name, data in exporter.held().items() if name.endswith(".dcm")}
    assert held == of_studies(exporter, undisturbed)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_says_so(how: signal.Signals, filled: Orthanc, tmp_path: Path) -> None:
    """Status 130, nothing unfinished, no process left; `export status` says it, and the same command resumes."""
    exporter = Exporter(tmp_path, filled.base_url, "out", "--limit-studies", "5")
    process = exporter.start("--rate", "1")
    _await_progress(exporter, process, time.monotonic())

    process.send_signal(how)

    assert process.wait(30) == 130
    assert list((exporter.out / ".dicomveil-parts").iterdir()) == []
    assert "the same command resumes" in exporter.said
    status = [sys.executable, "-m", "dicomveil_proxy", "export", "status", "--state", str(tmp_path / "state")]
    assert " interrupted " in subprocess.run(status, check=True, capture_output=True, text=True).stdout
    assert exporter.run() == 0
    assert exporter.statuses() == {"exported": 5}


def test_retry_after_is_obeyed(filled: Orthanc, tmp_path: Path) -> None:
    """No request comes within the second that the archive asked for."""
    asked: list[float] = []

    def busy(path: str) -> Fault | None:
        if "/instances" in path and len(asked) < 1:
            asked.append(time.monotonic())
            return "retry"
        return None

    with faulty(filled.base_url, busy) as server:
        exporter = Exporter(tmp_path, server.url)
        assert exporter.run("--limit-studies", "4", "--connections", "1", "--jobs", "1") == 0
    after = [when - asked[0] for when, _ in server.requests if when > asked[0]]
    assert min(after) >= 0.99
    assert exporter.statuses() == {"exported": 4}


def test_rate_bandwidth_and_connections_are_held(filled: Orthanc, tmp_path: Path) -> None:
    """By all workers together."""
    with faulty(filled.base_url) as server:
        exporter = Exporter(tmp_path, server.url)
        options = ("--limit-studies", "8", "--rate", "20", "--bandwidth", "25kB", "--connections", "3", "--jobs", "2")
        assert exporter.run(*options) == 0
        ended = time.monotonic()
    times = sorted(when for when, _ in server.requests)
    busiest = max(sum(start <= when < start + 1 for when in times) for start in times)
    first = next(when for when, path in server.requests if "/series/" in path and "/instances" not in path)

    assert busiest <= 22
    assert server.most_open <= 3
    assert server.retrieved > 80_000
    assert server.retrieved / (ended - first) < 25_000


def test_a_zip_file_holds_the_same(undisturbed: Exporter, filled: Orthanc, tmp_path: Path) -> None:
    """Made again it has the same bytes; no canary is in it, its directory included, and nothing is left beside it."""
    exporter = Exporter(tmp_path, filled.base_url, "out.zip", *SOME)
    assert exporter.run() == 0
    first = exporter.out.read_bytes()
    with zipfile.ZipFile(exporter.out) as held:
        contents = {name: held.read(name) for name in held.namelist() if name != MARKER}
        assert {entry.date_time for entry in held.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    placed = {name: data for name, data in contents.items() if name.endswith(".dcm")}
    assert placed == of_studies(exporter, undisturbed)
    assert contents.keys() - placed.keys() == {"manifest.csv", "series.csv", "SHA256SUMS"}
    ledger = [path.name for path in (tmp_path / "state").iterdir() if path.name.startswith("ledger")]
    assert Search(canaries()).in_tree(tmp_path, but=ledger) == []

    assert exporter.run() == 0
    assert exporter.out.read_bytes() == first
    shutil.rmtree(tmp_path / "state")
    exporter.out.unlink()
    assert exporter.run() == 0
    with zipfile.ZipFile(exporter.out) as held:
        assert {name: held.read(name) for name in held.namelist() if name != MARKER} == contents
    assert {path.name for path in tmp_path.iterdir()} == {"key", "log", "out.zip", "report.csv", "state"}


def test_another_archive_has_the_same(undisturbed: Exporter, filled: Orthanc, tmp_path: Path) -> None:
    """By STOW, byte for byte as Orthanc stores it; the manifest is beside the report."""
    (tmp_path / "target").mkdir()
    with running_orthanc(tmp_path / "target") as target:
        exporter = Exporter(tmp_path, filled.base_url, "out", *SOME)
        exporter.arguments[exporter.arguments.index("--to") + 1] = target.base_url
        assert exporter.run() == 0
        assert exporter.run() == 0
        assert exporter.statuses() == {"unchanged": FEW}
        with httpx.Client(base_url=target.base_url.removesuffix("/dicom-web"), timeout=60) as client:
            stored = {client.get(f"/instances/{each}/file").content for each in client.get("/instances").json()}
    assert stored == set(of_studies(exporter, undisturbed).values())
    rows = (tmp_path / "report.manifest.csv").read_text().splitlines()
    assert len(rows) == FEW * INSTANCES + 1
    assert rows[1].startswith("studies/2.25.")


def test_an_object_store_holds_the_same(
    undisturbed: Exporter, filled: Orthanc, tmp_path: Path, store: dict[str, str]
) -> None:
    """Each object with its digest as metadata; a second run places nothing, and an upload left open is aborted."""
    import boto3

    s3 = boto3.client("s3", endpoint_url=store["AWS_ENDPOINT_URL"], region_name="us-east-1")
    s3.create_bucket(Bucket="exports")
    s3.create_multipart_upload(Bucket="exports", Key="first/left")
    s3.create_multipart_upload(Bucket="exports", Key="second/not-ours")
    exporter = Exporter(tmp_path, filled.base_url, "out", *SOME)
    exporter.arguments[exporter.arguments.index("--to") + 1] = "s3://exports/first"

    assert exporter.run() == 0

    held = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket="exports"):
        for each in page["Contents"]:
            found = s3.get_object(Bucket="exports", Key=each["Key"])
            held[each["Key"].removeprefix("first/")] = data = found["Body"].read()
            if each["Key"].endswith(".dcm"):
                assert found["Metadata"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert {name: data for name, data in held.items() if name.endswith(".dcm")} == of_studies(exporter, undisturbed)
    assert held.keys() >= {"manifest.csv", "series.csv", "SHA256SUMS", MARKER}
    assert [u["Key"] for u in s3.list_multipart_uploads(Bucket="exports")["Uploads"]] == ["second/not-ours"]
    assert exporter.run() == 0
    assert exporter.statuses() == {"unchanged": FEW}
    assert verified("s3://exports/first") == 0
    s3.delete_object(Bucket="exports", Key=f"first/{next(name for name in held if name.endswith('.dcm'))}")
    assert verified("s3://exports/first") == 1
    assert exporter.run() == 0
    assert exporter.statuses() == {"exported": 1, "unchanged": FEW - 1}


def verified(to: str) -> int:
    """The exit status of `dicomveil verify`."""
    command = [sys.executable, "-m", "dicomveil_proxy", "verify", to]
    return subprocess.run(command, check=False, capture_output=True).returncode


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """An S3 on this machine, and what the environment says of it."""
    with running_s3() as settings:
        for name, value in {**settings, "AWS_ALLOW_HTTP": "true"}.items():
            monkeypatch.setenv(name, value)
        yield settings
