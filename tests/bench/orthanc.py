"""What Orthanc takes for the same job: `POST /instances/{id}/anonymize` of its REST API, in C++.

The clock is the CPU time of its process, all threads, HTTP and the reading of what is stored included.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import httpx
import pydicom

from bench.measure import check
from bench.servers import Server
from origin.orthanc import Orthanc

_SECONDS = 1.0
"""Of CPU time, over which calls are counted."""
_FEWEST, _MOST = 5, 2_000


def seconds(orthanc: Orthanc, data: bytes) -> float:
    """CPU time for one instance; raise AssertionError when Orthanc gives back other pixels or none."""
    root = orthanc.base_url.removesuffix("/dicom-web")
    server = Server("Orthanc", orthanc.base_url, orthanc.process.pid)
    with httpx.Client(base_url=root, timeout=120) as client:
        stored = client.post("/instances", content=data).raise_for_status().json()
        instance = f"/instances/{stored['ID']}"
        output = client.post(f"{instance}/anonymize", json={}).raise_for_status().content
        check("Orthanc", output, pydicom.dcmread(BytesIO(data)))
        try:
            return _repeated(lambda: client.post(f"{instance}/anonymize", json={}), server)
        finally:
            # The bench's instances share their UIDs, and Orthanc keeps the first.
            client.delete(instance).raise_for_status()


def _repeated(call: Callable[[], object], server: Server) -> float:
    """Seconds of a server's CPU time for one call."""
    calls, start = 0, server.cpu_seconds()
    while ((used := server.cpu_seconds() - start) < _SECONDS and calls < _MOST) or calls < _FEWEST:
        call()
        calls += 1
    return used / calls
