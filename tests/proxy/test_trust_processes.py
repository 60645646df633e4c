"""Trust with real processes: tokens that come and go while the server runs, and an audit that outlives a kill."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from dicomveil_proxy.command import commands
from dicomveil_proxy.command.keygen import write_key
from dicomveil_proxy.settings.access import AuditSettings
from dicomveil_proxy.trust.audit import Action, AuditEvent, open_audit

SETTINGS = """
origin = "origin"
key_file = "key"
[access]
[audit]
file = "audit.jsonl"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Settings, a key and an empty archive."""
    (tmp_path / "origin").mkdir()
    write_key(tmp_path / "key")
    (tmp_path / "dicomveil.toml").write_text(SETTINGS)
    return tmp_path


def dicomveil(folder: Path, *arguments: str) -> Result:
    """Another command beside the running server; in this process, since starting one takes long."""
    with contextlib.chdir(folder):
        return CliRunner().invoke(commands, arguments)


@contextmanager
def serving(folder: Path, workers: int = 1) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "dicomveil_proxy", "serve", "--port", "0", "--workers", str(workers)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DICOMVEIL_")}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().split()[-1]
        finally:
            process.kill()


def status(url: str, token: str = "") -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.get(f"{url}/studies", headers=headers, timeout=60).status_code


def test_tokens_come_and_go_without_a_restart(folder: Path) -> None:
    """In both of two workers; the second has a chain of its own, and both are whole."""
    with serving(folder, workers=2) as (process, url):
        assert status(url) == 401
        token = dicomveil(folder, "token", "new", "--can", "search", "--name", "viewer").stdout.strip()
        # Each on a connection of its own, so that both workers are asked.
        assert {status(url, token) for _ in range(12)} == {200}
        assert dicomveil(folder, "token", "revoke", "viewer").exit_code == 0
        assert {status(url, token) for _ in range(12)} == {401}
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    events = []
    for file in ("audit.jsonl", "audit.jsonl.1"):
        assert dicomveil(folder, "audit", "verify", file).exit_code == 0
        events += [json.loads(line) for line in (folder / file).read_text().splitlines()]
    outcomes = [event["outcome"] for event in events if event["event"] in {"access", "refusal"}]

    assert (outcomes.count(200), outcomes.count(401)) == (12, 13)
    assert token not in (folder / "audit.jsonl").read_text() + (folder / "dicomveil-tokens.json").read_text()


def test_an_audit_outlives_a_kill(folder: Path) -> None:
    """The next start continues the chain; what was answered before is in it, and a cut is found by the head."""
    token = dicomveil(folder, "token", "new", "--can", "search").stdout.strip()
    with serving(folder) as (process, url):
        assert status(url, token) == 200
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    next_start = open_audit(AuditSettings(file=folder / "audit.jsonl"))
    next_start.record(AuditEvent(Action.START))
    next_start.close()
    head = dicomveil(folder, "audit", "head", "audit.jsonl").stdout.strip()
    checked = dicomveil(folder, "audit", "verify", "audit.jsonl", "--head", head)
    lines = (folder / "audit.jsonl").read_text().splitlines(keepends=True)
    (folder / "audit.jsonl").write_text("".join(lines[:-1]))
    cut = dicomveil(folder, "audit", "verify", "audit.jsonl", "--head", head)

    assert checked.exit_code == 0
    assert [json.loads(line)["event"] for line in lines[-2:]] == ["access", "start"]
    assert (cut.exit_code, "lines are missing at the end" in cut.stdout) == (1, True)


def test_an_audit_that_was_changed_stops_the_start(folder: Path) -> None:
    """The message says what to do."""
    file = folder / "audit.jsonl"
    open_audit(AuditSettings(file=file)).close()
    file.write_text(file.read_text().rstrip("\n")[:-3] + '0"}\n')
    refused = dicomveil(folder, "serve", "--port", "0")

    assert refused.exit_code == 2
    assert "move audit.jsonl away and keep it, so that a new chain is started" in refused.stderr
