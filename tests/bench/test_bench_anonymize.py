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
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from bench.instances import ct
from dicomveil_proxy.command.keygen import write_key

RESULTS = Path(__file__).parents[2] / "dist" / "bench_anonymize.json"
INSTANCES = 2_000
_UID = "1.2.3.1.2.1{:06}"
"""Of one length, so that instances can be made without encoding each."""
_PIXELS_COMPARED = 5
_GROWTH_BYTES = 24 << 20
"""Ten times as many instances may take so much more; one held in memory would take 0.5 MB."""
_MiB = 1 << 20
_LAUNCHER = """
import json, os, subprocess, sys, time
start = time.monotonic()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
seconds = time.monotonic() - start
print(json.dumps([status, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024]))
"""
"""A small process between: Linux counts to a process's peak what the one that started it had resident."""


@dataclass(frozen=True)
class Row:
    """One command line."""

    tool: str
    instances: int
    seconds: float
    cpu_seconds: float
    """Of all its processes."""
    peak_bytes: int
    """Resident, of the largest of its processes."""

    @property
    def rate(self) -> float:
        """Instances per second."""
        return self.instances / self.seconds


def table(rows: list[Row]) -> str:
    """The rows as Markdown; how many times faster the first is."""
    lines = ["| command line | instances/s | CPU per instance | peak memory |", "|---|---:|---:|---:|"]
    for row in rows:
        ratio = f" ({rows[0].rate / row.rate:.2g}x slower)" if row.rate < rows[0].rate else ""
        cpu = row.cpu_seconds / row.instances * 1_000
        lines.append(f"| {row.tool} | {row.rate:.0f}{ratio} | {cpu:.1f} ms | {row.peak_bytes / _MiB:.0f} MiB |")
    return "\n".join(lines)


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
    found = {"dicomveil --jobs 2": [*ours, "--jobs", "2", "-I", "{0}", "-O", "{1}"]}
    found["dicomveil"] = [*ours, "-I", "{0}", "-O", "{1}"]
    # By their modules: the script that dicognito 0.19 installs does not start.
    peers = {
        "dicognito": ["-m", "dicognito", "--quiet", "{0}", "-o", "{1}"],
        "dicom-anonymizer": ["-c", "from dicomanonymizer.anonymizer import main; main()", "{0}", "{1}"],
    }
    modules = {"dicognito": "dicognito", "dicom-anonymizer": "dicomanonymizer"}
    missing = [tool for tool, module in modules.items() if importlib.util.find_spec(module) is None]
    found |= {tool: [sys.executable, *command] for tool, command in peers.items() if tool not in missing}
    return found, [f"{tool} is not installed (`make bench` installs it)" for tool in missing]


def measure(tool: str, command: list[str], source: Path, target: Path) -> Row:
    """Run a command line and look at what it made; raise AssertionError when something is missing."""
    target.mkdir()
    count = len(list(source.iterdir()))
    arguments = [sys.executable, "-S", "-c", _LAUNCHER, *(part.format(source, target) for part in command)]
    launched = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    status, seconds, cpu_seconds, peak = json.loads(launched.stdout.splitlines()[-1])
    written = sorted(path for path in target.rglob("*") if path.is_file() and not path.name.startswith("."))
    assert status == 0, f"{tool} ended with {status}"
    assert len(written) == count, f"{tool} wrote {len(written)} of {count} instances"
    pixels = dcmread(next(source.iterdir())).PixelData
    for path in written[:: max(1, count // _PIXELS_COMPARED)]:
        output = dcmread(path)
        assert output.PixelData == pixels, f"{tool} changed the pixel data"
        assert output.PatientName != "Doe^Jane", f"{tool} did not de-identify"
    shutil.rmtree(target)
    return Row(tool, count, seconds, cpu_seconds, peak)


def compare(folder: Path, count: int, **size: int) -> tuple[list[Row], Row, list[str]]:
    """Measure all tools on so many instances, and ours on a tenth of them."""
    write_key(folder / "key")
    fill(folder / "all", count, **size)
    fill(folder / "tenth", max(1, count // 10), **size)
    tools, missing = commands(folder / "key")
    (ours, command), *_ = tools.items()
    tenth = measure(ours, command, folder / "tenth", folder / "out")
    rows = [measure(tool, each, folder / "all", folder / "out") for tool, each in tools.items()]
    return rows, tenth, missing


def as_json(rows: list[Row], tenth: Row) -> Mapping[str, object]:
    """What is kept of a run."""
    return {"rows": [asdict(row) | {"rate": row.rate} for row in rows], "tenth": asdict(tenth)}


def test_row_says_how_much_slower_it_is() -> None:
    """Than the first."""
    rows = [Row("ours", 100, 1.0, 0.5, 80 << 20), Row("theirs", 100, 10.0, 10.0, 100 << 20)]

    assert table(rows).splitlines()[2:] == [
        "| ours | 100 | 5.0 ms | 80 MiB |",
        "| theirs | 10 (10x slower) | 100.0 ms | 100 MiB |",
    ]


def test_measuring_notices_what_is_missing(tmp_path: Path) -> None:
    """A tool that is quick because it does nothing does not get into the table."""
    fill(tmp_path / "in", 2, rows=8, columns=8)

    with pytest.raises(AssertionError, match="idle wrote 0 of 2 instances"):
        measure("idle", [sys.executable, "-c", ""], tmp_path / "in", tmp_path / "out")


@pytest.mark.bench
def test_instances_per_second(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Print and write the table; our memory does not grow with the number of instances."""
    asked = [request.config.option.markexpr, *request.config.invocation_params.args]
    if not any("bench" in str(argument) for argument in asked):
        pytest.skip("takes minutes: `make bench`")
    count = int(os.environ.get("BENCH_INSTANCES", str(INSTANCES)))
    try:
        rows, tenth, missing = compare(tmp_path, count)
    finally:
        shutil.rmtree(tmp_path, ignore_errors=True)  # a gigabyte
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(as_json(rows, tenth), indent=1))
    with capsys.disabled():
        memory = f"{count} instances; of a tenth of them, peak memory {tenth.peak_bytes / _MiB:.0f} MiB"
        print("", table(rows), memory, *missing, f"written to {RESULTS.name}", sep="\n")
    assert rows[0].peak_bytes < tenth.peak_bytes + _GROWTH_BYTES
