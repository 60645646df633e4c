"""The identity map in a real PostgreSQL: shared, migrated, discreet."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.errors import StateUnavailable
from dicomveil_proxy.translation.identity import IdentityMap, Kind, open_identity_map
from dicomveil_proxy.translation.identity.postgresql import PostgreSQLTable
from origin.postgresql import PASSWORD, PostgreSQL, running_postgresql

pytestmark = pytest.mark.origin

STUDY = ("study", "2.25.1", "1.2.3")


@pytest.fixture(scope="module")
def url(postgresql: PostgreSQL) -> str:
    """Of a database that the tests of this module share, each with a project of its own."""
    return postgresql.make("identity")


@pytest.fixture
def table(url: str, request: pytest.FixtureRequest) -> Iterator[PostgreSQLTable]:
    """An empty one."""
    table = PostgreSQLTable(url, request.node.name)
    yield table
    table.close()


def run(url: str, statement: str) -> None:
    """As the database's owner."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def test_rows(table: PostgreSQLTable) -> None:
    """Written, corrected, and taken away where they still say this."""
    table.write([STUDY, ("series", "2.25.1", "1.2.4")])
    table.write([("series", "2.25.1", "1.2.5"), ("patient", "P", "PATIENT-Ä\N{GRINNING FACE}")])
    table.delete([STUDY, ("series", "2.25.1", "1.2.4")])

    assert table.read("study", "2.25.1") is None
    assert table.read("series", "2.25.1") == "1.2.5"
    assert table.read("patient", "P") == "PATIENT-Ä\N{GRINNING FACE}"


def test_text_that_it_cannot_hold(table: PostgreSQLTable) -> None:
    """A PatientID with NUL in it is left out, and the rest is written."""
    table.write([("patient", "P", "PATIENT\0-1"), STUDY])

    assert table.read("patient", "P") is None
    assert table.read("study", "2.25.1") == "1.2.3"


def test_the_database_of_the_page(postgresql: PostgreSQL) -> None:
    """docs/configuration.md: an administrator's statements, and the URL; the user then needs no more rights."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    state = page.partition("## State")[2]
    (statements,) = re.findall(r"```sql\n(.*?)```", state, re.DOTALL)
    (url,) = re.findall(r'state = "(.*?)"', state)
    for statement in statements.split(";\n")[:-1]:
        run(postgresql.url(), statement)
    here = url.replace("@database.example.org", f":choose-one@127.0.0.1:{postgresql.port}").partition("?")[0]
    identities = open_identity_map(here)
    identities.record([(Kind.STUDY, "2.25.1", "1.2.3")])
    run(here, "DELETE FROM identity")
    identities.close()


def test_replicas_and_projects(url: str) -> None:
    """What one replica remembers, another knows at once; another project does not."""
    one, two, other = (IdentityMap(url, project=project) for project in ("p", "p", "q"))
    one.record([(Kind.STUDY, "2.25.1", "1.2.3")])

    assert two.original(Kind.STUDY, "2.25.1") == "1.2.3"
    assert other.original(Kind.STUDY, "2.25.1") is None
    for each in (one, two, other):
        each.close()


def test_replicas_write_at_once(url: str) -> None:
    """The same rows in different orders, and none waits for another in vain."""
    rows = [("instance", f"2.25.{number}", f"1.2.{number}") for number in range(200)]
    tables = [PostgreSQLTable(url, "at once") for _ in range(4)]
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            for turn in range(5):
                original = f"1.2.{number}.{turn}"
                tables[number].write([(kind, name, original) for kind, name, _ in rows[:: 1 if number % 2 else -1]])
        except StateUnavailable as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert str(tables[0].read("instance", "2.25.199")).endswith(".4")
    for table in tables:
        table.close()


def test_replicas_start_at_once(postgresql: PostgreSQL) -> None:
    """One makes the tables, and the others find them."""
    url = postgresql.make("together")
    tables: list[PostgreSQLTable] = []
    threads = [threading.Thread(target=lambda: tables.append(PostgreSQLTable(url, ""))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tables[0].write([STUDY])

    assert [table.read("study", "2.25.1") for table in tables] == ["1.2.3"] * 6
    for table in tables:
        table.close()


def test_a_later_version_is_refused(postgresql: PostgreSQL) -> None:
    """In a sentence, and it stays as it is."""
    url = postgresql.make("later")
    PostgreSQLTable(url, "").close()
    run(url, "UPDATE identity_version SET version = 99")

    with pytest.raises(ConfigurationError, match=r"a later dicomveil \(its version is 99, this one supports 2\)"):
        open_identity_map(url)


def test_what_is_not_fit_is_refused(postgresql: PostgreSQL) -> None:
    """Another encoding, somebody else's table, no right to make one, a wrong password: without name or password."""
    latin = postgresql.make("latin", "LATIN1")
    foreign = postgresql.make("foreign_table")
    run(foreign, "CREATE TABLE identity (id integer)")
    closed = postgresql.make("closed")
    run(closed, f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    messages = []
    for url in (latin, foreign, closed.replace("//veil:", "//guest:"), postgresql.url("latin", "wrong-" + PASSWORD)):
        with pytest.raises(ConfigurationError) as refused:
            open_identity_map(url)
        messages.append(str(refused.value))

    assert messages[0] == "state: the database's encoding is not UTF8; create one with ENCODING 'UTF8'"
    assert [message.partition(";")[0].partition("used ")[2] for message in messages[1:]] == [
        "(DuplicateTable)",
        "(InsufficientPrivilege)",
        "(OperationalError)",
    ]
    assert not any(word in message for message in messages for word in (PASSWORD, "guest", "127.0.0.1", "latin"))


@pytest.mark.usefixtures("postgresql")  # or a skip
def test_a_database_that_goes_away() -> None:
    """A typed error without address or password; then rest, so that requests do not each wait in vain."""
    now = 0.0
    with running_postgresql() as server:
        table = PostgreSQLTable(server.url(), "", clock=lambda: now)
        table.write([STUDY])
    messages = []
    for now in (0.0, 4.9, 5.0):  # noqa: B007 - the table's clock
        with pytest.raises(StateUnavailable) as failure:
            table.read("study", "2.25.1")
        messages.append(str(failure.value))
    table.close()

    assert messages == [
        "the identity map cannot be used (OperationalError)",
        "the identity map cannot be used (not tried again yet)",
        "the identity map cannot be used (OperationalError)",
    ]


def test_connections_that_were_cut(url: str, table: PostgreSQLTable) -> None:
    """A server that was started again is used again, and no request sees it."""
    table.write([STUDY])
    run(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dicomveil'")

    assert table.read("study", "2.25.1") == "1.2.3"


def test_a_closed_table_is_a_typed_error(url: str) -> None:
    """No library's error gets out."""
    table = PostgreSQLTable(url, "")
    table.close()
    with pytest.raises(StateUnavailable, match="closed"):
        table.read("study", "2.25.1")


def test_no_value_is_in_the_librarys_log(table: PostgreSQLTable, caplog: pytest.LogCaptureFixture) -> None:
    """Although an administrator has SQLAlchemy log its statements."""
    caplog.set_level(logging.INFO, "sqlalchemy.engine")
    table.write([STUDY])
    assert table.read("study", "2.25.1") == "1.2.3"

    assert "INSERT INTO identity" in caplog.text
    assert "1.2.3" not in caplog.text
    assert "2.25.1" not in caplog.text
