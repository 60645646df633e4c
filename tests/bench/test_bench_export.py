"""What an export costs beside `anonymize` over a folder and beside a script, and how its memory grows: `make bench`.

From a real Orthanc into a folder, start of the program included. The script does what people do today: dicomweb-client
retrieves, dicognito replaces, pydicom writes.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
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

INSTANCES = 2_000
"""Fewer, and the start of the programs is all that is measured."""
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


@pytest.mark.bench
def test_export_beside_anonymize_and_a_script(figures: Figures, limited: Callable[[int], int], tmp_path: Path) -> None:
    """The way through an archive adds little to what a folder costs."""
    demand()
    count = limited(INSTANCES)
    write_key(tmp_path / "key")
    (tmp_path / "in").mkdir()
    ours = [sys.executable, "-m", "dicomveil_proxy"]
    runs: dict[str, tuple[int, float, float, int]] = {}
    with running_orthanc(tmp_path) as orthanc:
        with httpx.Client(base_url=orthanc.base_url.removesuffix("/dicom-web"), timeout=60) as client:
            for number, data in enumerate(instances(count)):
                client.post("/instances", content=data).raise_for_status()
                (tmp_path / "in" / f"{number}.dcm").write_bytes(data)
        export = [*ours, "export", "--origin", orthanc.base_url, "--query", "PatientID=PATIENT-*", "--to", "exported"]
        runs["export"] = launched([*export, "--key-file", "key", "--state", "state", "--jobs", "2"], tmp_path)
        folder = [*ours, "anonymize", "-I", "in", "-O", "anonymized", "--key-file", "key", "--jobs", "2"]
        runs["anonymize"] = launched(folder, tmp_path)
        if importlib.util.find_spec("dicognito") is None:
            figures.note(peers.missing("dicognito"))
        else:
            script = [sys.executable, "-c", _SCRIPT, orthanc.base_url, "scripted"]
            runs["dicomweb-client and dicognito"] = launched(script, tmp_path)
    assert {status for status, *_ in runs.values()} == {0}
    assert len(list((tmp_path / "exported").rglob("*.dcm"))) == count
    job = f"export {count:,} CT, --jobs 2, each"
    others = {name: run for name, run in runs.items() if name != "export"}
    figures.compare(
        job, Measure.WALL, runs["export"][1] / count, {name: run[1] / count for name, run in others.items()}
    )
    figures.compare(job, Measure.CPU, runs["export"][2] / count, {name: run[2] / count for name, run in others.items()})


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
