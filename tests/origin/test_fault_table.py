"""docs/faults.md: each fault with real processes and sockets, and that what is promised there holds.

Everywhere: no original leaves, nothing broken looks whole, and the next request is served without a restart.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import httpx
import pytest
from typer.testing import CliRunner, Result

from dicomveil_engine import Policy, load_policy
from dicomveil_proxy.command import commands
from dicomveil_proxy.command.keygen import write_key
from origin.postgresql import PASSWORD, PostgreSQL, programs, running_postgresql
from origin.unruly import INSTANCES, SENTINELS, Unruly, unruly
from proxy.fakes import STUDY, instance

pytestmark = pytest.mark.origin

SETTINGS = """
origin = "{origin}"
key_file = "key"
profile = "profile.json"
state = "{state}"
workers = {workers}
{more}
[limits]
request_seconds = {seconds}
origin_read_seconds = {read_seconds}
origin_document_bytes = 1048576
header_bytes = 1048576
"""
PROFILE = {"profile": "default", "pixels": "keep"}
MOST_MEMORY = 120 << 20
"""Bytes that a fault may add to a worker's memory."""
WHOLE = re.compile(rb"--[0-9a-zA-Z]+--\r\n$")
"""The end of a multipart body."""


@dataclass
class Served:
    """A running `dicomveil serve`."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    policy: Policy

    @property
    def study(self) -> str:
        """The study's address."""
        return f"{self.url}/studies/{self.policy.pseudonym_uid(STUDY)}"

    def workers(self) -> list[int]:
        """Process IDs of the server and of what it started."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def peak(self) -> int:
        """The largest memory that one of its processes had, in bytes."""
        peaks = [
            int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1])  # type: ignore[index]
            for pid in self.workers()
        ]
        return 1024 * max(peaks)


@contextmanager
def serving(
    folder: Path,
    origin: str,
    *,
    workers: int = 1,
    state: str = "state",
    seconds: int = 60,
    read_seconds: int = 60,
    more: str = "",
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Served]:
    """Start it in a folder; started there again, it has the same key and state."""
    if not (folder / "key").exists():
        write_key(folder / "key")
    values = {"origin": origin, "workers": workers, "state": state, "more": more}
    text = SETTINGS.format(**values, seconds=seconds, read_seconds=read_seconds)
    (folder / "dicomveil.toml").write_text(text)
    # Instances stream as they come: what waits for text in its pixels to be found has not begun to be answered.
    (folder / "profile.json").write_text(json.dumps(PROFILE))
    log = folder / "log"
    variables = {name: value for name, value in os.environ.items() if not name.startswith("DICOMVEIL_")} | dict(
        environment
    )
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "dicomveil_proxy", "serve", "--port", "0"],
            cwd=folder,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=sink,
        )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().split()[-1].decode()
        for _ in range(600):  # workers come up behind the socket
            try:
                httpx.get(url.replace("/dicom-web", "/healthz"), timeout=30)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        key = bytes.fromhex((folder / "key").read_text())
        yield Served(url, process, log, load_policy(PROFILE, key))
    finally:
        for pid in reversed(_alive(process)):
            os.kill(pid, signal.SIGKILL)
        process.wait(30)
        process.stdout.close()


def _alive(process: subprocess.Popen[bytes]) -> list[int]:
    """It and its children, which outlive it when it is killed."""
    if process.poll() is not None:
        return []
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [process.pid, *map(int, children)]


@dataclass
class Got:
    """What came of an answer, whole or not."""

    status: int
    content: bytes
    is_whole: bool
    """By HTTP."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing of the originals is in it."""
        return not any(sentinel in self.content for sentinel in SENTINELS)


def ask(url: str, accept: str = "application/dicom+json") -> Got:
    """GET on a connection of its own."""
    content, status = bytearray(), 0
    try:
        with httpx.stream("GET", url, headers={"Accept": accept}, timeout=60) as response:
            status = response.status_code
            for chunk in response.iter_bytes():
                content += chunk
    except httpx.TransportError:
        return Got(status, bytes(content), is_whole=False)
    return Got(status, bytes(content), is_whole=True)


ANY = 'multipart/related; type="application/dicom"; transfer-syntax=*'


def assert_serves(served: Served, *, instances: bool = True) -> None:
    """Everything is as if nothing had been."""
    found = ask(f"{served.study}/metadata")
    assert (found.status, found.is_whole, found.is_clean) == (200, True, True)
    if instances:
        whole = ask(served.study, ANY)
        assert (whole.status, whole.is_whole, whole.is_clean) == (200, True, True)
        assert whole.content.count(b"DICM") == INSTANCES
        assert WHOLE.search(whole.content)


def assert_silent(served: Served) -> None:
    """The log holds nothing of the originals, no address of the archive, and no traceback."""
    text = served.log.read_bytes()
    for forbidden in (*SENTINELS, b"Traceback"):
        assert forbidden not in text, forbidden


def store(served: Served, *instances: bytes) -> httpx.Response:
    """Store instances."""
    head = b"--b\r\nContent-Type: application/dicom\r\n\r\n"
    body = b"".join(head + each + b"\r\n" for each in instances) + b"--b--\r\n"
    headers = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}
    return httpx.post(f"{served.url}/studies", content=body, headers=headers, timeout=60)


def dicomveil(folder: Path, *arguments: str) -> Result:
    """Another command beside the running server; in this process, since starting one takes long."""
    with contextlib.chdir(folder):
        return CliRunner().invoke(commands, arguments)


@pytest.fixture(scope="module")
def origin() -> Iterator[Unruly]:
    """One for all; each test sets its fault, and takes it away."""
    with unruly() as server:
        yield server


@pytest.fixture(scope="module")
def shared_proxy(origin: Unruly, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One proxy of two workers for the faults of the archive, since none may harm it."""
    with serving(tmp_path_factory.mktemp("faults"), origin.url, workers=2, seconds=6, read_seconds=1) as served:
        assert_serves(served)
        yield served
        assert_silent(served)


def test_the_archive_ends_in_the_middle(origin: Unruly, shared_proxy: Served) -> None:
    """An answer that has begun has no end; one that has not is 502 and names the archive's side."""
    origin.fault = "dies"
    study, metadata = ask(shared_proxy.study, ANY), ask(f"{shared_proxy.study}/metadata")
    search = ask(f"{shared_proxy.url}/studies")
    origin.fault = "none"

    assert (study.status, study.is_whole, study.is_clean) == (200, False, True)
    assert not WHOLE.search(study.content)
    for answer in (metadata, search):
        assert (answer.status, answer.is_clean) == (502, True)
        assert b"origin server" in answer.content
    assert_serves(shared_proxy)


def test_the_archive_does_not_come_to_an_end(origin: Unruly, shared_proxy: Served) -> None:
    """A limit ends it, and memory stays bounded."""
    before = shared_proxy.peak()
    origin.fault = "endless"
    study, metadata = ask(shared_proxy.study, ANY), ask(f"{shared_proxy.study}/metadata")
    search = ask(f"{shared_proxy.url}/studies")
    origin.fault = "none"

    assert (study.status, study.is_whole, study.is_clean) == (200, False, True)
    assert not WHOLE.search(study.content)
    assert metadata.status in {502, 422, 403}
    assert search.status == 502
    assert shared_proxy.peak() - before < MOST_MEMORY
    assert_serves(shared_proxy)


def test_the_archive_sends_a_bomb(origin: Unruly, shared_proxy: Served) -> None:
    """What inflates a thousandfold is refused before it is in memory."""
    before = shared_proxy.peak()
    origin.fault = "bomb"
    answers = [ask(f"{shared_proxy.url}/studies"), ask(f"{shared_proxy.study}/metadata")]
    origin.fault = "none"

    assert answers[0].status == 502
    assert all(answer.is_clean for answer in answers)
    assert shared_proxy.peak() - before < MOST_MEMORY
    assert_serves(shared_proxy)


def test_the_archive_says_nothing(origin: Unruly, shared_proxy: Served) -> None:
    """504 after limits.origin_read_seconds."""
    origin.fault = "silent"
    answers = [ask(f"{shared_proxy.url}/studies"), ask(f"{shared_proxy.study}/metadata"), ask(shared_proxy.study, ANY)]
    origin.fault = "none"

    assert [answer.status for answer in answers] == [504, 504, 504]
    assert all(b"origin server" in answer.content for answer in answers)
    assert_serves(shared_proxy)


def test_the_archive_drips(origin: Unruly, shared_proxy: Served) -> None:
    """What takes longer than limits.request_seconds is broken off, or 504 where it has not begun."""
    origin.fault = "drips"
    answers: list[Got] = []
    threads = [
        threading.Thread(target=lambda url=url, accept=accept: answers.append(ask(url, accept)))
        for url, accept in ((shared_proxy.study, ANY), (f"{shared_proxy.study}/metadata", "application/dicom+json"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    origin.fault = "none"

    assert sorted(answer.status for answer in answers) == [200, 504]
    assert all(answer.is_clean and not WHOLE.search(answer.content) for answer in answers)
    assert [answer.is_whole for answer in answers if answer.status == 200] == [False]
    assert_serves(shared_proxy)


def test_the_user_agent_goes_away(origin: Unruly, shared_proxy: Served) -> None:
    """The archive's connection is let go of at once, although the archive would send on."""
    origin.fault = "drips"
    host, port = shared_proxy.url.split("/")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        path = shared_proxy.study.partition(f":{port}")[2]
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: proxy\r\nAccept: {ANY}\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
        assert origin.dripping
    end = time.monotonic() + 30
    while origin.dripping and time.monotonic() < end:
        time.sleep(0.02)
    origin.fault = "none"

    assert not origin.dripping
    assert_serves(shared_proxy)


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """A file system of its own that is soon full; skipped where this user may not mount one."""
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], check=False)
    if mounted.returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def fill(place: Path) -> Path:
    """Take all that is left of it."""
    file = place / "filler"
    with file.open("wb", buffering=0) as sink:
        for size in (1 << 16, 1 << 10, 1):
            try:
                while True:
                    sink.write(bytes(size))
            except OSError:
                continue
    return file


def test_a_full_disk(origin: Unruly, tmp_path: Path) -> None:
    """The identity map is done without; stores that need a temporary file fail for themselves; without an audit that
    is required nothing is answered."""
    more = '[audit]\nfile = "log-disk/audit.jsonl"'
    small, large = instance(study="1.2.3.2"), instance(study="1.2.3.3", pixels=bytes(4 << 20))
    origin.stored.clear()
    with (
        small_disk(tmp_path / "disk", "8m") as disk,
        small_disk(tmp_path / "log-disk", "64k") as log_disk,
        serving(tmp_path, origin.url, state="disk/state", more=more, environment={"TMPDIR": str(disk)}) as served,
    ):
        filler = fill(disk)
        assert_serves(served)
        stored = store(served, small, large)
        assert (stored.status_code, len(origin.stored)) == (202, 1), stored.text
        assert not any(sentinel in stored.content for sentinel in SENTINELS[:4])  # the UIDs are the sender's own
        filler.unlink()
        assert store(served, small, large).status_code == 200

        filler = fill(log_disk)
        answers = [ask(f"{served.url}/studies") for _ in range(30)]
        # The file's last page has room for some lines.
        assert {answer.status for answer in answers} <= {200, 503}, (answers, served.log.read_text()[-3_000:])
        refused = ask(f"{served.url}/studies")
        assert (refused.status, b"audit" in refused.content, refused.is_clean) == (503, True, True)
        filler.unlink()
        assert_serves(served)
        assert_silent(served)
        assert dicomveil(tmp_path, "audit", "verify", "log-disk/audit.jsonl").exit_code == 0


def test_the_identity_map_is_locked_broken_and_deleted(origin: Unruly, tmp_path: Path) -> None:
    """It is a cache: whatever is done to its file while the server runs, answers are the same, and none is wrong."""
    folder = tmp_path / "state"
    with serving(tmp_path, origin.url) as served:
        assert_serves(served)
        with contextlib.closing(sqlite3.connect(folder / "identity.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            assert store(served, instance(study="1.2.3.2")).status_code == 200
            assert_serves(served, instances=False)
        for name in ("identity.sqlite", "identity.sqlite-wal"):
            with (folder / name).open("r+b") as garbled:
                garbled.write(b"garbage" * 10_000)
        assert_serves(served)
        assert store(served, instance(study="1.2.3.3")).status_code == 200
        for path in folder.iterdir():
            path.unlink()
        assert_serves(served)
        assert store(served, instance(study="1.2.3.4")).status_code == 200
        assert_silent(served)


def test_the_database_is_gone_and_back(origin: Unruly, tmp_path: Path) -> None:
    """As without the file: answers come from the archive, and the database is used again when it is there."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with running_postgresql() as database, serving(tmp_path, origin.url, state=database.url()) as served:
        assert_serves(served)
        before = rows(database)
        assert before > 0
        database.process.send_signal(signal.SIGINT)
        database.process.wait(30)
        assert_serves(served, instances=False)
        assert store(served, instance(study="1.2.3.3")).status_code == 200
        with database.again():
            for number in range(30):  # it is left alone for some seconds
                assert store(served, instance(study=f"1.2.3.4.{number}")).status_code == 200
                if rows(database) > before:
                    break
                time.sleep(0.5)
            assert rows(database) > before
            assert_serves(served)
        assert_silent(served)
        assert PASSWORD.encode() not in served.log.read_bytes()


def rows(database: PostgreSQL) -> int:
    """How many the identity map has."""
    import psycopg

    with psycopg.connect(database.url()) as connection:
        row = connection.execute("SELECT count(*) FROM identity").fetchone()
        assert row is not None
        return int(row[0])


def test_a_kill_in_a_store(origin: Unruly, tmp_path: Path) -> None:
    """The archive gets whole instances or nothing; the next start is clean, and the same store succeeds."""
    instances = [instance(study="1.2.3.2", instance=f"1.2.3.2.{number}") for number in (1, 2)]
    failed: list[Exception] = []
    origin.stored.clear()
    with serving(tmp_path, origin.url) as served:
        origin.may_answer.clear()
        origin.is_storing.clear()

        def try_to_store() -> None:
            try:
                store(served, *instances)
            except httpx.TransportError as error:
                failed.append(error)

        thread = threading.Thread(target=try_to_store)
        thread.start()
        assert origin.is_storing.wait(30)
        served.process.kill()
        thread.join(60)
        origin.may_answer.set()
    assert len(failed) == 1
    with serving(tmp_path, origin.url) as served:
        assert_serves(served, instances=False)
        stored = store(served, *instances)
        assert stored.status_code == 200, stored.text
        assert len(stored.json()["00081199"]["Value"]) == 2
        assert_silent(served)
    assert not any(sentinel in each for each in origin.stored for sentinel in SENTINELS[:4])


def test_a_worker_is_killed_and_a_stop_comes_in_a_stream(origin: Unruly, tmp_path: Path) -> None:
    """Another worker takes the place of one that is killed. When the server is stopped, what is under way comes to
    its end, nothing new is taken, and the server ends by itself with status 0."""
    with serving(tmp_path, origin.url, workers=2, seconds=600, read_seconds=600) as served:
        before = working(served)
        os.kill(before[0], signal.SIGKILL)
        deadline = time.monotonic() + 60
        while (now := working(served)) == before or len(now) < 2 or before[0] in now:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert_serves(served, instances=False)

        origin.may_answer.clear()
        origin.asked.clear()
        answers: list[Got] = []
        thread = threading.Thread(target=lambda: answers.append(ask(served.study, ANY)))
        thread.start()
        while f"studies/{STUDY}" not in origin.asked:
            time.sleep(0.02)
        time.sleep(0.5)
        served.process.terminate()
        for _ in range(100):  # while a worker starts, the server does not hear of signals
            try:
                httpx.get(f"{served.url}/studies", timeout=1)
            except httpx.TransportError:
                break
            time.sleep(0.2)
        else:
            pytest.fail("it still takes requests")
        origin.may_answer.set()
        thread.join(60)

        assert served.process.wait(60) == 0
        (answer,) = answers
        assert (answer.status, answer.is_whole, answer.is_clean) == (200, True, True)
        assert WHOLE.search(answer.content)
        assert_silent(served)


def working(served: Served) -> list[int]:
    """The workers' process IDs."""
    return [pid for pid in served.workers()[1:] if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_the_clock_is_set_back(origin: Unruly, tmp_path: Path) -> None:
    """A token that has expired stays so, the audit's chain is whole, and nothing waits for the lost time."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    if library is None:
        pytest.skip("libfaketime is not installed (Debian: apt-get install libfaketime)")
    (tmp_path / "time").write_text("+0")
    variables = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(tmp_path / "time"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    more = '[access]\n[audit]\nfile = "audit.jsonl"'
    with serving(tmp_path, origin.url, more=more, environment=variables) as served:
        token = dicomveil(tmp_path, "token", "new", "--can", "search", "--expires", "1h").stdout.strip()
        found, told = [], []
        for offset in ("+0", "+2h", "-1d", "+0"):
            (tmp_path / "time").write_text(offset)
            headers = {"Authorization": f"Bearer {token}"}
            answer = httpx.get(f"{served.url}/studies", headers=headers, timeout=60)
            found.append(answer.status_code)
            told.append(answer.text)
        assert found == [200, 401, 401, 401], told
        assert b"the machine's clock was set back" in served.log.read_bytes()
        assert_silent(served)
        served.process.terminate()
        assert served.process.wait(60) == 0
    assert dicomveil(tmp_path, "audit", "verify", "audit.jsonl").exit_code == 0
