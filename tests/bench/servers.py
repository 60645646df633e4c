"""Servers under load: Orthanc, nginx and dicomveil before it, and what they take of the machine.

Nothing here asks them anything; nothing here knows what is measured.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from dicomveil_engine import Policy, deidentify_instance
from origin.nginx import running_nginx
from origin.orthanc import Orthanc, running_orthanc
from origin.proxy import running_proxy
from proxy.instances import over_attributes

_SAMPLE_SECONDS = 0.005
_LEVELS = ("studies", "series", "instances")


@dataclass(frozen=True)
class Server:
    """One of the servers."""

    name: str
    base_url: str
    """The root of its DICOMweb services."""
    pid: int
    policy: Policy | None = field(default=None, compare=False)
    """None of a server that gives the originals."""

    def url(self, *uids: str, then: str = "") -> str:
        """The URL of a study, series or instance by the original UIDs, and of what is below."""
        path = "".join(f"/{level}/{self._known_as(uid)}" for level, uid in zip(_LEVELS, uids, strict=False))
        return f"{self.base_url}{path}{then}"

    def given(self, instance: bytes) -> bytes:
        """What it should give of an instance that the archive holds."""
        return instance if self.policy is None else deidentify_instance(instance, self.policy)

    def cpu_seconds(self) -> float:
        """CPU time that it has taken since its start, all its processes."""
        # clock_getcpuclockid(3), which Python does not have; it counts nanoseconds, /proc hundredths of a second.
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in _family(self.pid))

    def resident_bytes(self) -> int:
        """Memory of all its processes that is its own (Pss: what is shared counts by its share)."""
        return sum(_pss(pid) for pid in _family(self.pid))

    def _known_as(self, uid: str) -> str:
        return uid if self.policy is None else self.policy.pseudonym_uid(uid)


@dataclass(frozen=True)
class Servers:
    """All three, over the same instances."""

    archive: Orthanc
    """To fill and to empty."""
    orthanc: Server
    nginx: Server
    dicomveil: Server


@dataclass
class Memory:
    """What a server has resident."""

    idle: int
    """Bytes, at the start of the watch."""
    peak: int
    """Bytes, the most that was seen."""

    @property
    def above_idle(self) -> int:
        """Bytes that the peak is more than was there before."""
        return self.peak - self.idle


@contextmanager
def running_servers(folder: Path, *options: str) -> Iterator[Servers]:
    """Start all over an empty archive. `options` are those of `dicomveil serve`."""
    with (
        running_orthanc(folder) as orthanc,
        running_nginx_before(orthanc, folder / "nginx") as nginx,
        running_dicomveil_before(orthanc, folder / "dicomveil", *options) as dicomveil,
    ):
        yield Servers(orthanc, Server("Orthanc", orthanc.base_url, orthanc.process.pid), nginx, dicomveil)


@contextmanager
def running_nginx_before(orthanc: Orthanc, folder: Path, *directives: str) -> Iterator[Server]:
    """Start nginx with its defaults, and with directives, which its name has too."""
    with running_nginx(folder, [orthanc.base_url.removesuffix("/dicom-web")], *directives) as nginx:
        yield Server(", ".join(["nginx", *directives]), f"{nginx.url}/dicom-web", nginx.process.pid)


@contextmanager
def running_dicomveil_before(orthanc: Orthanc, folder: Path, *options: str) -> Iterator[Server]:
    """Start a proxy with empty caches and a key of its own, over attributes alone; its name has the options."""
    folder.mkdir()
    with running_proxy(folder, orthanc.base_url, over_attributes("default"), *options) as proxy:
        yield Server(" ".join(["dicomveil", *options]), proxy.base_url, proxy.process.pid, proxy.policy)


@contextmanager
def watched(server: Server) -> Iterator[Memory]:
    """Look at a server's memory every few milliseconds."""
    idle = server.resident_bytes()
    memory, end = Memory(idle, idle), Event()

    def look() -> None:
        while not end.wait(_SAMPLE_SECONDS):
            memory.peak = max(memory.peak, server.resident_bytes())

    watch = Thread(target=look)
    watch.start()
    try:
        yield memory
    finally:
        end.set()
        watch.join()


def _family(pid: int) -> list[int]:
    """A process and all that it has started."""
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def _pss(pid: int) -> int:
    """Bytes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError("the kernel does not say how much memory a process has")
