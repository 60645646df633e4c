"""The files of `deploy/` do what they say, against a real Orthanc."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from origin.orthanc import Orthanc

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "demo" / "load_phantoms.py"

pytestmark = pytest.mark.origin


def test_phantoms_reach_the_archive(orthanc: Orthanc) -> None:
    """One command gives an empty archive something to look at, and says how much."""
    command = [sys.executable, str(SCRIPT), orthanc.base_url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    stored = httpx.get(f"{orthanc.base_url}/instances", headers={"Accept": "application/dicom+json"}).json()

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{len(stored)} of {len(stored)} test images stored\n"
    assert len(stored) == 8


def test_an_archive_that_does_not_answer_is_named() -> None:
    """No traceback, and a status that a script can see."""
    command = [sys.executable, str(SCRIPT), "http://127.0.0.1:9/dicom-web"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 1
    assert done.stderr.startswith("the archive does not answer")
