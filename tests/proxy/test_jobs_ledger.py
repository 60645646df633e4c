"""The ledger's database: what a transaction is, what a stream sees, and what is imported for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.errors import StateUnavailable
from dicomveil_proxy.jobs.ledger import Ledger, job_of, jobs_of, open_ledger
from dicomveil_proxy.jobs.ledger.opening import FILE
from dicomveil_proxy.jobs.ledger.postgresql import PostgreSQL, _own

UNIT = {"number": 1, "study": "1.2.3", "series": "1.2.3.1", "listed": 1}


def test_a_transaction_is_done_whole_or_not_at_all(tmp_path: Path) -> None:
    """What was done before the fault is undone, and the fault's own message, which may hold values, is not shown."""
    database = open_ledger(tmp_path)
    try:
        with pytest.raises(StateUnavailable, match="cannot be read or written"), database.transaction() as transaction:
            transaction.execute_many("INSERT INTO selection VALUES ('J', :n, 1, '1.2.3')", [{"n": 1}, {"n": 1}])
        assert database.read("SELECT * FROM selection", {}) == []
    finally:
        database.close()


def test_what_is_streamed_is_not_changed_by_what_is_written_meanwhile(tmp_path: Path) -> None:
    """Rows that are removed while they are read come, and those that are added do not."""
    ledger = Ledger(open_ledger(tmp_path), "J")
    try:
        ledger.begin("fingerprint")
        ledger.add_units([{**UNIT, "number": n, "series": f"1.2.3.{n}"} for n in range(1, 3_001)])
        rows = ledger.stream("SELECT number FROM unit WHERE job = :job ORDER BY number")
        first = next(rows)
        ledger.execute("DELETE FROM unit WHERE job = :job AND number > 1500")
        ledger.add_units([{**UNIT, "number": 9_999, "series": "1.2.3.9999"}])
        assert [first, *rows] == [(n,) for n in range(1, 3_001)]
    finally:
        ledger.close()


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    """And so are those that SQLite has beside it; another process sees what was committed."""
    ledger = Ledger(open_ledger(tmp_path / "state"), "J")
    try:
        ledger.begin("fingerprint")
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "state").iterdir()}
        assert modes.keys() >= {FILE}
        assert set(modes.values()) == {0o600}
        other = open_ledger(tmp_path / "state")
        assert jobs_of(other) == [("J", 1, "planning")]
        other.close()
    finally:
        ledger.close()


def test_what_is_erased_is_in_no_file(tmp_path: Path) -> None:
    """Neither in the database nor in the log beside it; that the job is closed stays known."""
    ledger = Ledger(open_ledger(tmp_path), "J")
    try:
        ledger.begin("fingerprint")
        ledger.add_units([{**UNIT, "number": n, "series": f"1.2.3.4567.{n}"} for n in range(1, 2_001)])
        assert any(b"1.2.3.4567." in path.read_bytes() for path in tmp_path.iterdir())
        ledger.erase("closed")
        assert not any(b"1.2.3.4567." in path.read_bytes() for path in tmp_path.iterdir())
        assert next(ledger.stream("SELECT state FROM job WHERE job = :job")) == ("closed",)
    finally:
        ledger.close()


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    """As a file of another kind by its name, or a folder that cannot be made."""
    (tmp_path / FILE).write_bytes(b"no database" * 1_000)
    with pytest.raises(ConfigurationError, match=r"^state: the ledger cannot be read or written"):
        open_ledger(tmp_path)
    with pytest.raises(ConfigurationError, match=r"^state: the folder cannot be created"):
        open_ledger(tmp_path / FILE / "below")


def test_a_job_has_one_name_for_one_destination_and_ledger(tmp_path: Path) -> None:
    """It says nothing of the destination to those who do not have the ledger."""
    names = []
    for folder in ("one", "one", "two"):
        database = open_ledger(tmp_path / folder)
        names.append(job_of(database, "/somewhere"))
        database.close()

    assert names[0] == names[1] != names[2]


def test_statements_are_spelt_for_psycopg() -> None:
    """Parameters by name, and a percent sign as itself."""
    assert _own("SELECT '%' WHERE job = :job AND number_1 = :number_1") == (
        "SELECT '%%' WHERE job = %(job)s AND number_1 = %(number_1)s"
    )


@pytest.mark.parametrize(
    ("url", "said"), [("postgresql://[", "not a PostgreSQL URL"), ("postgresql://127.0.0.1:1/x", "cannot be")]
)
def test_a_database_that_does_not_answer_is_refused(url: str, said: str) -> None:
    """Without its URL, which may hold a password."""
    pytest.importorskip("psycopg")
    with pytest.raises(ConfigurationError, match=f"^state: .*{said}") as refused:
        PostgreSQL(url)
    assert "127.0.0.1" not in str(refused.value)


def test_a_local_ledger_imports_no_database_library() -> None:
    """`anonymize` of a single instance opens one, and starts quickly."""
    program = (
        "import sys, dicomveil_proxy.command.anonymize\n"
        "from dicomveil_proxy.jobs.ledger.files import FileLedger\n"
        "print(sorted({'sqlalchemy', 'psycopg', 'httpx'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.stdout == "[]\n", done.stderr
