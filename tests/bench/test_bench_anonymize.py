"""How many instances per second whole command lines de-identify, and in how much memory: `make bench`.

Files on disk in, files on disk out, start of the program included. The tools take turns on the same folder. Each is
called as its documentation shows; only ours has an option for several processes.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from bench import peers
from bench.figures import Figures, Measure
from bench.instances import ct
from dicomveil_proxy.command.keygen import write_key

INSTANCES = 2_000
_UID = "1.2.3.1.2.1{:06}"
"""Of one length, so that instances can be made without encoding each."""
_PIXELS_COMPARED = 5
_GROWTH_BYTES = 24 << 20
"""Ten times as many instances may take so much more; one held in memory would take 0.5 MB."""
_LAUNCHER = """
import ctypes, json, os, resource, subprocess, sys, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
start = time.monotonic()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status = os.waitpid(process.pid, 0)
seconds = time.monotonic() - start
try:
    while True:
        os.wait()
except ChildProcessError:
    pass
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([status, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024]))
"""
"""A small process between: Linux counts to a process's peak what the one that started it had resident.

It adopts what the command leaves (PR_SET_CHILD_SUBREAPER), so that workers that were forked by another count, too.
"""


@dataclass(frozen=True)
class Run:
    """Of one command line."""

    tool: str
    instances: int
    seconds: float
    cpu_seconds: float
    """Of all its processes."""
    peak_bytes: int
    """Resident, of the largest of its processes."""


def fill(folder: Path, count: int, **size: int) -> None:
    """Write CT instances that differ in their SOP Instance UIDs."""
    dataset = dcmread(BytesIO(ct(**size)))
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = _UID.format(0)
    buffer = BytesIO()
    dataset.save_as(buffer)
    folder.mkdir()
    for number in range(count):
        data = buffer.getvalue().replace(_UID.format(0).encode(), _UID.format(number).encode())
        (folder / f"{number:07}.dcm").write_bytes(data)


def commands(key: Path) -> tuple[dict[str, list[str]], list[str]]:
    """What to run before the input and output folders, and a reason for each tool that is missing."""
    ours = [sys.executable, "-m", "dicomveil_proxy", "anonymize", "--key-file", str(key)]
    found = {"dicomveil, --jobs 2": [*ours, "--jobs", "2", "-I", "{0}", "-O", "{1}"]}
    found["dicomveil, --jobs 1"] = [*ours, "-I", "{0}", "-O", "{1}"]
    # By their modules: the script that dicognito 0.19 installs does not start.
    others = {
        "dicognito": ["-m", "dicognito", "--quiet", "{0}", "-o", "{1}"],
        "dicom-anonymizer": ["-c", "from dicomanonymizer.anonymizer import main; main()", "{0}", "{1}"],
    }
    modules = {"dicognito": "dicognito", "dicom-anonymizer": "dicomanonymizer"}
    missing = [tool for tool, module in modules.items() if importlib.util.find_spec(module) is None]
    found |= {tool: [sys.executable, *command] for tool, command in others.items() if tool not in missing}
    return found, [peers.missing(tool) for tool in missing]


def launched(command: list[str], folder: Path | None = None) -> tuple[int, float, float, int]:
    """Run a command line: its status, seconds, CPU seconds and peak of resident bytes, all its processes included."""
    arguments = [sys.executable, "-S", "-c", _LAUNCHER, *command]
    # Programs that are installed have their byte code; compiling it anew would be most of what is measured.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, cwd=folder, env=environment
    )
    status, seconds, cpu_seconds, peak = json.loads(done.stdout.splitlines()[-1])
    return status, seconds, cpu_seconds, peak


def measure(tool: str, command: list[str], source: Path, target: Path) -> Run:
    """Run a command line and look at what it made; raise AssertionError when something is missing."""
    target.mkdir()
    count = len(list(source.iterdir()))
    status, seconds, cpu_seconds, peak = launched([part.format(source, target) for part in command])
    written = sorted(path for path in target.rglob("*") if path.is_file() and not _describes(path))
    assert status == 0, f"{tool} ended with {status}"
    assert len(written) == count, f"{tool} wrote {len(written)} of {count} instances"
    pixels = dcmread(next(source.iterdir())).PixelData
    for path in written[:: max(1, count // _PIXELS_COMPARED)]:
        output = dcmread(path)
        assert output.PixelData == pixels, f"{tool} changed the pixel data"
        assert output.PatientName != "Doe^Jane", f"{tool} did not de-identify"
    shutil.rmtree(target)
    return Run(tool, count, seconds, cpu_seconds, peak)


def _describes(path: Path) -> bool:
    """Whether a file is not an instance: ours describes its output."""
    return path.name.startswith(".") or path.name in ("manifest.csv", "series.csv", "SHA256SUMS")


def compare(folder: Path, count: int, **size: int) -> tuple[list[Run], Run, list[str]]:
    """Measure all tools on so many instances, and ours on a tenth of them."""
    write_key(folder / "key")
    fill(folder / "all", count, **size)
    fill(folder / "tenth", max(1, count // 10), **size)
    tools, missing = commands(folder / "key")
    (ours, command), *_ = tools.items()
    tenth = measure(ours, command, folder / "tenth", folder / "out")
    rows = [measure(tool, each, folder / "all", folder / "out") for tool, each in tools.items()]
    return rows, tenth, missing


def test_measuring_notices_what_is_missing(tmp_path: Path) -> None:
    """A tool that is quick because it does nothing does not get into the table."""
    fill(tmp_path / "in", 2, rows=8, columns=8)

    with pytest.raises(AssertionError, match="idle wrote 0 of 2 instances"):
        measure("idle", [sys.executable, "-c", ""], tmp_path / "in", tmp_path / "out")


@pytest.mark.bench
def test_instances_per_second(figures: Figures, limited: Callable[[int], int], tmp_path: Path) -> None:
    """Our memory does not grow with the number of instances."""
    count = limited(INSTANCES)
    try:
        (ours, *theirs), tenth, missing = compare(tmp_path, count)
    finally:
        shutil.rmtree(tmp_path, ignore_errors=True)  # a gigabyte
    job = f"anonymize {count:,} CT, --jobs 2, each"
    figures.compare(job, Measure.WALL, ours.seconds / count, {run.tool: run.seconds / count for run in theirs})
    figures.compare(job, Measure.CPU, ours.cpu_seconds / count, {run.tool: run.cpu_seconds / count for run in theirs})
    peaks = {run.tool: float(run.peak_bytes) for run in theirs} | {f"{tenth.instances:,} CT": float(tenth.peak_bytes)}
    figures.compare(f"anonymize {count:,} CT, --jobs 2", Measure.MEMORY, ours.peak_bytes, peaks)
    for note in missing:
        figures.note(note)
    assert ours.peak_bytes < tenth.peak_bytes + _GROWTH_BYTES
