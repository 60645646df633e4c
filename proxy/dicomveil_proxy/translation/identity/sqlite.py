"""The identity map in an SQLite file, which several processes of one machine may use at the same time.

The file holds originals, so it is its owner's alone; it is a cache, so a broken one is made anew. The statements are
SQLAlchemy's, compiled once and run on the driver: its own execution of them costs more than SQLite's.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.pool import StaticPool

from dicomveil_proxy.errors import StateUnavailable
from dicomveil_proxy.translation.identity import schema
from dicomveil_proxy.translation.identity.table import Row

if sys.platform != "win32":
    import fcntl


def _compiled(statement: sa.ClauseElement) -> str:
    """Its SQL, with a question mark for each of project, kind, pseudonym and, where it is there, original."""
    return str(statement.compile(dialect=sqlite.dialect()))


_READ, _DELETE, _PAGE = _compiled(schema.READ), _compiled(schema.DELETE), _compiled(schema.PAGE)
_WRITE = _compiled(schema.write(sqlite.insert))

_BROKEN = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB))

_T = TypeVar("_T")


class SQLiteTable:
    """The rows of a project in a file. `warn` is called, without any value, when a broken file was made anew.

    Raises StateUnavailable when the file cannot be made or used, ConfigurationError when a later version made it.
    """

    def __init__(self, path: Path, project: str, *, busy_seconds: float, warn: Callable[[str], None]) -> None:
        self._path = path
        self._project = project
        self._busy_seconds = busy_seconds
        self._warn = warn
        self._lock = threading.Lock()
        self._inode = 0
        with _typed():
            self._connection = self._open()

    def read(self, kind: str, pseudonym: str) -> str | None:
        """The original, or None where there is no row."""
        this = (self._project, kind, pseudonym)
        with self._lock:
            row = self._with_file(lambda: self._connection.execute(_READ, this).fetchone())
        return None if row is None else str(row[0])

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows, or correct them: all, or none."""
        self._run(_WRITE, rows)

    def delete(self, rows: Sequence[Row]) -> None:
        """Take away rows that still say this."""
        self._run(_DELETE, rows)

    def page(self, kind: str, after: str, count: int) -> list[Row]:
        """So many rows of a kind, in the order of their pseudonyms, after one."""
        these = (self._project, kind, after, count, 0)
        with self._lock:
            rows = self._with_file(lambda: self._connection.execute(_PAGE, these).fetchall())
        return [(str(found), str(pseudonym), str(original)) for found, pseudonym, original in rows]

    def compact(self) -> None:
        """Write what is in the log into the file, whose freed pages are overwritten, and empty the log."""
        with self._lock:
            self._with_file(lambda: self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone())

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _run(self, statement: str, rows: Sequence[Row]) -> None:
        values = [(self._project, *row) for row in rows]

        def run() -> None:
            with _transaction(self._connection):
                self._connection.executemany(statement, values)

        with self._lock:
            self._with_file(run)

    def _with_file(self, act: Callable[[], _T]) -> _T:
        """Do it; where the file turns out to be broken, do it again with a new one."""
        with _typed():
            try:
                return act()
            except sqlite3.DatabaseError as error:
                if not _is_broken(error):
                    raise
                self._connection.close()
                self._connection = self._open(is_broken=True)
                return act()

    def _open(self, *, is_broken: bool = False) -> sqlite3.Connection:
        """Open the file, making it anew where it is broken; other processes that open it wait meanwhile."""
        with self._alone():
            # Another process may have replaced the broken file already.
            if is_broken and self._path.exists() and self._path.stat().st_ino == self._inode:
                self._delete_file()
            try:
                return self._connect()
            except sqlite3.DatabaseError as error:
                if not _is_broken(error):
                    raise
            self._delete_file()
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        # SQLite gives its other files the mode of this one. One that exists is not opened here: to close
        # it again would drop the locks that this process has on it.
        with suppress(FileExistsError):
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        self._path.chmod(0o600)
        self._inode = self._path.stat().st_ino
        connection = sqlite3.connect(
            self._path, timeout=self._busy_seconds, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            # A crash of the machine may lose the last writes, which costs a cache nothing.
            connection.execute("PRAGMA synchronous = NORMAL")
            # What is taken away holds originals: it is overwritten, not only given free.
            connection.execute("PRAGMA secure_delete = ON")
            _migrate(connection)
            connection.execute(_READ, ("", "", "")).fetchone()
        except BaseException:
            connection.close()
            raise
        return connection

    def _delete_file(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._warn("the identity map could not be read and was made anew")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock file, which keeps processes that start together out of each other's way."""
        if sys.platform == "win32":
            yield
            return
        descriptor = os.open(self._path.with_name(self._path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # a full disk has rolled back already
            connection.execute("ROLLBACK")
        raise


def _migrate(connection: sqlite3.Connection) -> None:
    """Let the schema see the connection as one of SQLAlchemy's, which does not close it."""
    engine = sa.create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool, hide_parameters=True)
    try:
        with engine.begin() as lent:
            if schema.version_of(lent) != schema.VERSION:
                lent.exec_driver_sql("BEGIN IMMEDIATE")
                schema.migrate(lent)
    except sa.exc.DBAPIError as error:
        raise (error.orig or error) from None


@contextmanager
def _typed() -> Iterator[None]:
    """Whatever the disk says becomes StateUnavailable, without SQL or values."""
    try:
        yield
    except sqlite3.Error as error:
        reason = getattr(error, "sqlite_errorname", "closed")
        raise StateUnavailable(f"the identity map cannot be used ({reason})") from None
    except OSError as error:
        raise StateUnavailable(f"the identity map cannot be used ({type(error).__name__})") from None


def _is_broken(error: sqlite3.DatabaseError) -> bool:
    """Whether the file is at fault, and not the disk or the moment."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _BROKEN
