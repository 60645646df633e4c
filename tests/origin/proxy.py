"""A real proxy process, as a user starts it, for the tests of this folder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from dicomveil_engine import Policy, load_policy
from origin.orthanc import free_port, stop
from proxy.instances import over_attributes

_START_SECONDS = 30.0


@dataclass(frozen=True)
class Proxy:
    """A running `dicomveil serve`."""

    url: str
    """Scheme and authority."""
    log: Path
    """All that it printed."""
    policy: Policy
    """The policy that it runs, to know what to expect."""
    process: subprocess.Popen[bytes]

    @property
    def base_url(self) -> str:
        """The root of its DICOMweb services."""
        return f"{self.url}/dicom-web"


@contextmanager
def running_proxy(
    folder: Path, origin: str, profile: str = over_attributes("default"), *options: str
) -> Iterator[Proxy]:
    """Start a proxy that keeps its key, state and log in `folder`; started there again, it is the same project.

    `profile` is a preset or the path of a configuration; the default one lets text in pixels pass.
    """
    key_file = folder / "project.key"
    if not key_file.exists():
        _dicomveil(folder, "keygen", str(key_file)).wait(30)
    port = free_port()
    log = folder / "proxy.log"
    arguments = (
        "--origin",
        origin,
        "--profile",
        profile,
        "--key-file",
        str(key_file),
        "--state",
        str(folder / "state"),
    )
    process = _dicomveil(folder, "serve", *arguments, "--port", str(port), *options)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_it_answers(url, process, log)
        configuration = Path(profile) if Path(profile).is_file() else {"profile": profile}
        yield Proxy(url, log, load_policy(configuration, bytes.fromhex(key_file.read_text())), process)
    finally:
        stop(process)


def _dicomveil(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DICOMVEIL_")}
    with (folder / "proxy.log").open("ab") as sink:
        return subprocess.Popen(
            [sys.executable, "-m", "dicomveil_proxy", *arguments], cwd=folder, env=environment, stdout=sink, stderr=sink
        )


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{url}/healthz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise RuntimeError("the proxy did not come up:\n" + log.read_text(errors="replace")[-2_000:])
