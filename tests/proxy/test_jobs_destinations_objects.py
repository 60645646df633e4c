"""An object store as a destination: conditional puts, and what a killed run leaves of large instances."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.jobs.destinations import MARKER, InstanceRefused
from dicomveil_proxy.jobs.destinations.objects import ONE_REQUEST_BYTES, ObjectDestination, ObjectPlacing, open_store
from origin.object_store import running_s3

UIDS = ("2.25.1", "2.25.2", "2.25.3")
_STALLED = """
import asyncio, sys, time
from dicomveil_proxy.jobs.destinations.objects import ONE_REQUEST_BYTES, ObjectPlacing

class Stalling:
    size, given = ONE_REQUEST_BYTES + 1, 0
    def __init__(self): self.file = self
    def tell(self): return 0
    def seek(self, offset, whence=0): return self.size if whence else offset
    def read(self, size=-1):
        if self.given > ONE_REQUEST_BYTES // 2:
            print("stalled", flush=True)
            time.sleep(600)
        self.given += size
        return bytes(size)

asyncio.run(ObjectPlacing(sys.argv[1]).place(Stalling(), "2.25.1/large.dcm", ("2.25.1",) * 3, bytes(32)))
"""


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An S3 on this machine with a bucket, and what the environment says of it."""
    import boto3

    with running_s3() as settings:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        client = boto3.client("s3", endpoint_url=settings["AWS_ENDPOINT_URL"], region_name="us-east-1")
        client.create_bucket(Bucket="exports")
        yield client
        client.close()


def place(url: str, data: bytes, path: str = "2.25.1/large.dcm") -> None:
    """Put an instance there, as a worker does."""

    async def run() -> None:
        placing = ObjectPlacing(url)
        staged = placing.stage()
        for at in range(0, len(data), 1 << 20):
            staged.write(data[at : at + (1 << 20)])
        try:
            await placing.place(staged, path, UIDS, hashlib.sha256(data).digest())
        finally:
            staged.drop()
            await placing.aclose()

    asyncio.run(run())


def test_a_run_that_is_killed_in_an_upload_leaves_nothing_that_is_paid_for(s3: Any) -> None:
    """What it left open is aborted by the next run, which places the whole; others' uploads are left alone."""
    s3.create_multipart_upload(Bucket="exports", Key="second/not-ours")
    arguments = [sys.executable, "-c", _STALLED, "s3://exports/first"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        said = worker.stdout.readline()
        for _ in range(100):
            if len(s3.list_multipart_uploads(Bucket="exports")["Uploads"]) > 1:
                break
            time.sleep(0.1)
        worker.kill()
    assert said == b"stalled\n"
    # One request more where a slow answer made the client ask again.
    assert len(s3.list_multipart_uploads(Bucket="exports")["Uploads"]) > 1

    destination = ObjectDestination("s3://exports/first")
    destination.prepare(b"marker", shared=False)
    data = bytes(ONE_REQUEST_BYTES) + b"end"
    place("s3://exports/first", data)
    place("s3://exports/first", data)  # placed and not noted: it is there already

    assert [each["Key"] for each in s3.list_multipart_uploads(Bucket="exports")["Uploads"]] == ["second/not-ours"]
    held = s3.get_object(Bucket="exports", Key="first/2.25.1/large.dcm")
    digest = hashlib.sha256(held["Body"].read()).hexdigest()
    assert digest == held["Metadata"]["sha256"] == hashlib.sha256(data).hexdigest()
    with pytest.raises(InstanceRefused, match="another object has the same name"):
        place("s3://exports/first", data + b"!")


class GoogleStorage(BaseHTTPRequestHandler):
    """As much of Google's XML API as an export speaks: get, conditional put, list."""

    protocol_version = "HTTP/1.1"
    objects: ClassVar[dict[str, tuple[bytes, dict[str, str]]]] = {}

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if "list-type" in query:
            self._answer(200, b"<ListBucketResult><Name>exports</Name></ListBucketResult>")
        elif path in self.objects:
            data, metadata = self.objects[path]
            self._answer(200, data, metadata)
        else:
            self._answer(404, b"")

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("x-goog-if-generation-match") == "0" and self.path in self.objects:
            return self._answer(412, b"")
        said = {name: value for name, value in self.headers.items() if name.lower().startswith("x-goog-meta-")}
        self.objects[self.path] = data, said
        return self._answer(200, b"")

    def _answer(self, status: int, data: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        said = {"ETag": '"1"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT", "x-goog-generation": "1"}
        for name, value in {**said, "Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, tuple[bytes, dict[str, str]]]]:
    """What a Google Cloud Storage on this machine holds, and what the environment says of it."""
    GoogleStorage.objects.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), GoogleStorage)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    account = {"gcs_base_url": f"http://127.0.0.1:{server.server_port}", "disable_oauth": True, "client_email": ""}
    (tmp_path / "account.json").write_text(json.dumps({**account, "private_key": "", "private_key_id": ""}))
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", str(tmp_path / "account.json"))
    monkeypatch.setenv("GOOGLE_ALLOW_HTTP", "true")
    yield GoogleStorage.objects
    server.shutdown()
    server.server_close()
    thread.join()


def test_google_cloud_storage_is_spoken_to(google: dict[str, tuple[bytes, dict[str, str]]]) -> None:
    """Below the prefix, with the digest as metadata; what is there is not replaced by another."""
    destination = ObjectDestination("gs://exports/first")
    destination.prepare(b"marker", shared=False)
    for _ in range(2):
        place("gs://exports/first", b"instance", "2.25.1/small.dcm")
    with pytest.raises(InstanceRefused):
        place("gs://exports/first", b"another", "2.25.1/small.dcm")

    digest = hashlib.sha256(b"instance").hexdigest()
    held = {path.replace("%2F", "/").replace("%2E", ".").replace("%2D", "-"): each for path, each in google.items()}
    assert held == {
        f"/exports/first/{MARKER}": (b"marker", {}),
        "/exports/first/2.25.1/small.dcm": (b"instance", {"x-goog-meta-sha256": digest}),
    }
    with pytest.raises(ConfigurationError, match="filled under another policy"):
        ObjectDestination("gs://exports/first").prepare(b"other", shared=False)


def test_azure_is_opened_by_container_and_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the account that the environment names; without one it is said what to do, and nothing of a credential."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "example")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "ZXhhbXBsZS1zZWNyZXQ=")
    store = open_store("az://exports/first")
    assert (type(store).__name__, store.prefix) == ("AzureStore", "first")
    assert store.config["container_name"] == "exports"

    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME")
    with pytest.raises(ConfigurationError, match="credentials in the environment") as refused:
        open_store("az://exports/first")
    assert "ZXhh" not in str(refused.value)
