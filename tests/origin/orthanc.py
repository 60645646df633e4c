"""A real Orthanc as origin server, for the tests of this folder.

Nothing here knows of the proxy: it starts Orthanc with its DICOMweb plugin on a free loopback port, waits
until it answers, and stops exactly the process that it started. It writes only into a temporary folder.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
"""Where Debian's orthanc-dicomweb puts it."""

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0


def program() -> Path | None:
    """Orthanc's executable, or None when it or its DICOMweb plugin is not installed."""
    found = shutil.which("Orthanc", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    return Path(found) if found and PLUGIN.exists() else None


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc."""

    base_url: str
    """The root of its DICOMweb services, without a slash at the end."""
    log: Path
    """What it wrote to its standard streams."""
    process: subprocess.Popen[bytes]

    def store(self, data: bytes) -> str | None:
        """Store an instance in Part 10 form, past the proxy; its SOPInstanceUID, or None if refused.

        Orthanc can answer 200 and have stored nothing: only ReferencedSOPSequence counts (PS3.18 10.5.3).
        """
        boundary = secrets.token_hex(16)
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n"
        response = httpx.post(
            f"{self.base_url}/studies",
            content=head.encode() + data + f"\r\n--{boundary}--".encode(),
            headers={
                "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
                "Accept": "application/dicom+json",
            },
            timeout=60,
        )
        if response.status_code not in (200, 202):
            return None
        references = response.json().get("00081199", {}).get("Value", [])
        return references[0]["00081155"]["Value"][0] if references else None

    def count_instances(self) -> int:
        """How many it holds, as it says itself: its own REST API knows nothing of DICOMweb."""
        count: int = httpx.get(f"{self._rest_url}/statistics").raise_for_status().json()["CountInstances"]
        return count

    def delete_all(self) -> None:
        """Empty it."""
        with httpx.Client(base_url=self._rest_url, timeout=60) as client:
            for study in client.get("/studies").raise_for_status().json():
                client.delete(f"/studies/{study}").raise_for_status()

    @property
    def _rest_url(self) -> str:
        return self.base_url.removesuffix("/dicom-web")


def demand() -> None:
    """Without the packages: a skip, but a failure in CI."""
    if program() is None:
        reason = "Orthanc is not installed (Debian: apt-get install orthanc orthanc-dicomweb)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@contextmanager
def running_orthanc(folder: Path) -> Iterator[Orthanc]:
    """Start an empty Orthanc that keeps everything in `folder`; stop it at the end.

    Raises FileNotFoundError when it is not installed, RuntimeError with the end of its log if it stays down.
    """
    executable = program()
    if executable is None:
        raise FileNotFoundError("Orthanc or its DICOMweb plugin is not installed")
    port = free_port()
    settings = folder / "orthanc.json"
    settings.write_text(json.dumps(_configuration(folder, port)))
    log = folder / "orthanc.log"
    with log.open("wb") as sink:
        process = subprocess.Popen([executable, settings], cwd=folder, stdout=sink, stderr=sink)
    server = Orthanc(f"http://127.0.0.1:{port}/dicom-web", log, process)
    try:
        _wait_until_it_answers(server)
        yield server
    finally:
        stop(process)


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """An Orthanc for each module, empty at first, so that the order of modules cannot matter."""
    demand()
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as server:
        yield server


def _configuration(folder: Path, port: int) -> dict[str, object]:
    """The smallest configuration that works.

    `DefaultEncoding` is Latin-1 otherwise, and then searches lose every other character; loopback is all that
    may ask while `RemoteAccessAllowed` is false.
    """
    return {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": port,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DefaultEncoding": "Utf8",
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {
            "Enable": True,
            "Root": "/dicom-web/",
            "EnableWado": True,
            "WadoRoot": "/wado",
            "Ssl": False,
        },
    }


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(server: Orthanc) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and server.process.poll() is None:
        try:
            if httpx.get(f"{server.base_url}/studies?limit=1", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise RuntimeError("Orthanc did not come up:\n" + server.log.read_text(errors="replace")[-2_000:])


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process of ours, by its id."""
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
