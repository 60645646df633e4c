"""docs/export.md: the tutorial runs as it stands there, and names all that there is."""

from __future__ import annotations

import csv
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from dicomveil_proxy.command import commands
from dicomveil_proxy.jobs.study_report import COLUMNS, StudyStatus
from proxy.exporting import fill

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
FILE = re.compile(r"```csv (\S+)\n(.*?)```", re.DOTALL)
SAMPLE = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def test_the_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Step by step; what it says of the result is so."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DICOMVEIL_KEY_FILE", raising=False)
    fill(Path("originals"), series=1)
    for name, text in FILE.findall(PAGE):
        Path(name).write_text(text)
    for line in "".join(SAMPLE.findall(PAGE)).splitlines():
        command, _, may_fail = line.partition(" || ")
        program, *arguments = shlex.split(command)
        if program == "dicomveil":
            status = CliRunner().invoke(commands, arguments).exit_code
        else:
            status = subprocess.run([program, *arguments], check=False, capture_output=True).returncode
        assert status == (1 if may_fail else 0), line

    rows = list(csv.DictReader(Path("report.csv").read_text().splitlines()))
    assert [(row["row"], row["status"]) for row in rows] == [("1", "exported"), ("2", "exported"), ("3", "not-found")]
    assert Path("linkage.csv").read_text() == Path("linkage-again.csv").read_text()


def test_options_statuses_and_columns_are_documented() -> None:
    """All of them; `--help` has what the page leaves out."""
    parameters = typer.main.get_command(commands).commands["export"].params  # type: ignore[attr-defined]
    spelt = {option for parameter in parameters for option in parameter.opts}
    named = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]*)", PAGE)) - {"--signer", "--key"}

    assert named <= spelt
    assert spelt - named <= {"--origin", "--profile", "--config", "--project", "--progress"}
    assert [status.value for status in StudyStatus if f"`{status.value}`" not in PAGE] == []
    assert [column for column in COLUMNS if f"`{column}`" not in PAGE] == []


def test_the_files_for_clusters_can_be_read() -> None:
    """As Python, and as YAML; the scheduler speaks TLS."""
    script = (ROOT / "deploy" / "dask" / "slurm.py").read_text()
    compile(script, "slurm.py", "exec")
    cluster = yaml.safe_load((ROOT / "deploy" / "dask" / "kubernetes.yaml").read_text())

    assert 'protocol="tls://"' in script
    assert "tls" in cluster["spec"]["scheduler"]["spec"]["containers"][0]["args"]
    assert cluster["spec"]["worker"]["spec"]["containers"][0]["command"][1].startswith("tls://")
