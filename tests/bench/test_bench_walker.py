"""How much CPU an instance costs, here and elsewhere: `make bench`."""

from __future__ import annotations

import importlib
import json
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench import orthanc, peers
from bench.instances import INSTANCES, UNLIKE, ct
from bench.measure import Row, measure, table
from origin.orthanc import program, running_orthanc

RESULTS = Path(__file__).parents[2] / "dist" / "bench.json"


@contextmanager
def _silence() -> Iterator[None]:
    """Others' warnings are no failure of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _tools() -> tuple[dict[str, peers.Deidentify], list[str]]:
    """The tools that are installed, ours first, and a reason for each that is missing."""
    offered: dict[str, tuple[str, Callable[[], peers.Deidentify]]] = {
        "dicomveil": ("dicomveil_engine", peers.dicomveil),
        "streamed": ("dicomveil_engine", peers.dicomveil_streamed),
        "pydicom": ("engine.reference", peers.pydicom_reference),
        "dicognito": ("dicognito", peers.dicognito),
        "deid": ("deid", peers.deid),
        "dicom-anonymizer": ("dicomanonymizer", peers.dicom_anonymizer),
    }
    tools, missing = {}, []
    for name, (module, prepare) in offered.items():
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as absent:
            if (absent.name or "").split(".")[0] != module.split(".")[0]:
                raise
            missing.append(f"{name} is not installed (`make bench` installs it)")
        else:
            tools[name] = prepare()
    return tools, missing


def _add_orthanc(rows: list[Row], folder: Path, missing: list[str]) -> None:
    """A column more in every row, or a reason."""
    if program() is None:
        missing.append("Orthanc is not installed (Debian: apt-get install orthanc orthanc-dicomweb)")
        return
    with running_orthanc(folder) as server:
        for row, make in zip(rows, INSTANCES.values(), strict=True):
            row.milliseconds["Orthanc"] = orthanc.milliseconds(server, make())


def test_instances_are_the_same_on_every_run() -> None:
    """Two runs measure the same bytes."""
    assert ct(rows=8, columns=8) == ct(rows=8, columns=8)


def test_row_compares_with_the_first_tool() -> None:
    """A ratio says how many times our time another takes."""
    row = Row("CT", 1, 1, {"ours": 0.5, "theirs": 10.0})

    assert table([row]).splitlines()[-1] == "| CT | 0.50 ms | 10.00 ms (20x) |"


def test_measuring_notices_changed_pixels() -> None:
    """A tool that is quick because it drops the image does not get into the table."""
    with pytest.raises(AssertionError, match="changed the pixel data"):
        measure("CT", ct(rows=8, columns=8), {"careless": lambda _: ct(rows=4, columns=4)}, rounds=1)


@pytest.mark.bench
def test_cpu_per_instance(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Print and write the table; every tool's output can be read and has the pixels it was given."""
    asked = [request.config.option.markexpr, *request.config.invocation_params.args]
    if not any("bench" in str(argument) for argument in asked):
        pytest.skip("takes minutes: `make bench`")
    rounds = int(os.environ.get("BENCH_ROUNDS", "3"))
    with _silence():
        tools, missing = _tools()
        rows = [measure(name, make(), tools, rounds) for name, make in INSTANCES.items()]
        _add_orthanc(rows, tmp_path, missing)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([row.as_json() for row in rows], indent=1))
    with capsys.disabled():
        print("", table(rows), UNLIKE, *missing, f"written to {RESULTS.relative_to(Path.cwd())}", sep="\n")
