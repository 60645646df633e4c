"""Azure Blob Storage as a destination, against Azurite (npm: azurite), where it is installed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import httpx
import pytest

from dicomveil_proxy.command.keygen import write_key
from origin.orthanc import free_port
from proxy.exporting import fill

_ACCOUNT, _SECRET = "account", base64.b64encode(b"k" * 32).decode()
_START_SECONDS = 60.0


def _create_container(endpoint: str, name: str) -> None:
    """Create Container, signed as Azure's Shared Key wants it."""
    said = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    path = f"/{_ACCOUNT}/{name}"
    lines = ["PUT", *[""] * 11, *(f"{key}:{value}" for key, value in sorted(said.items()))]
    text = "\n".join([*lines, f"/{_ACCOUNT}{path}", "restype:container"])
    mac = hmac.digest(base64.b64decode(_SECRET), text.encode(), hashlib.sha256)
    said["Authorization"] = f"SharedKey {_ACCOUNT}:{base64.b64encode(mac).decode()}"
    answer = httpx.put(f"{endpoint}/{name}?restype=container", headers=said)
    assert answer.status_code == 201, answer.text


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An Azurite with the container `exports`, and what the environment says of it."""
    program = shutil.which("azurite-blob")
    if program is None:
        pytest.skip("Azurite is not installed (npm install -g azurite)")
    port = free_port()
    command = [program, "--blobPort", str(port), "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    environment = os.environ | {"AZURITE_ACCOUNTS": f"{_ACCOUNT}:{_SECRET}"}
    process = subprocess.Popen([*command, "--silent"], cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)
    try:
        ends = time.monotonic() + _START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < ends
                assert process.poll() is None
                time.sleep(0.1)
        endpoint = f"http://127.0.0.1:{port}/{_ACCOUNT}"
        _create_container(endpoint, "exports")
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", _ACCOUNT)
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", _SECRET)
        monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", endpoint)
        yield
    finally:
        process.terminate()
        process.wait()


@pytest.mark.usefixtures("azure")
def test_a_container_holds_the_same_as_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole and verified; a second run places nothing, what is missing is placed again, and another key is refused."""
    obstore = pytest.importorskip("obstore")
    from obstore.store import from_url

    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "in", studies=2, series=2, instances=2)
    write_key(tmp_path / "key")
    write_key(tmp_path / "other")

    def run(to: str, key: str = "key") -> tuple[int, str]:
        given = f"--origin in --key-file {key} --query PatientID=PATIENT-* --to {to} --state {key}-state --report r.csv"
        command = [sys.executable, "-m", "dicomveil_proxy", "export", *given.split(), "--jobs", "1"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def verified() -> int:
        command = [sys.executable, "-m", "dicomveil_proxy", "verify", "az://exports/first"]
        return subprocess.run(command, capture_output=True, check=False).returncode

    status, said = run("az://exports/first")
    assert status == 0, said
    assert run("out")[0] == 0

    store = from_url("az://exports/first", client_options={"allow_http": True})
    names = [each["path"] for page in store.list() for each in page]
    held = {name: bytes(obstore.get(store, name).bytes()) for name in names if name.endswith(".dcm")}
    folder = tmp_path / "out"
    assert held == {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.dcm")}
    assert len(held) == 8
    for name, data in held.items():
        assert obstore.get(store, name).attributes["sha256"] == hashlib.sha256(data).hexdigest()
    assert verified() == 0
    assert "2 unchanged" in run("az://exports/first")[1]
    store.delete(next(iter(held)))
    assert verified() == 1
    assert "1 exported, 1 unchanged" in run("az://exports/first")[1]
    assert verified() == 0
    assert run("az://exports/first", "other")[0] == 2
