"""The tutorials' commands and programs work as they stand there, one after the other."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dicomveil_engine import Policy
from origin.orthanc import free_port

TUTORIALS = Path(__file__).resolve().parents[2] / "docs" / "tutorials"


def blocks(page: Path, language: str) -> list[str]:
    """The page's blocks of code in a language."""
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["viewer", "partner"])
def test_commands(name: str, tmp_path: Path) -> None:
    """Each command ends well in an empty folder, in the order of the page."""
    script = "set -e\n" + "".join(blocks(TUTORIALS / f"{name}.md", "sh"))
    port = free_port()
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "NO_PROXY": "127.0.0.1",
    }
    command = ["bash", "-c", script.replace("8080", str(port))]
    try:
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
    finally:
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((tmp_path / "serve.pid").read_text()), 15)

    assert done.returncode == 0, done.stdout + done.stderr
    assert script.count("dicomveil ") >= 2


def test_programs() -> None:
    """The notebook's cells run in one namespace, and end with a message that holds no value."""
    printed = io.StringIO()
    namespace: dict[str, object] = {}
    cells = blocks(TUTORIALS / "notebook.md", "python")
    with contextlib.redirect_stdout(printed):
        for cell in cells:
            exec(compile(cell, "notebook.md", "exec"), namespace)

    policy = namespace["policy"]
    assert isinstance(policy, Policy)
    assert policy.warnings == ()  # each setting has an effect
    assert len(cells) >= 6
    assert printed.getvalue().strip()


def test_every_tutorial_is_run() -> None:
    """A page that is added here is added above, too."""
    assert {path.stem for path in TUTORIALS.glob("*.md")} == {"README", "viewer", "partner", "notebook"}
