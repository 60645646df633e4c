"""`dicomveil quarantine`: lists findings without values, and releases one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dicomveil_proxy.command import commands
from dicomveil_proxy.leaks.guard import Leak
from dicomveil_proxy.trust.quarantine import Quarantine

SETTINGS = 'origin = "x"\nkey_file = "k"\n[audit]\nfile = "audit.jsonl"\n'
FINDING = Leak("0123456789abcdef", 0x00100020, 0x00081030, "the profile")


def quarantine(*arguments: str) -> Result:
    return CliRunner().invoke(commands, ["quarantine", *arguments])


def test_list_and_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is released passes from then on, and the audit says that somebody did it."""
    monkeypatch.chdir(tmp_path)
    Path("dicomveil.toml").write_text(SETTINGS)
    file = Quarantine(Path("dicomveil-state/quarantine.sqlite"))
    assert json.loads(quarantine("list", "--format", "json").stdout) == []
    assert not file.note(FINDING, "default")

    (row,) = json.loads(quarantine("list", "--format", "json").stdout)
    unknown, released = quarantine("release", "x"), quarantine("release", FINDING.digest)

    assert (row["entry"], row["found in"], row["released"]) == (FINDING.digest, "(0008,1030) StudyDescription", None)
    assert (unknown.exit_code, "no such entry" in unknown.stderr) == (2, True)
    assert released.exit_code == 0, released.stderr
    assert file.note(FINDING, "default")
    assert '"outcome":"released"' in Path("audit.jsonl.quarantine").read_text()
    assert Path("dicomveil-state/quarantine.sqlite").stat().st_mode & 0o077 == 0
