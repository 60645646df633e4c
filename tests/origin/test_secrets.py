"""Secrets of real servers and jobs: not in process lists, logs or environments of any process that they start."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import httpx
import pytest
from typer.testing import CliRunner

from dicomveil_engine import load_policy
from dicomveil_proxy.command import commands
from origin.orthanc import Orthanc
from proxy.fakes import INSTANCE, KEY, SERIES, STUDY, instance

pytestmark = [
    pytest.mark.origin,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="it needs /proc"),
]
PASSWORD, VAULT = "origin-password-1", "vault-token-1"
SETTINGS = f"""
key_command = ["{sys.executable}", "-c", "print('{{key}}'[::-1])"]
store = "refuse"
[access]
[metrics]
listen = "127.0.0.1:0"
[log]
format = "json"
level = "debug"
"""


class Processes:
    """Command lines and environments of all that a process starts, collected while it runs."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self.lines: set[str] = set()
        self.environments: set[str] = set()
        self.of_key_command: set[str] = set()
        """The one process that may have a vault's token."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _collect(self) -> None:
        while not self._ends.wait(0.02):
            for number in self._below():
                with contextlib.suppress(OSError):
                    line = self._line(number)
                    self.lines.add(line)
                    # A process that has not begun its own program yet is still its parent's copy.
                    if number != self._root and line not in {"", self._line(self._root)}:
                        found = self.of_key_command if "[::-1]" in line else self.environments
                        found.add(Path(f"/proc/{number}/environ").read_bytes().decode())

    @staticmethod
    def _line(number: int) -> str:
        return Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode()

    def _below(self) -> set[int]:
        parents: dict[int, int] = {}
        for each in Path("/proc").iterdir():
            if each.name.isdecimal():
                with contextlib.suppress(OSError, ValueError, IndexError):
                    parents[int(each.name)] = int((each / "stat").read_text().rpartition(")")[2].split()[1])
        found, new = {self._root}, {self._root}
        while new := {child for child, parent in parents.items() if parent in new} - found:
            found |= new
        return found


@pytest.fixture(scope="module")
def archive(orthanc: Orthanc) -> str:
    """Its URL, with a password, which it does not ask for."""
    assert orthanc.store(instance()) == INSTANCE
    return orthanc.base_url.replace("http://", f"http://veil:{PASSWORD}@")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Settings whose key comes from a command, in which it stands the other way round: only what is printed is it."""
    (tmp_path / "dicomveil.toml").write_text(SETTINGS.replace("{key}", KEY.hex()[::-1]))
    return tmp_path


@contextmanager
def running(folder: Path, origin: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command that finds the origin in its environment, and a vault's token beside it."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DICOMVEIL_")}
    environment = inherited | {"DICOMVEIL_ORIGIN": origin, "VAULT_TOKEN": VAULT}
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dicomveil_proxy", *arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        assert process.stdout is not None
        process.stdout.close()


def check(found: Processes, folder: Path, *secrets: str) -> None:
    """None of them anywhere."""
    everywhere = "\n".join([*found.lines, *found.environments, (folder / "log").read_text()])
    for secret in secrets:
        assert secret not in everywhere
    assert PASSWORD not in "".join(found.of_key_command)


def test_a_server(folder: Path, archive: str) -> None:
    """With two workers, the processes that draw pictures, a token that is used, and a log that says all it can."""
    with contextlib.chdir(folder):
        made = CliRunner().invoke(commands, ["token", "new", "--can", "search,retrieve"], env={"DICOMVEIL_ORIGIN": "x"})
    token = made.stdout.strip()
    policy = load_policy({"profile": "default"}, KEY)
    uids = [policy.pseudonym_uid(uid) for uid in (STUDY, SERIES, INSTANCE)]
    path = "/studies/{}/series/{}/instances/{}".format(*uids)
    with running(folder, archive, "serve", "--port", "0", "--workers", "2") as process, Processes(process.pid) as found:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        metrics = next(line for line in process.stdout if line.startswith("  metrics ")).split()[-1]
        headers = {"Authorization": f"Bearer {token}"}
        statuses = [
            httpx.get(f"{url}{each}", headers=headers | accept, timeout=60).status_code
            for each, accept in (
                ("/studies", {}),
                (path, {"Accept": "multipart/related; type=application/dicom; transfer-syntax=*"}),
                (f"{path}/rendered", {"Accept": "image/png"}),
            )
        ]
        counted = httpx.get(metrics, timeout=60).text
    log = (folder / "log").read_text()

    assert 'dicomveil_requests_total{project="default",status="200",transaction="retrieve"} 2.0' in counted
    assert statuses == [200, 200, 200]
    assert any("dicomveil_proxy.pixels" in line for line in found.lines)
    assert len(found.environments) > 1
    assert '"the origin server answered 200 in' in log
    assert '"route": "/dicom-web/studies/{study}/series/{series}/instances/{instance}/rendered"' in log
    check(found, folder, token, KEY.hex(), PASSWORD, VAULT)


def test_a_job(folder: Path, archive: str) -> None:
    """An export with processes of its own."""
    arguments = (
        "export",
        "--config",
        "dicomveil.toml",
        "--query",
        "StudyDate=20200101",
        "--to",
        "out",
        "--state",
        "state",
    )
    with running(folder, archive, *arguments) as process, Processes(process.pid) as found:
        assert process.wait(60) == 0, (folder / "log").read_text()

    assert len(found.environments) > 0
    check(found, folder, KEY.hex(), PASSWORD, VAULT)
