"""Opening the database of a job's state, and listing its jobs."""

from __future__ import annotations

import base64
import re
import secrets
from pathlib import Path

from dicomveil_engine import ConfigurationError
from dicomveil_engine.pseudonyms.keys import keyed_digest
from dicomveil_proxy.errors import StateUnavailable
from dicomveil_proxy.jobs.ledger import schema
from dicomveil_proxy.jobs.ledger.database import Database, private_sqlite
from dicomveil_proxy.jobs.ledger.postgresql import PostgreSQL

FILE = "ledger.sqlite"
DATABASE = re.compile("postgres(ql)?(\\+[a-z0-9]+)?://")
"""URL schemes of PostgreSQL."""
_TABLES = "tables"


def open_ledger(state: Path | str) -> Database:
    """Open the database and create its tables. Raises ConfigurationError."""
    is_url = isinstance(state, str) and DATABASE.match(state)
    database: Database = PostgreSQL(str(state)) if is_url else private_sqlite(Path(state), FILE)
    try:
        with database.locked(_TABLES):
            make_tables(database)
    except StateUnavailable:
        database.close()
        raise ConfigurationError("state: the ledger cannot be read or written; check --state") from None
    return database


def make_tables(database: Database) -> None:
    """Create missing tables. Raises StateUnavailable."""
    with database.transaction() as transaction:
        for statement in schema.TABLES:
            transaction.execute(statement, {})
        transaction.execute(
            "INSERT INTO ledger VALUES (1, :salt) ON CONFLICT (one) DO NOTHING", {"salt": secrets.token_hex(32)}
        )


def job_of(database: Database, destination: str) -> str:
    """The name of the job that exports to a destination: eight letters and digits of a keyed digest.

    Raises StateUnavailable.
    """
    ((salt,),) = database.read("SELECT salt FROM ledger WHERE one = 1", {})
    digest = keyed_digest(bytes.fromhex(salt), destination.encode("utf-8", "surrogatepass"))
    return base64.b32encode(digest[:5]).decode("ascii")


def jobs_of(database: Database) -> list[tuple[str, int, str]]:
    """The jobs in a ledger: name, number of the run, and its state. Raises StateUnavailable."""
    rows = database.read("SELECT job, run, state FROM job ORDER BY job", {})
    return [(str(job), int(run), str(state)) for job, run, state in rows]
