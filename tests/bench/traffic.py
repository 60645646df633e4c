"""Servers under load: Orthanc, nginx and dicomveil before it, what they take of the machine, and a client that counts.

Nothing here knows what is measured, nor what the bytes mean.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import httpx

from origin.nginx import running_nginx
from origin.orthanc import Orthanc, running_orthanc
from origin.proxy import Proxy, running_proxy

_TICKS = os.sysconf("SC_CLK_TCK")
_STORED_AT_A_TIME = 50


@dataclass(frozen=True)
class Server:
    """One of the servers."""

    base_url: str
    """The root of its DICOMweb services."""
    pid: int

    def cpu_seconds(self) -> float:
        """CPU time that it has taken since its start, all its processes; to a hundredth of a second."""
        return sum(_cpu_ticks(pid) for pid in _family(self.pid)) / _TICKS

    def resident_bytes(self) -> int:
        """Memory of all its processes that is its own (Pss: what is shared counts by its share)."""
        return sum(_status(Path(f"/proc/{pid}/smaps_rollup"), "Pss") for pid in _family(self.pid))


@dataclass(frozen=True)
class Servers:
    """All three, over the same instances."""

    orthanc: Server
    nginx: Server
    dicomveil: Server
    proxy: Proxy


@contextmanager
def running_servers(folder: Path, instances: Sequence[bytes] = (), *options: str) -> Iterator[Servers]:
    """Start them, with what Orthanc holds. `options` are those of `dicomveil serve`."""
    with (
        running_orthanc(folder) as orthanc,
        running_nginx(folder / "nginx", [orthanc.base_url.removesuffix("/dicom-web")]) as nginx,
        running_proxy(folder, orthanc.base_url, "default", *options) as proxy,
    ):
        fill(orthanc, instances)
        yield Servers(
            Server(orthanc.base_url, orthanc.process.pid),
            Server(f"{nginx.url}/dicom-web", nginx.process.pid),
            Server(proxy.base_url, proxy.process.pid),
            proxy,
        )


def fill(orthanc: Orthanc, instances: Sequence[bytes]) -> None:
    """Store them past the proxy; raise AssertionError unless Orthanc has taken all."""
    for begin in range(0, len(instances), _STORED_AT_A_TIME):
        batch = instances[begin : begin + _STORED_AT_A_TIME]
        assert stored(f"{orthanc.base_url}/studies", batch) == len(batch)


def store_body(instances: Sequence[bytes]) -> tuple[str, bytes]:
    """A store request: media type and body."""
    parts = b"".join(b"--b\r\nContent-Type: application/dicom\r\n\r\n" + each + b"\r\n" for each in instances)
    return 'multipart/related; type="application/dicom"; boundary=b', parts + b"--b--\r\n"


def stored(url: str, instances: Sequence[bytes]) -> int:
    """Store instances; how many the server acknowledges."""
    media_type, body = store_body(instances)
    headers = {"Content-Type": media_type, "Accept": "application/dicom+json"}
    answer = httpx.post(url, content=body, headers=headers, timeout=600).raise_for_status()
    return len(answer.json()["00081199"]["Value"])


def download(urls: Sequence[str], *, at_a_time: int = 1, **headers: str) -> tuple[float, int]:
    """Fetch all with curl, and keep nothing: seconds of wall time, and bytes of the bodies.

    The client must cost little, since it shares the machine. Raises AssertionError for an answer other than 200, or
    one that is broken off.
    """
    with tempfile.NamedTemporaryFile("w") as urls_file:
        urls_file.writelines(f'url = "{url}"\noutput = "/dev/null"\n' for url in urls)
        urls_file.flush()
        command = ["curl", "--silent", "--show-error", "--fail", "--http1.1", "--config", urls_file.name]
        for name, value in headers.items():
            command += ["--header", f"{name.replace('_', '-')}: {value}"]
        if at_a_time > 1:
            command += ["--parallel", "--parallel-immediate", "--parallel-max", str(at_a_time)]
        command += ["--write-out", "%{size_download} %{time_total}\n"]
        start = perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        seconds = perf_counter() - start
    assert done.returncode == 0, done.stderr
    answers = [line.split() for line in done.stdout.splitlines()]
    assert len(answers) == len(urls)
    if len(urls) == 1:
        seconds = float(answers[0][1])  # without curl's own start
    return seconds, sum(int(size) for size, _ in answers)


def _family(pid: int) -> list[int]:
    """A process and all that it has started."""
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _status(file: Path, name: str) -> int:
    """A figure of the kernel's, in bytes."""
    for line in file.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"{file} has no {name}")
