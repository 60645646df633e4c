"""nginx with the configuration of `deploy/`: the viewer and its DICOMweb under one web origin.

Only what a container has and a test has not is changed: folders, ports, the name server.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from dicomveil_engine import Policy
from origin.orthanc import Orthanc, free_port, stop

_DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
_START_SECONDS = 30.0


@dataclass(frozen=True)
class Site:
    """All that runs: viewer and proxy on one server, and what is behind them."""

    url: str
    """Of the viewer; DICOMweb is under it."""
    orthanc: Orthanc
    policy: Policy
    """What the proxy does, to know what to expect."""


@contextmanager
def running_viewer(
    program: str,
    folder: Path,
    viewer: Path,
    proxy_url: str,
    configuration_file: str = "app-config.js",
    changes: Mapping[str, str] | None = None,
    *,
    server: str = "nginx",
    server_changes: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Serve `viewer` and, under /dicom-web/, the proxy; the URL of both.

    The viewer's configuration is one of those in deploy/ohif, that of nginx in the folder `server` of deploy, both with
    these changes.
    """
    text = (_DEPLOY / "ohif" / configuration_file).read_text()
    for there, here in (changes or {}).items():
        assert there in text, f"deploy/ohif/{configuration_file} no longer has {there}"
        text = text.replace(there, here)
    (folder / "app-config.js").write_text(text)
    port = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(_configuration(folder, viewer, proxy_url, port, server, server_changes or {}))
    # nginx started as root would give its files to another user, who may not reach ours.
    directives = "daemon off; user root;" if os.geteuid() == 0 else "daemon off;"
    log = folder / "nginx.log"
    with log.open("wb") as sink:
        command = [program, "-p", str(folder), "-e", "stderr", "-c", str(configuration), "-g", directives]
        process = subprocess.Popen(command, stdout=sink, stderr=sink)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_it_answers(url, process, log)
        yield url
    finally:
        stop(process)


def _configuration(
    folder: Path, viewer: Path, proxy_url: str, port: int, server: str, changes: Mapping[str, str]
) -> str:
    text = (_DEPLOY / server / "nginx.conf").read_text()
    for container, here in {
        "/tmp/": f"{folder}/",
        "worker_processes auto": "worker_processes 1",
        "listen 8080": f"listen 127.0.0.1:{port}",
        "/usr/share/nginx/html": str(viewer),
        "/etc/dicomveil/app-config.js": f"{folder}/app-config.js",
        "resolver 127.0.0.11 valid=10s;": "",
        "dicomveil:8080": proxy_url.removeprefix("http://"),
        "/dev/stdout": f"{folder}/access.log",
        **changes,
    }.items():
        assert container in text, f"deploy/{server}/nginx.conf no longer has {container}"
        text = text.replace(container, here)
    return text


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(url, timeout=5).status_code < 400:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise RuntimeError("nginx did not come up:\n" + log.read_text(errors="replace")[-2_000:])
