"""A project's key changes: real servers over both kinds of state, a key from a command, what is left of the old one."""

from __future__ import annotations

import contextlib
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

from dicomveil_engine import load_policy
from dicomveil_proxy.command import commands
from dicomveil_proxy.trust.lifecycle import key_fingerprint
from proxy.fakes import STUDY, instance

pytestmark = pytest.mark.origin

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
POLICIES = {key: load_policy({"profile": "default"}, key) for key in (OLD, NEW)}


@pytest.fixture(params=["sqlite", "postgresql"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An archive of one instance, two keys, and where the state is."""
    (tmp_path / "origin").mkdir()
    (tmp_path / "origin" / "1.dcm").write_bytes(instance())
    for name, key in (("old.key", OLD), ("new.key", NEW)):
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text(key.hex())
    state = "state"
    if request.param == "postgresql":
        state = request.getfixturevalue("postgresql").make("keys")
    (tmp_path / "head.toml").write_text(f'origin = "origin"\nstate = "{state}"\n')
    return tmp_path


def settle(folder: Path, keys: str) -> None:
    """Write the settings."""
    (folder / "dicomveil.toml").write_text((folder / "head.toml").read_text() + keys + '\n[audit]\nfile = "audit"\n')


@contextmanager
def serving(folder: Path, workers: int = 1) -> Iterator[tuple[int, str]]:
    """Process number, and where the service is."""
    command = [sys.executable, "-m", "dicomveil_proxy", "serve", "--port", "0", "--workers", str(workers)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DICOMVEIL_")}
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        yield process.pid, process.stdout.readline().split()[-1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        assert process.stdout is not None
        process.stdout.close()


def dicomveil(folder: Path, *arguments: str) -> Result:
    """Another command."""
    with contextlib.chdir(folder):
        return CliRunner().invoke(commands, arguments)


def study_of(url: str, uid: str) -> str:
    """The StudyInstanceUID of the answer to a link; empty where it leads nowhere."""
    response = httpx.get(f"{url}/studies/{uid}/metadata", timeout=60)
    return str(response.json()[0]["0020000D"]["Value"][0]) if response.status_code == 200 else ""


def test_a_key_changes(folder: Path) -> None:
    """Old links lead home while the old key is named, and nowhere after; what is left of it is reported and purged."""
    old, new = (POLICIES[key].pseudonym_uid(STUDY) for key in (OLD, NEW))
    settle(folder, 'key_file = "old.key"')
    with serving(folder) as (_, url):
        assert study_of(url, old) == old

    code = "open('runs', 'a').write('x'); print(open('new.key').read())"
    settle(folder, f'keys = [["{sys.executable}", "-c", "{code}"], "old.key"]')
    with serving(folder, workers=2) as (_, url):
        assert {study_of(url, uid) for uid in (old, new)} == {new}
    assert (folder / "runs").read_text() == "x"
    first, second = (key_fingerprint(key) for key in (NEW, OLD))
    assert f'"details":{{"key":"{first}","understood":"{second}"}}' in (folder / "audit").read_text()
    assert "pseudonyms of a key" not in (folder / "log").read_text()

    settle(folder, 'key_file = "new.key"')
    with serving(folder) as (_, url):
        assert (study_of(url, old), study_of(url, new)) == ("", new)
    log = (folder / "log").read_text()
    assert "warning: state: it contains pseudonyms of a key that is not in the settings" in log
    assert 'keys = ["new.key", "old.key"]' in log
    assert not any(key.hex() in log for key in (OLD, NEW))

    counted = dicomveil(folder, "state", "purge", "--dry-run")
    assert counted.stdout == "default: rows of other keys: 1 studies, 1 series, 1 instances, 1 patients\n"
    refused = dicomveil(folder, "state", "purge")
    assert (refused.exit_code, "give --yes" in refused.stderr) == (2, True)
    assert dicomveil(folder, "state", "purge", "--dry-run").stdout == counted.stdout
    purged = dicomveil(folder, "state", "purge", "--yes")
    assert purged.stdout.endswith("4 rows were deleted.\n")
    assert '"outcome":"purged"' in (folder / "audit.state").read_text()
    assert (
        f"| `default` | `{first}` | makes pseudonyms |"
        in dicomveil(folder, "conformance", "--config", "dicomveil.toml").stdout
    )
    assert dicomveil(folder, "state", "purge", "--yes").stdout == "default: no rows of other keys\n"
    assert "0 errors, 0 warnings" in dicomveil(folder, "config", "check", "dicomveil.toml").stdout
