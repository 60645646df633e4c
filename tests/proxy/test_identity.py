"""Which original a pseudonym stands for."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomveil_proxy.errors import StateUnavailable
from dicomveil_proxy.identity import IdentityMap, Kind

STUDY = (Kind.STUDY, "2.25.1", "1.2.3")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a map's file will be."""
    return tmp_path / "identities.sqlite"


@pytest.fixture
def identities(path: Path) -> Iterator[IdentityMap]:
    """A map that remembers one entry in memory, so that the file is asked for the others."""
    identities = IdentityMap(path, recent_entries=1, busy_seconds=0.05)
    yield identities
    identities.close()


def test_what_was_remembered_is_known(identities: IdentityMap) -> None:
    """From memory, and from the file; by kind and pseudonym; the last one counts."""
    identities.remember([(Kind.STUDY, "2.25.1", "1.2"), STUDY, (Kind.SERIES, "2.25.1", "1.2.4")])

    assert identities.recent(Kind.STUDY, "2.25.1") is None
    assert identities.original(Kind.STUDY, "2.25.1") == "1.2.3"
    assert identities.recent(Kind.STUDY, "2.25.1") == "1.2.3"
    assert identities.original(Kind.SERIES, "2.25.1") == "1.2.4"
    assert identities.original(Kind.INSTANCE, "2.25.1") is None


def test_an_original_can_change(identities: IdentityMap) -> None:
    """The origin server may come to hold a study under another UID."""
    identities.remember([STUDY])
    identities.remember([(Kind.STUDY, "2.25.1", "2.25.1"), (Kind.STUDY, "2.25.2", "1.2.5")])

    assert identities.original(Kind.STUDY, "2.25.1") == "2.25.1"


def test_it_outlives_the_process(path: Path, identities: IdentityMap) -> None:
    """A second map over the same file knows what the first remembered, while both are open."""
    identities.remember([STUDY])
    second = IdentityMap(path)

    assert second.original(Kind.STUDY, "2.25.1") == "1.2.3"
    second.close()


def test_other_processes_may_write(path: Path, identities: IdentityMap) -> None:
    """Workers share the file."""
    program = (
        "import sys; from pathlib import Path; from dicomveil_proxy.identity import *;"
        "i = IdentityMap(Path(sys.argv[1])); i.remember([(Kind.STUDY, '2.25.1', '1.2.3')]); i.close()"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, timeout=60)

    assert identities.original(Kind.STUDY, "2.25.1") == "1.2.3"


def test_it_is_its_owners_alone(path: Path, identities: IdentityMap) -> None:
    """Every file that can hold an original has mode 0600, even where it was laxer."""
    identities.remember([STUDY])
    path.chmod(0o644)
    IdentityMap(path).close()

    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}


def test_threads_share_it(identities: IdentityMap) -> None:
    """Threads that write and read at once lose nothing."""

    def work(number: int) -> None:
        for entry in range(20):
            identities.remember([(Kind.INSTANCE, f"2.25.{number}{entry:02}", f"1.2.{number}.{entry}")])
            assert identities.original(Kind.INSTANCE, f"2.25.{number}{entry:02}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert identities.original(Kind.INSTANCE, "2.25.319") == "1.2.3.19"
    assert identities.original(Kind.INSTANCE, "2.25.000") == "1.2.0.0"


@pytest.mark.parametrize("content", [b"Doe^Jane" * 1_000, b"SQLite format 3\0" + b"\xff" * 5_000])
def test_a_broken_file_is_made_anew(path: Path, content: bytes) -> None:
    """It is a cache: it starts empty, works, and says so without a value."""
    path.write_bytes(content)
    warnings: list[str] = []
    identities = IdentityMap(path, warn=warnings.append)
    identities.remember([STUDY])
    identities.close()
    again = IdentityMap(path, warn=warnings.append)

    assert warnings == ["the identity map could not be read and was made anew"]
    assert again.original(Kind.STUDY, "2.25.1") == "1.2.3"
    again.close()


def test_a_file_of_another_schema_is_made_anew(path: Path) -> None:
    """An older or newer version's cache is not guessed at."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    identities = IdentityMap(path)
    identities.remember([STUDY])

    assert identities.original(Kind.STUDY, "2.25.1") == "1.2.3"
    identities.close()


def test_a_file_that_breaks_in_use_is_made_anew(path: Path) -> None:
    """Who finds it broken makes a new one and goes on; who finds it later takes that one."""
    warnings: list[str] = []
    writer, first, second = (IdentityMap(path, warn=warnings.append) for _ in range(3))
    writer.remember([(Kind.STUDY, f"2.25.{number}", f"1.2.{number}") for number in range(2_000)])
    writer._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * (path.stat().st_size - 4096))

    assert first.original(Kind.STUDY, "2.25.5") is None
    first.remember([STUDY])
    assert second.original(Kind.STUDY, "2.25.1") == "1.2.3"
    assert warnings == ["the identity map could not be read and was made anew"]
    for each in (writer, first, second):
        each.close()


def test_a_locked_file_is_a_typed_error(path: Path, identities: IdentityMap) -> None:
    """The write is refused after the time given, names no value, and memory has it all the same."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StateUnavailable, match=r"^the identity map cannot be used \(SQLITE_BUSY\)$"):
        identities.remember([STUDY])
    other.close()

    assert identities.original(Kind.STUDY, "2.25.1") == "1.2.3"


def test_a_full_disk_is_a_typed_error(identities: IdentityMap) -> None:
    """The write is refused, what was there stays, and later writes succeed."""
    identities.remember([STUDY])
    pages = identities._connection.execute("PRAGMA page_count").fetchone()[0]
    identities._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StateUnavailable, match="SQLITE_FULL"):
        identities.remember([(Kind.SERIES, f"2.25.{number}", "1.2") for number in range(1_000)])
    identities._connection.execute("PRAGMA max_page_count = 100000")

    assert identities.original(Kind.STUDY, "2.25.1") == "1.2.3"
    identities.remember([(Kind.SERIES, "2.25.7", "1.2.7")])


def test_a_file_that_cannot_be_made_is_a_typed_error(tmp_path: Path) -> None:
    """The message does not tell where it would be."""
    with pytest.raises(StateUnavailable) as failure:
        IdentityMap(tmp_path / "absent" / "map")

    assert str(failure.value) == "the identity map cannot be used (FileNotFoundError)"


def test_a_closed_map_is_a_typed_error(path: Path) -> None:
    """No library's error gets out."""
    identities = IdentityMap(path)
    identities.close()
    with pytest.raises(StateUnavailable, match="closed"):
        identities.original(Kind.STUDY, "2.25.1")
