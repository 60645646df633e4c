"""A user agent that counts: it fetches and stores with curl, which costs little, since it shares the machine.

What an answer holds is looked at with `fetched` and `parts`, before or after what is timed.
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from urllib.request import ProxyHandler, Request, build_opener

import httpx

from bench.servers import Server
from origin.orthanc import Orthanc

INSTANCES = 'multipart/related; type="application/dicom"; transfer-syntax=*'
"""Accept of a retrieve: as they are stored."""
FRAMES = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
JSON = "application/dicom+json"
_STORED = 'multipart/related; type="application/dicom"; boundary=b'
_BATCH_BYTES = 32 << 20
_SECONDS = 1200
"""For one answer."""
_OPENER = build_opener(ProxyHandler({}))
_CURL = ("curl", "--silent", "--show-error", "--fail", "--http1.1")


@dataclass(frozen=True)
class Answer:
    """The body of an answer."""

    content_type: str
    content: bytes
    """Without its content coding."""
    transferred: int
    """Bytes that came, as they were coded."""


@dataclass(frozen=True)
class Timed:
    """What was transferred, and how long it took."""

    seconds: float
    """Of wall time."""
    size: int
    """Bytes of the bodies, as they were coded."""


def fetched(url: str, accept: str, accept_encoding: str = "identity") -> Answer:
    """Fetch and keep it; raise urllib.error.HTTPError for an answer without success."""
    request = Request(url, headers={"Accept": accept, "Accept-Encoding": accept_encoding})
    with _OPENER.open(request, timeout=_SECONDS) as response:
        content: bytes = response.read()
        is_coded = response.headers.get("Content-Encoding") == "gzip"
        decoded = gzip.decompress(content) if is_coded else content
        return Answer(response.headers["Content-Type"], decoded, len(content))


def parts(answer: Answer) -> list[bytes]:
    """The bodies of the parts; raise AssertionError unless the last is followed by the closing boundary."""
    boundary = re.search('boundary="?([^";]+)', answer.content_type)
    assert boundary is not None, answer.content_type
    _, *pieces, end = answer.content.split(b"--" + boundary[1].encode())
    assert end.strip() == b"--", "broken off"
    return [piece.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for piece in pieces]


def download(urls: Sequence[str], accept: str, accept_encoding: str = "identity", at_a_time: int = 1) -> Timed:
    """Fetch all and keep nothing; raise AssertionError for an answer other than success, or one that is broken off."""
    with tempfile.NamedTemporaryFile("w") as urls_file:
        urls_file.writelines(f'url = "{url}"\noutput = "/dev/null"\n' for url in urls)
        urls_file.flush()
        command = [*_CURL, "--config", urls_file.name, "--header", f"Accept: {accept}"]
        command += ["--header", f"Accept-Encoding: {accept_encoding}"]
        if at_a_time > 1:
            command += ["--parallel", "--parallel-immediate", "--parallel-max", str(at_a_time)]
        start = perf_counter()
        lines = _run([*command, "--write-out", "%{size_download} %{time_total}\n"]).splitlines()
        seconds = perf_counter() - start
    assert len(lines) == len(urls)
    if len(urls) == 1:
        seconds = float(lines[0].split()[1])  # without curl's own start
    return Timed(seconds, sum(int(line.split()[0]) for line in lines))


def store_body(instances: Sequence[bytes]) -> bytes:
    """The body of a store request."""
    parts = b"".join(b"--b\r\nContent-Type: application/dicom\r\n\r\n" + each + b"\r\n" for each in instances)
    return parts + b"--b--\r\n"


def upload(server: Server, body: Path, count: int) -> Timed:
    """Store a `store_body`; raise AssertionError unless the server acknowledges as many instances as are in it."""
    command = [*_CURL, "--request", "POST", "--upload-file", str(body), "--header", f"Content-Type: {_STORED}"]
    command += ["--header", f"Accept: {JSON}", "--header", "Expect:", "--write-out", "\n%{size_upload} %{time_total}"]
    answer, _, line = _run([*command, server.url(then="/studies")]).rpartition("\n")
    acknowledged = len(json.loads(answer)["00081199"]["Value"])
    assert acknowledged == count, f"{server.name} has stored {acknowledged} of {count} instances"
    size, seconds = line.split()
    return Timed(float(seconds), int(size))


def fill(archive: Orthanc, instances: Sequence[bytes]) -> None:
    """Store instances of about one size past the proxy; raise AssertionError unless the archive has taken all."""
    held = archive.count_instances()
    at_a_time = max(1, _BATCH_BYTES // len(instances[0]))
    for begin in range(0, len(instances), at_a_time):
        body = store_body(instances[begin : begin + at_a_time])
        headers = {"Content-Type": _STORED, "Accept": JSON}
        httpx.post(f"{archive.base_url}/studies", content=body, headers=headers, timeout=_SECONDS).raise_for_status()
    assert archive.count_instances() == held + len(instances)


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
