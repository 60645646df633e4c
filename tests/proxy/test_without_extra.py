"""Where the extra is not installed, `serve` and `anonymize` start, refuse what is risky, and say how to change that."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from pydicom import dcmread

from engine.pixel_instances import CT, instance, written
from origin.orthanc import free_port

EXTRA = ("rapidocr", "onnxruntime", "cv2", "pypdfium2", "imagecodecs", "rle", "pylibjpeg")
"""What the extras `pixels` and `codecs` of the engine bring, but for numpy and Pillow, which dependencies of the proxy
need. The engine starts without them, too (tests/engine/test_engine_alone.py)."""
MISSING = f"""
import sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder

class Installed(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {EXTRA!r} else super().find_spec(name, path, target)

sys.meta_path[:] = [BuiltinImporter, FrozenImporter, Installed]
"""
"""Python runs it before everything else, in each process: packages that are not there."""
HOW = r"pip install '?dicomveil-engine\[pixels\]'?.*\"pixels\": \"keep\""


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A slice as the scanner made it, and an ultrasound frame with a name in it; a key beside them."""
    folder = tmp_path / "in"
    folder.mkdir()
    slice_ = np.random.default_rng(1).integers(1, 4095, (32, 48)).astype(np.uint16)
    (folder / "ct.dcm").write_bytes(instance([slice_], SOPClassUID=CT, Modality="CT", SOPInstanceUID="1.2.3.4.1"))
    (folder / "us.dcm").write_bytes(instance([written()], SOPInstanceUID="1.2.3.4.2"))
    return folder


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """The environment of processes without the extra."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(MISSING)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DICOMVEIL_")}
    return inherited | {"PYTHONPATH": str(tmp_path / "site"), "PYTHONDONTWRITEBYTECODE": "1"}


def run(bare: dict[str, str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command, as a user starts it."""
    command = [sys.executable, "-m", "dicomveil_proxy", *arguments]
    return subprocess.run(command, cwd=folder, env=bare, capture_output=True, text=True, timeout=120, check=False)


def test_the_extra_is_missing(bare: dict[str, str], tmp_path: Path) -> None:
    """What these tests stand on."""
    program = "from dicomveil_engine.pixels.gate import can_clean; print(can_clean()); import imagecodecs"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=bare, capture_output=True, text=True, check=False
    )

    assert done.stdout == "False\n"
    assert "No module named 'imagecodecs'" in done.stderr


def test_anonymize(bare: dict[str, str], archive: Path, tmp_path: Path) -> None:
    """The slice is written, the ultrasound frame is not; with text kept, both are."""
    assert run(bare, tmp_path, "keygen", "key").returncode == 0
    (tmp_path / "keep.json").write_text('{"profile": "default", "pixels": "keep"}')
    done = run(bare, tmp_path, "anonymize", "-I", "in", "-O", "out", "--key-file", "key")
    kept = run(bare, tmp_path, "anonymize", "-I", "in", "-O", "kept", "--key-file", "key", "--profile", "keep.json")

    assert [dcmread(path).Modality for path in (tmp_path / "out").rglob("*.dcm")] == ["CT"]
    assert done.returncode == 1
    assert re.search(HOW, done.stdout + done.stderr)
    assert kept.returncode == 0
    assert len([*(tmp_path / "kept").rglob("*.dcm")]) == 2
    assert "Traceback" not in done.stderr + kept.stderr


@pytest.fixture
def served(bare: dict[str, str], archive: Path, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A running server without the extra: its address and its log."""
    assert run(bare, tmp_path, "keygen", "key").returncode == 0
    port, log = free_port(), tmp_path / "log"
    arguments = ["serve", "--origin", "in", "--key-file", "key", "--state", "state", "--port", str(port)]
    command = [sys.executable, "-m", "dicomveil_proxy", *arguments]
    with log.open("wb") as sink, subprocess.Popen(command, cwd=tmp_path, env=bare, stdout=sink, stderr=sink) as process:
        try:
            for _ in range(600):
                try:
                    httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).raise_for_status()
                    break
                except httpx.TransportError:
                    assert process.poll() is None, log.read_text()
                    process.poll()
            yield f"http://127.0.0.1:{port}/dicom-web", log
        finally:
            process.terminate()
            process.wait(30)


def test_serve(served: tuple[str, Path]) -> None:
    """It warns at the start. Metadata of all, pixels of the slice alone; the refusal of the other says what to do."""
    url, log = served
    found = {match["00080060"]["Value"][0]: match for match in httpx.get(f"{url}/instances", timeout=60).json()}

    def path(match: dict[str, dict[str, list[str]]]) -> str:
        levels = zip(("studies", "series", "instances"), ("0020000D", "0020000E", "00080018"), strict=True)
        return "/".join(f"{level}/{match[tag]['Value'][0]}" for level, tag in levels)

    def get(modality: str, below: str = "", accept: str = "*/*") -> httpx.Response:
        return httpx.get(f"{url}/{path(found[modality])}{below}", headers={"Accept": accept}, timeout=60)

    assert re.search(r"are refused: install the extra \(pip install", log.read_text())
    assert get("CT", accept="application/dicom").content[128:132] == b"DICM"
    assert get("CT", "/frames/1", "application/octet-stream").status_code == 200
    for below, accept in (("", "application/dicom"), ("/frames/1", "application/octet-stream"), ("/rendered", "*/*")):
        refused = get("US", below, accept)
        assert refused.status_code == 403
        assert re.search(HOW, refused.json()["detail"])
    [metadata] = get("US", "/metadata").json()
    assert metadata["00080060"]["Value"] == ["US"]
    assert "00280301" not in metadata or not metadata["00280301"].get("Value")
    assert "Traceback" not in log.read_text()
