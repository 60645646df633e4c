"""How much CPU an instance costs, here and elsewhere: `make bench`."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import orthanc, peers
from bench.figures import Figures, Measure
from bench.instances import ct, enhanced_mr, rtstruct, sr, ultrasound
from bench.measure import measure
from origin.orthanc import program, running_orthanc

_INSTANCES: dict[str, Callable[[], bytes]] = {
    "CT 512x512": ct,
    "enhanced MR, 200 frames": enhanced_mr,
    "RTSTRUCT, 2,000 contours": rtstruct,
    "SR, 24,000 elements (1)": sr,
    "US loop, 50 MB": ultrasound,
}
_BOUNDS = {
    name: {
        "pydicom": 1 / pydicom,
        **dict.fromkeys(("dicognito", "deid", "dicom-anonymizer"), 1 / 100),
        "Orthanc": orthanc_ratio,
    }
    for name, pydicom, orthanc_ratio in (
        ("CT 512x512", 50, 1 / 3),
        ("enhanced MR, 200 frames", 60, 1 / 3),
        ("RTSTRUCT, 2,000 contours", 60, 1 / 3),
        ("SR, 24,000 elements (1)", 60, 1),
    )
}
"""Instance -> tool -> the part of its time that ours should not exceed."""
_UNLIKE = "(1) not like with like: the Basic Profile removes the content tree, which the others walk through"


def _tools() -> tuple[dict[str, peers.Deidentify], list[str]]:
    """The tools that are installed, ours first, and a reason for each that is missing."""
    offered: dict[str, tuple[str, Callable[[], peers.Deidentify]]] = {
        "dicomveil": ("dicomveil_engine", peers.dicomveil_streamed),
        "dicomveil, in one piece": ("dicomveil_engine", peers.dicomveil),
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
            missing.append(peers.missing(name))
        else:
            tools[name] = prepare()
    return tools, missing


def test_instances_are_the_same_on_every_run() -> None:
    """Two runs measure the same bytes."""
    assert ct(rows=8, columns=8) == ct(rows=8, columns=8)


def test_measuring_notices_changed_pixels() -> None:
    """A tool that is quick because it drops the image does not get into the table."""
    with pytest.raises(AssertionError, match="changed the pixel data"):
        measure(ct(rows=8, columns=8), {"careless": lambda _: ct(rows=4, columns=4)}, rounds=1)


@pytest.mark.bench
def test_cpu_per_instance(figures: Figures, rounds: int, tmp_path: Path) -> None:
    """Every tool's output can be read and has the pixels it was given."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # others' warnings are not a failure of ours
        tools, missing = _tools()
        taken = {name: measure(make(), tools, rounds) for name, make in _INSTANCES.items()}
    if program() is None:
        missing.append("Orthanc is not installed (Debian: apt-get install orthanc orthanc-dicomweb)")
    else:
        with running_orthanc(tmp_path) as server:
            for name, make in _INSTANCES.items():
                taken[name]["Orthanc"] = orthanc.seconds(server, make())
    for name, seconds in taken.items():
        ours, *theirs = seconds.items()
        figures.compare(f"de-identify {name}", Measure.CPU, ours[1], dict(theirs), _BOUNDS.get(name))
    for note in (_UNLIKE, *missing):
        figures.note(note)
