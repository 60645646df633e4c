"""A real PostgreSQL for the tests of this folder, with a password, in a folder of its own.

It refuses to run as root, so that root lends it to the user `nobody`. Stopped is exactly what was started.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from origin.orthanc import free_port, stop

PASSWORD = "not-to-be-logged-1"
_START_SECONDS = 30.0


@dataclass(frozen=True)
class PostgreSQL:
    """A running server."""

    port: int
    log: Path
    process: subprocess.Popen[bytes]
    start: Callable[[], subprocess.Popen[bytes]]
    """Starts it on the same data, when it has ended."""

    @contextmanager
    def again(self) -> Iterator[None]:
        """Run it once more, after it was stopped."""
        process = self.start()
        try:
            _wait_until_it_answers(replace(self, process=process))
            yield
        finally:
            process.send_signal(2)
            stop(process)

    def url(self, database: str = "postgres", password: str = PASSWORD) -> str:
        """Of a database, as the setting `state` has it."""
        return f"postgresql://veil:{password}@127.0.0.1:{self.port}/{database}"

    def make(self, database: str, encoding: str = "UTF8") -> str:
        """A new database's URL."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database} ENCODING '{encoding}' TEMPLATE template0")
        return self.url(database)


def programs() -> Path | None:
    """The folder of the newest server's executables, or None when none is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    anywhere = shutil.which("initdb")
    return Path(anywhere).parent if anywhere else None


@contextmanager
def running_postgresql() -> Iterator[PostgreSQL]:
    """Start an empty server; stop it at the end. Raises RuntimeError with the end of its log if it stays down."""
    executables = programs()
    if executables is None:
        raise FileNotFoundError("PostgreSQL is not installed")
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="dicomveil-postgresql-") as name:
        folder = Path(name)
        password = folder / "password"
        password.write_text(PASSWORD)
        if user:
            for path in (folder, password):
                os.chown(path, pwd.getpwnam(user).pw_uid, -1)
        # Sockets have short paths only: none is made.
        port, data, log = free_port(), folder / "data", folder / "log"
        with log.open("wb") as sink:
            initdb: list[str | Path] = [
                executables / "initdb",
                "-D",
                data,
                "-U",
                "veil",
                "-A",
                "scram-sha-256",
                "--pwfile",
                password,
            ]
            subprocess.run([*initdb, "-E", "UTF8", "--locale=C", "-N"], user=user, check=True, stdout=sink, stderr=sink)
            settings = f"listen_addresses=127.0.0.1 port={port} unix_socket_directories= fsync=off".split()

        def start() -> subprocess.Popen[bytes]:
            command: list[str | Path] = [
                executables / "postgres",
                "-D",
                data,
                *(part for each in settings for part in ("-c", each)),
            ]
            with log.open("ab") as sink:
                return subprocess.Popen(command, cwd=folder, user=user, stdout=sink, stderr=sink)

        process = start()
        server = PostgreSQL(port, log, process, start)
        try:
            _wait_until_it_answers(server)
            yield server
        finally:
            process.send_signal(2)  # "fast": it does not wait for those who are connected
            stop(process)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """One server for the whole run. Without the package: a skip, but a failure in CI."""
    if programs() is None:
        reason = "PostgreSQL is not installed (Debian: apt-get install postgresql)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with running_postgresql() as server:
        yield server


def _wait_until_it_answers(server: PostgreSQL) -> None:
    import psycopg

    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and server.process.poll() is None:
        try:
            psycopg.connect(server.url(), connect_timeout=5).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("PostgreSQL did not come up:\n" + server.log.read_text(errors="replace")[-2_000:])
