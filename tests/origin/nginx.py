"""A real nginx for the tests of this folder, which hands requests to servers in turn, and writes down each."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from origin.orthanc import free_port, stop

_START_SECONDS = 30.0


def program() -> str | None:
    """nginx's executable, or None when it is not installed."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


def demand() -> None:
    """Without the package: a skip, but a failure in CI."""
    if program() is None:
        reason = "nginx is not installed (Debian: apt-get install nginx)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@dataclass(frozen=True)
class Nginx:
    """A running nginx."""

    url: str
    """Scheme and authority."""
    requests: Path
    """Path and query of each request, a line each."""
    process: subprocess.Popen[bytes]


@contextmanager
def running_nginx(folder: Path, servers: Sequence[str], *directives: str) -> Iterator[Nginx]:
    """Start nginx before servers, given as `http://host:port`; `directives` are more of its configuration's."""
    executable = program()
    if executable is None:
        raise FileNotFoundError("nginx is not installed")
    folder.mkdir()
    port = free_port()
    (folder / "nginx.conf").write_text(_configuration(folder, port, servers, directives))
    log = folder / "nginx.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [executable, "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"], stdout=sink, stderr=sink
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_it_answers(url, process, log)
        yield Nginx(url, folder / "requests", process)
    finally:
        stop(process)


def _configuration(folder: Path, port: int, servers: Sequence[str], directives: Sequence[str]) -> str:
    """In one process, as whoever starts it. Each request goes to the next server, and says which that was."""
    each = " ".join(f"server {server.removeprefix('http://')};" for server in servers)
    folders = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""
daemon off; master_process off; pid {folder}/pid; error_log stderr error;
events {{ }}
http {{
  {folders} log_format request $request_uri; access_log {folder}/requests request;
  upstream servers {{ {each} }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://servers; proxy_http_version 1.1; proxy_set_header Host $http_host;
      client_max_body_size 0; add_header X-Server $upstream_addr always;
      {"".join(f"{directive}; " for directive in directives)}
    }}
  }}
}}
"""


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            httpx.get(url, timeout=5)  # whatever it answers
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("nginx did not come up:\n" + log.read_text(errors="replace")[-2_000:])
