"""PostgreSQL as a ledger's database, for coordinators on several machines that share a job."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.jobs.ledger.database import Row, Transaction, Values, unavailable

_PARAMETER = re.compile(r":([a-z_][a-z0-9_]*)")
_DRIVER = re.compile(r"\+[a-z0-9]+(?=://)")
_ROWS_AT_A_TIME = 1_000
_JOBS = 1
"""The first key of advisory locks on jobs."""


class PostgreSQL:
    """A PostgreSQL database."""

    is_shared = True

    def __init__(self, url: str) -> None:
        """Connect. Raises ConfigurationError if that fails."""
        try:
            import psycopg  # noqa: PLC0415 - an extra
            from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415
        except ModuleNotFoundError:
            raise ConfigurationError(
                "state: the driver for PostgreSQL is not installed; install dicomveil-proxy[postgresql]"
            ) from None
        self._psycopg = psycopg
        self._url = _DRIVER.sub("", url)
        try:
            conninfo_to_dict(self._url)
        except psycopg.Error:
            raise ConfigurationError("state: it is not a PostgreSQL URL; write postgresql://user@host/name") from None
        try:
            self._connection = self._connected()
        except psycopg.Error:
            raise ConfigurationError("state: the ledger cannot be read or written; check --state") from None

    def _connected(self) -> Any:
        return self._psycopg.connect(self._url, autocommit=True)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """As `Database.transaction`."""
        with self._typed():
            connection = self._ready()
            with connection.transaction():
                yield _Transaction(connection)

    def _ready(self) -> Any:
        """The connection, reopened if it was lost."""
        try:
            self._connection.execute("SELECT 1")
        except self._psycopg.Error:
            self._connection.close()
            self._connection = self._connected()
        return self._connection

    def read(self, statement: str, values: Values) -> list[Row]:
        """As `Database.read`."""
        with self._typed():
            return _Transaction(self._ready()).execute(statement, values)

    def stream(self, statement: str, values: Values) -> Iterator[Row]:
        """As `Database.stream`, with a server-side cursor."""
        with (
            self._typed(),
            self._connected() as connection,
            connection.transaction(),
            connection.cursor(name="rows") as cursor,
        ):
            cursor.itersize = _ROWS_AT_A_TIME
            cursor.execute(_own(statement), dict(values))
            for row in cursor:
                yield tuple(row)

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """As `Database.locked`."""
        number = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest()) >> 1
        with self._typed(), self._connected() as connection:
            connection.execute("SELECT pg_advisory_lock(%s, %s)", (_JOBS, number))
            try:
                yield
            finally:
                connection.execute("SELECT pg_advisory_unlock(%s, %s)", (_JOBS, number))

    def overwrite_deleted(self) -> None:
        """As `Database.overwrite_deleted`, which does nothing here: the server's log and backups are its operator's."""

    def close(self) -> None:
        """As `Database.close`."""
        with contextlib.suppress(self._psycopg.Error):
            self._connection.close()

    @contextmanager
    def _typed(self) -> Iterator[None]:
        try:
            yield
        except self._psycopg.Error:
            raise unavailable() from None


class _Transaction:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def execute(self, statement: str, values: Values) -> list[Row]:
        """As `Transaction.execute`."""
        cursor = self._connection.execute(_own(statement), dict(values))
        return [tuple(row) for row in cursor.fetchall()] if cursor.description is not None else []

    def execute_many(self, statement: str, rows: Sequence[Values]) -> None:
        """As `Transaction.execute_many`."""
        with self._connection.cursor() as cursor:
            cursor.executemany(_own(statement), rows)


@lru_cache(64)
def _own(statement: str) -> str:
    """The statement with parameters in psycopg's syntax."""
    return _PARAMETER.sub(r"%(\1)s", statement.replace("%", "%%"))
