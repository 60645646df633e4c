"""The protocol of a ledger's database, and SQLite: a file for one coordinator.

Statements have named parameters (`:job`). Errors of the database, whose messages may quote values of rows, become
StateUnavailable. Slow imports are avoided, since `anonymize` opens a ledger even for a single instance.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.errors import StateUnavailable

Values = Mapping[str, object]
Row = tuple[Any, ...]

WAIT_SECONDS = 30.0
"""Timeout while another process locks the file, as `export status` and `export cancel` do for a moment."""
_ROWS_AT_A_TIME = 1_000


class Transaction(Protocol):
    """An atomic group of statements."""

    def execute(self, statement: str, values: Values) -> list[Row]:
        """Execute a statement, and return its rows."""
        ...

    def execute_many(self, statement: str, rows: Sequence[Values]) -> None:
        """Execute a statement for each of the rows."""
        ...


class Database(Protocol):
    """The database of a ledger."""

    is_shared: bool
    """Whether several coordinators may use it at once."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """A transaction. Raises StateUnavailable."""
        ...

    def read(self, statement: str, values: Values) -> list[Row]:
        """The rows of a read-only statement. Raises StateUnavailable."""
        ...

    def stream(self, statement: str, values: Values) -> Iterator[Row]:
        """The rows of a read-only statement, few at a time, from one snapshot. Raises StateUnavailable."""
        ...

    def locked(self, name: str) -> AbstractContextManager[None]:
        """A lock between coordinators. Raises StateUnavailable."""
        ...

    def overwrite_deleted(self) -> None:
        """Erase deleted rows from the file, as far as the database can. Raises StateUnavailable."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class SQLite:
    """A file."""

    is_shared = False

    def __init__(self, path: Path, *, is_alone: bool = False) -> None:
        """Open the file, and create it if it is missing. With `is_alone` no other process can open it.

        Raises sqlite3.Error.
        """
        self._path = path
        self._is_alone = is_alone
        self._connection = self._connected()
        try:
            if is_alone:
                self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
                self._connection.execute("BEGIN EXCLUSIVE")
                self._connection.execute("COMMIT")
            else:
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA secure_delete = ON")  # deleted rows are originals
        except sqlite3.Error:
            self._connection.close()
            raise

    def _connected(self) -> sqlite3.Connection:
        wait = 0.0 if self._is_alone else WAIT_SECONDS
        connection = sqlite3.connect(self._path, timeout=wait, isolation_level=None)
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """As `Database.transaction`."""
        with _typed():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield _SQLiteTransaction(self._connection)
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def read(self, statement: str, values: Values) -> list[Row]:
        """As `Database.read`."""
        with _typed():
            return self._connection.execute(statement, dict(values)).fetchall()

    def stream(self, statement: str, values: Values) -> Iterator[Row]:
        """As `Database.stream`; by a connection of its own, so that what is read does not see what is written."""
        with _typed():
            connection = self._connection if self._is_alone else self._connected()
            try:
                cursor = connection.execute(statement, dict(values))
                while rows := cursor.fetchmany(_ROWS_AT_A_TIME):
                    yield from rows
                cursor.close()
            finally:
                if connection is not self._connection:
                    connection.close()

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """As `Database.locked`: the coordinator is the only one."""
        del name
        yield

    def overwrite_deleted(self) -> None:
        """As `Database.overwrite_deleted`: the file is written anew, and its log emptied."""
        with _typed():
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """As `Database.close`."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()


class _SQLiteTransaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, values: Values) -> list[Row]:
        """As `Transaction.execute`."""
        return self._connection.execute(statement, dict(values)).fetchall()

    def execute_many(self, statement: str, rows: Sequence[Values]) -> None:
        """As `Transaction.execute_many`."""
        self._connection.executemany(statement, rows)


@contextmanager
def _typed() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error:
        raise unavailable() from None


def unavailable() -> StateUnavailable:
    """The error for a database that cannot be used."""
    return StateUnavailable("the ledger cannot be read or written")


def private_sqlite(folder: Path, name: str) -> SQLite:
    """A database file in a folder, both accessible by the owner only. Raises ConfigurationError."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / name
        # Made with its mode: SQLite gives the files beside it the same.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigurationError(f"state: the folder cannot be created or written ({error.strerror})") from None
    try:
        return SQLite(path)
    except sqlite3.Error:
        raise ConfigurationError("state: the ledger cannot be read or written; check --state") from None
