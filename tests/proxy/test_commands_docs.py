"""docs/commands.md: its samples run, and its tables say what the code says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from dicomveil_engine import deidentify_instance, load_policy
from dicomveil_engine.reports.explanation import AttributeOutcome
from dicomveil_engine.reports.remainder import Reason
from dicomveil_proxy.command import commands
from dicomveil_proxy.command.keygen import write_key
from dicomveil_proxy.settings.access import AuditSettings
from dicomveil_proxy.settings.key_files import read_key
from dicomveil_proxy.trust.audit import Action, AuditEvent, open_audit
from proxy.instances import instance

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
SAMPLE = re.compile(r"```sh\n(.*?)```(?:\n+```text\n(.*?)```)?", re.DOTALL)
RULES = re.compile(r"```json\n(.*?)```", re.DOTALL)


@pytest.fixture(autouse=True)
def in_a_folder_with_what_the_page_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DICOMVEIL_KEY_FILE", raising=False)
    (written,) = RULES.findall(PAGE)
    Path("rules.json").write_text(written)
    Path("other.json").write_text('{"DicomTagRules": [{"name": "PatientName", "method": "redact"}]}')
    write_key(Path("project.key"))
    Path("dicomveil.toml").write_text('origin = "images"\n[access]\n[projects.lung]\nkey_file = "project.key"\n')
    Path("ct.dcm").write_bytes(instance())
    Path("images").mkdir()
    Path("images/1.dcm").write_bytes(instance())
    audit = open_audit(AuditSettings(file=Path("audit.jsonl")))
    audit.record(AuditEvent(Action.START))
    audit.close()
    policy = load_policy(Path("rules.json"), read_key(Path("project.key")))
    Path("encrypted.dcm").write_bytes(deidentify_instance(instance(), policy))


@pytest.mark.parametrize(("lines", "output"), SAMPLE.findall(PAGE))
def test_samples_run(lines: str, output: str) -> None:
    """As they stand there; where the page shows the output, it is that."""
    for line in lines.splitlines():
        name, *arguments = shlex.split(line)
        result = CliRunner().invoke(commands, arguments)

        assert (name, result.exit_code) == ("dicomveil", 0), result.output
        assert not output or result.stdout == output


def test_reasons_and_points_are_documented() -> None:
    """In the order of the points."""
    documented = [
        (int(points), text) for points, text in re.findall(r"^\| (\d\d) \| (.*?)(?: \(.*)? \|$", PAGE, re.MULTILINE)
    ]

    assert sorted(documented) == sorted((reason.points, reason.text) for reason in Reason)
    assert [points for points, _ in documented] == sorted((points for points, _ in documented), reverse=True)


def test_outcomes_and_commands_are_documented() -> None:
    """All of them."""
    names = typer.main.get_command(commands).commands  # type: ignore[attr-defined]

    assert [outcome.value for outcome in AttributeOutcome if f"| `{outcome.value}` |" not in PAGE] == []
    assert [name for name in names if f"| `dicomveil {name}` |" not in PAGE] == []
