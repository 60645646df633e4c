"""The identity map in a file: shared, its owner's alone, made anew when it is broken."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import dialect, insert
from sqlalchemy.schema import CreateTable

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.errors import StateUnavailable
from dicomveil_proxy.translation.identity import ignore_warning, schema, sqlite
from dicomveil_proxy.translation.identity.sqlite import SQLiteTable
from dicomveil_proxy.translation.identity.table import VERSION

STUDY = ("study", "2.25.1", "1.2.3")


def opened(path: Path, warn: Callable[[str], None] = ignore_warning, project: str = "") -> SQLiteTable:
    """A table that does not wait long."""
    return SQLiteTable(path, project, busy_seconds=0.05, warn=warn)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a table's file will be."""
    return tmp_path / "identities.sqlite"


@pytest.fixture
def table(path: Path) -> Iterator[SQLiteTable]:
    """An empty one."""
    table = opened(path)
    yield table
    table.close()


def by_sqlalchemy(clause: sa.ClauseElement) -> str:
    """As SQLAlchemy writes it for SQLite, with single blanks."""
    return " ".join(str(clause.compile(dialect=dialect())).split())


def test_statements_are_those_of_the_schema() -> None:
    """They are written out, so that SQLAlchemy is not imported to read and write them."""
    written = [schema.READ, schema.PAGE, schema.DELETE, schema.write(insert)]
    tables = [CreateTable(table) for table in (schema.IDENTITY, schema.VERSION_TABLE)]

    assert [by_sqlalchemy(each) for each in written] == [sqlite.READ, sqlite.PAGE, sqlite.DELETE, sqlite.WRITE]
    assert [" ".join(each.split()) for each in sqlite.TABLES] == [by_sqlalchemy(each) for each in tables]


def test_the_schema_finds_nothing_to_change_in_new_tables(path: Path, table: SQLiteTable) -> None:
    """Made without it, they have its version."""
    with sa.create_engine(f"sqlite:///{path}").connect() as connection:
        assert schema.version_of(connection) == VERSION
        assert set(sa.inspect(connection).get_table_names()) == {"identity", "identity_version"}


def test_rows(table: SQLiteTable) -> None:
    """Written, corrected, and taken away where they still say this."""
    table.write([STUDY, ("series", "2.25.1", "1.2.4")])
    table.write([("series", "2.25.1", "1.2.5"), ("patient", "P", "PATIENT-1")])
    table.delete([STUDY, ("series", "2.25.1", "1.2.4")])

    assert table.read("study", "2.25.1") is None
    assert table.read("series", "2.25.1") == "1.2.5"
    assert table.read("patient", "P") == "PATIENT-1"


def test_it_outlives_the_process(path: Path, table: SQLiteTable) -> None:
    """A second one over the same file knows what the first was told, while both are open."""
    table.write([STUDY])
    second = opened(path)

    assert second.read("study", "2.25.1") == "1.2.3"
    second.close()


def test_other_processes_may_write(path: Path, table: SQLiteTable) -> None:
    """Workers share the file."""
    program = (
        "import sys; from pathlib import Path; from dicomveil_proxy.translation.identity import *;"
        "i = IdentityMap(Path(sys.argv[1])); i.record([(Kind.STUDY, '2.25.1', '1.2.3')]); i.close()"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, timeout=60)

    assert table.read("study", "2.25.1") == "1.2.3"


def test_it_is_its_owners_alone(path: Path, table: SQLiteTable) -> None:
    """Every file that can hold an original has mode 0600, even where it was laxer."""
    table.write([STUDY])
    path.chmod(0o644)
    opened(path).close()

    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}


def test_threads_share_it(table: SQLiteTable) -> None:
    """Threads that write and read at once lose nothing."""

    def work(number: int) -> None:
        for entry in range(20):
            table.write([("instance", f"2.25.{number}{entry:02}", f"1.2.{number}.{entry}")])
            assert table.read("instance", f"2.25.{number}{entry:02}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert table.read("instance", "2.25.319") == "1.2.3.19"
    assert table.read("instance", "2.25.000") == "1.2.0.0"


@pytest.mark.parametrize("content", [b"Doe^Jane" * 1_000, b"SQLite format 3\0" + b"\xff" * 5_000])
def test_a_broken_file_is_made_anew(path: Path, content: bytes) -> None:
    """It is a cache: it starts empty, works, and says so without a value."""
    path.write_bytes(content)
    warnings: list[str] = []
    table = opened(path, warnings.append)
    table.write([STUDY])
    table.close()
    again = opened(path, warnings.append)

    assert warnings == ["the identity map could not be read and was replaced"]
    assert again.read("study", "2.25.1") == "1.2.3"
    again.close()


def test_a_file_that_breaks_in_use_is_made_anew(path: Path) -> None:
    """Who finds it broken makes a new one and goes on; who finds it later takes that one."""
    warnings: list[str] = []
    writer, first, second = (opened(path, warnings.append) for _ in range(3))
    writer.write([("study", f"2.25.{number}", f"1.2.{number}") for number in range(2_000)])
    writer._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * (path.stat().st_size - 4096))

    assert first.read("study", "2.25.5") is None
    first.write([STUDY])
    assert second.read("study", "2.25.1") == "1.2.3"
    assert warnings == ["the identity map could not be read and was replaced"]
    for each in (writer, first, second):
        each.close()


def test_a_file_of_an_earlier_version_is_migrated(path: Path) -> None:
    """What it holds is known, in the project without a name; it is migrated once."""
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE identity (kind TEXT NOT NULL, pseudonym TEXT NOT NULL, original TEXT NOT NULL, "
            "PRIMARY KEY (kind, pseudonym)) WITHOUT ROWID"
        )
        connection.execute("INSERT INTO identity VALUES (?, ?, ?)", STUDY)
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    warnings: list[str] = []
    for _ in range(2):
        table = opened(path, warnings.append)
        assert table.read("study", "2.25.1") == "1.2.3"
        table.close()

    other = opened(path, project="other")
    assert other.read("study", "2.25.1") is None
    other.close()
    assert warnings == []


def test_a_file_of_a_later_version_is_refused(path: Path, table: SQLiteTable) -> None:
    """It stays as it is, and the message says what to do."""
    table.write([STUDY])
    table._connection.execute("UPDATE identity_version SET version = 99")
    with pytest.raises(ConfigurationError, match=r"a later dicomveil \(its version is 99, this one supports 2\)"):
        opened(path)

    assert table.read("study", "2.25.1") == "1.2.3"


def test_a_locked_file_is_a_typed_error(path: Path, table: SQLiteTable) -> None:
    """The write is refused after the time given, and names no value."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StateUnavailable, match=r"^the identity map cannot be used \(SQLITE_BUSY\)$"):
        table.write([STUDY])
    other.close()
    table.write([STUDY])

    assert table.read("study", "2.25.1") == "1.2.3"


def test_a_full_disk_is_a_typed_error(table: SQLiteTable) -> None:
    """The write is refused whole, what was there stays, and later writes succeed."""
    table.write([STUDY])
    pages = table._connection.execute("PRAGMA page_count").fetchone()[0]
    table._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StateUnavailable, match="SQLITE_FULL"):
        table.write([("series", f"2.25.{number}", "1.2") for number in range(1_000)])
    table._connection.execute("PRAGMA max_page_count = 100000")

    assert table.read("study", "2.25.1") == "1.2.3"
    assert table.read("series", "2.25.0") is None
    table.write([("series", "2.25.7", "1.2.7")])


def test_a_file_that_cannot_be_made_is_a_typed_error(tmp_path: Path) -> None:
    """The message does not tell where it would be."""
    with pytest.raises(StateUnavailable) as failure:
        opened(tmp_path / "absent" / "map")

    assert str(failure.value) == "the identity map cannot be used (FileNotFoundError)"


def test_a_closed_table_is_a_typed_error(path: Path) -> None:
    """No library's error gets out."""
    table = opened(path)
    table.close()
    with pytest.raises(StateUnavailable, match="closed"):
        table.read("study", "2.25.1")


def test_a_file_that_another_process_has_made_anew_is_not_deleted(path: Path) -> None:
    """It holds what that process has written since."""
    first, second = opened(path), opened(path)
    path.unlink()
    third = opened(path)
    third.write([STUDY])

    first._connection.close()
    first._connection = first._open(is_broken=True)

    assert first.read("study", "2.25.1") == "1.2.3"
    for each in (first, second, third):
        each.close()


def test_damage_that_opening_does_not_notice(path: Path) -> None:
    """The process that reads the damaged page replaces the file, and all of its rows are written and read again."""
    table = opened(path)
    table.write([("study", f"2.25.{number:05}", f"1.2.{number}") for number in range(2_000)])
    table.compact()
    table.close()
    path.write_bytes(path.read_bytes()[:-4096] + b"\xff" * 4096)
    warnings: list[str] = []
    table = opened(path, warnings.append)
    assert table.read("study", "2.25.00000") == "1.2.0"
    assert warnings == []

    assert table.read("study", "2.25.01999") is None
    table.write([STUDY])
    assert table.read("study", "2.25.1") == "1.2.3"
    assert warnings == ["the identity map could not be read and was replaced"]
    table.close()


def test_tables_that_another_process_has_migrated_meanwhile(path: Path, table: SQLiteTable) -> None:
    """Processes that start together migrate in turn: the second finds nothing to do, and loses nothing."""
    table.write([STUDY])
    with sa.create_engine(f"sqlite:///{path}").begin() as connection:
        schema.migrate(connection)
        assert schema.version_of(connection) == VERSION

    assert table.read("study", "2.25.1") == "1.2.3"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no flock")
def test_processes_open_the_file_in_turn(path: Path) -> None:
    """One that is about to replace a damaged file is waited for."""
    import fcntl

    tables: list[SQLiteTable] = []
    opening = threading.Thread(target=lambda: tables.append(opened(path)))
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        opening.start()
        opening.join(0.1)
        assert not path.exists()
    opening.join(30)
    (table,) = tables
    table.close()
