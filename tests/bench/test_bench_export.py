"""What an export costs beside `anonymize` over a folder and beside a script, and how its memory grows: `make bench`.

From a folder, and from a real Orthanc whose own work is not counted, into a folder, start of the program included; in
turns, and the least of some rounds. The script does what people do today: dicomweb-client
retrieves, dicognito replaces, pydicom writes.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from pydicom import dcmread

from bench import peers
from bench.figures import Figures, Measure
from bench.instances import ct
from bench.test_bench_anonymize import launched
from dicomveil_proxy.command.keygen import write_key
from origin.orthanc import demand, running_orthanc

FEW, INSTANCES = 600, 2_000
"""Fewer, and the start of the programs is all that is measured."""
ROUNDS = 3
BOUND = {"anonymize": 1.3}
SERIES = 20
LARGE = 1_000_000
_GROWTH_BYTES = 64 << 20
"""Ten times as many series may take so much more."""
_SCRIPT = """
import sys
from pathlib import Path
from dicognito.anonymizer import Anonymizer
from dicomweb_client import DICOMwebClient

client, target, anonymizer = DICOMwebClient(sys.argv[1]), Path(sys.argv[2]), Anonymizer()
target.mkdir()
for study in client.search_for_studies():
    for dataset in client.iter_study(study["0020000D"]["Value"][0]):
        anonymizer.anonymize(dataset)
        dataset.save_as(target / f"{dataset.SOPInstanceUID}.dcm")
"""


def instances(count: int) -> list[bytes]:
    """CT slices of several series."""
    made = []
    for number in range(count):
        dataset = dcmread(BytesIO(ct()))
        series = number % SERIES + 1
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"1.2.3.{series}", f"1.2.3.{series}.1"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{series}.1.{number + 1}"
        dataset.PatientID = f"PATIENT-{series}"
        buffer = BytesIO()
        dataset.save_as(buffer)
        made.append(buffer.getvalue())
    return made


@dataclass(frozen=True)
class Least:
    """What a command line took in its best round: on a busy machine the others say what else ran."""

    seconds: float
    cpu_seconds: float
    """Of all its processes; those of the archive are none of them."""


def in_turns(commands: dict[str, list[str]], folder: Path, count: int, rounds: int) -> dict[str, Least]:
    """Run command lines in turns; raise AssertionError where one does not write so many instances into `out`."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            status, seconds, cpu_seconds, _ = launched(command, folder)
            assert status == 0, f"{name} ended with {status}"
            written = len([path for path in (folder / "out").rglob("*") if path.suffix == ".dcm"])
            assert written == count, f"{name} wrote {written} of {count} instances"
            for made in ("out", "state"):
                shutil.rmtree(folder / made, ignore_errors=True)
            taken[name].append((seconds, cpu_seconds))
    return {name: Least(min(w for w, _ in each), min(c for _, c in each)) for name, each in taken.items()}


def commands(origin: str, jobs: int) -> dict[str, list[str]]:
    """An export, and `anonymize` of the same instances in the folder `in`."""
    ours = [sys.executable, "-m", "dicomveil_proxy"]
    common = ["--key-file", "key", "--jobs", str(jobs)]
    query = ["--query", "PatientID=PATIENT-*"]
    return {
        "export": [*ours, "export", "--origin", origin, *query, "--to", "out", "--state", "state", *common],
        "anonymize": [*ours, "anonymize", "-I", "in", "-O", "out", *common],
    }


def _write(folder: Path, count: int) -> None:
    write_key(folder / "key")
    (folder / "in").mkdir()
    for number, data in enumerate(instances(count)):
        (folder / "in" / f"{number:06}.dcm").write_bytes(data)


def test_a_program_that_writes_too_little_is_noticed(tmp_path: Path) -> None:
    """One that is quick because it does nothing does not get into the table."""
    with pytest.raises(AssertionError, match="idle wrote 0 of 1 instances"):
        in_turns({"idle": ["true"]}, tmp_path, 1, 1)


@pytest.mark.bench
@pytest.mark.parametrize(("count", "jobs"), [(FEW, 1), (INSTANCES, 2)])
def test_export_of_a_folder(
    figures: Figures, limited: Callable[[int], int], tmp_path: Path, count: int, jobs: int
) -> None:
    """The same instances, from the same folder: what planning, ledger and places cost."""
    count = limited(count)
    _write(tmp_path, count)
    # Two processes where both have two: an export of few takes one in any case.
    found = in_turns(commands("in", jobs), tmp_path, count, ROUNDS)
    job = f"export {count:,} CT from a folder, --jobs {jobs}, each"
    ours, theirs = found["export"], found["anonymize"]
    figures.compare(job, Measure.CPU, ours.cpu_seconds / count, {"anonymize": theirs.cpu_seconds / count}, BOUND)
    shutil.rmtree(tmp_path, ignore_errors=True)  # a gigabyte


@pytest.mark.bench
@pytest.mark.parametrize(("count", "jobs"), [(FEW, 1), (INSTANCES, 2)])
def test_export_of_an_archive(
    figures: Figures, limited: Callable[[int], int], tmp_path: Path, count: int, jobs: int
) -> None:
    """From a real archive, beside `anonymize` of the same instances in a folder, and beside a script."""
    demand()
    count = limited(count)
    _write(tmp_path, count)
    (tmp_path / "orthanc").mkdir()
    with running_orthanc(tmp_path / "orthanc") as orthanc:
        with httpx.Client(base_url=orthanc.base_url.removesuffix("/dicom-web"), timeout=60) as client:
            for path in sorted((tmp_path / "in").iterdir()):
                client.post("/instances", content=path.read_bytes()).raise_for_status()
        turns = commands(orthanc.base_url, jobs)
        if importlib.util.find_spec("dicognito") is None:
            figures.note(peers.missing("dicognito"))
        else:
            turns["dicomweb-client and dicognito"] = [sys.executable, "-c", _SCRIPT, orthanc.base_url, "out"]
        found = in_turns(turns, tmp_path, count, ROUNDS)
    job = f"export {count:,} CT from Orthanc, --jobs {jobs}, each"
    ours = found.pop("export")
    figures.compare(job, Measure.CPU, ours.cpu_seconds / count, _each(found, "cpu_seconds", count), BOUND)
    figures.compare(job, Measure.WALL, ours.seconds / count, _each(found, "seconds", count))
    shutil.rmtree(tmp_path, ignore_errors=True)


def _each(found: dict[str, Least], what: str, count: int) -> dict[str, float]:
    return {name: getattr(least, what) / count for name, least in found.items()}


@pytest.mark.bench
def test_memory_does_not_grow_with_the_plan(figures: Figures, limited: Callable[[int], int], tmp_path: Path) -> None:
    """A million series take as much as a hundred thousand."""
    count = limited(LARGE)
    peaks: dict[int, int] = {}
    for number in (count // 10, count):
        folder = tmp_path / str(number)
        folder.mkdir()
        command = [sys.executable, "-m", "bench.exports", str(number), str(folder)]
        done = subprocess.run(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, check=True)
        _, peaks[number], placed = json.loads(done.stdout)
        assert placed == number
    tenth, whole = peaks.values()
    figures.compare(f"export of {count:,} series", Measure.MEMORY, whole, {f"{count // 10:,} series": float(tenth)})
    assert whole < tenth + _GROWTH_BYTES
