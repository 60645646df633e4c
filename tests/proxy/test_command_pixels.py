"""`dicomveil pixels sweep` looks at an archive once, and `explain` says what is done about pixels and where."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from dicomveil_engine.errors import DeidentificationError
from dicomveil_engine.pixels.boxes import Box, Boxes
from dicomveil_proxy.command import commands
from dicomveil_proxy.pixels.processes import PixelProcesses
from engine.pixel_instances import instance


@pytest.fixture
def looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """A folder of three series of two ultrasound images, a key and a profile; what is looked at."""
    found: list[Path] = []

    def boxes(_: PixelProcesses, source: Path, *__: object) -> Boxes:
        found.append(source)
        if b"1.2.3.6.3.1" in source.read_bytes():
            raise DeidentificationError("text cannot be told from anatomy")
        return Boxes((Box(1, 2, 3, 4),), {2: (Box(5, 6, 7, 8),)})

    monkeypatch.setattr(PixelProcesses, "boxes", boxes)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for series in (1, 2, 3):
        for number in (1, 2):
            uid = f"1.2.3.6.{series}"
            data = instance([np.zeros((8, 8), np.uint8)], SeriesInstanceUID=uid, SOPInstanceUID=f"{uid}.{number}")
            (tmp_path / "in" / f"{series}-{number}.dcm").write_bytes(data)
    (tmp_path / "key").write_text(bytes(range(32)).hex())
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "profile.json").write_text(json.dumps({"profile": "default", "pixels": "clean"}))
    return found


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commands, [*arguments, "--profile", "profile.json", "--key-file", "key"])


def test_sweep(looked_at: list[Path]) -> None:
    """Each instance is looked at once; a second sweep passes over all but the series with one that was refused."""
    result = run("pixels", "sweep", "--origin", "in", "--state", "state")
    assert result.exit_code == 0, result.output
    assert "3 series" in result.stdout
    assert "5 instances searched" in result.stdout
    assert "1 refused" in result.stdout
    assert len(looked_at) == 6

    again = run("pixels", "sweep", "--origin", "in", "--state", "state")
    assert "1 series (2 done before" in again.stdout
    assert len(looked_at) == 6


def test_sweep_needs_a_policy_that_looks(looked_at: list[Path], tmp_path: Path) -> None:
    """Where pixels pass anyway there is nothing to sweep, and the answer says what to write."""
    (tmp_path / "profile.json").write_text(json.dumps({"profile": "default", "pixels": "keep"}))
    result = run("pixels", "sweep", "--origin", "in", "--state", "state")

    assert result.exit_code == 2
    assert '"pixels": "clean"' in result.stderr
    assert not looked_at


def test_explain(looked_at: list[Path]) -> None:
    """The gate's reason and the boxes, beside the table; no text."""
    result = run("explain", "in/1-1.dcm")

    assert result.exit_code == 0
    assert "pixels: look: US often holds text" in result.stderr
    assert "pixels: covered in every frame: x 1, y 2, 3 x 4" in result.stderr
    assert "pixels: covered in frame 2: x 5, y 6, 7 x 8" in result.stderr
    assert "pixels:" not in result.stdout
    assert len(looked_at) == 1


def test_explain_of_what_is_refused(looked_at: list[Path]) -> None:
    """A refusal is explained by its reason."""
    result = run("explain", "in/3-1.dcm")

    assert "the instance is refused: text cannot be told from anatomy" in result.stderr
    assert len(looked_at) == 1
