"""The bill of materials names what is installed, each package with its licence."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_bill_names_what_is_needed() -> None:
    """What the proxy needs, and what that needs; nothing of the tests' tools."""
    subprocess.run([sys.executable, ROOT / "scripts" / "sbom.py"], check=True, capture_output=True)
    bill = json.loads((ROOT / "dist" / "sbom.cdx.json").read_text("utf-8"))
    found = {each["name"]: each for each in bill["components"]}

    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "dicomveil-proxy")
    assert found["pydicom"]["version"] == version("pydicom")
    assert {"dicomveil-engine", "starlette", "cryptography", "cffi"} <= found.keys()
    assert not {"pytest", "mypy", "ruff"} & found.keys()
    licences = [each["licenses"][0]["license"]["name"] for each in found.values()]
    assert all(licences)
    assert not [name for name in licences if name.startswith(("GPL", "AGPL"))]
