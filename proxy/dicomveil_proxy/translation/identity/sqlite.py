"""The identity map in an SQLite file, which several processes of one machine may use at the same time.

The file contains originals, and is readable by its owner only. It is a cache, and replaced if it is damaged. The
statements are those of `schema.py` as SQLAlchemy writes them for SQLite, which a test compares: its execution takes
longer than SQLite's, and its import as long as half a start. It is imported to migrate a file of an earlier version.
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

from dicomveil_proxy.errors import StateUnavailable
from dicomveil_proxy.translation.identity.table import VERSION, Row

if sys.platform != "win32":
    import fcntl


READ = (
    "SELECT identity.original FROM identity WHERE identity.project = ? AND identity.kind = ? AND identity.pseudonym = ?"
)
PAGE = (
    "SELECT identity.kind, identity.pseudonym, identity.original FROM identity "
    "WHERE identity.project = ? AND identity.kind = ? AND identity.pseudonym > ? "
    "ORDER BY identity.pseudonym LIMIT ? OFFSET ?"
)
DELETE = (
    "DELETE FROM identity WHERE identity.project = ? AND identity.kind = ? AND identity.pseudonym = ? "
    "AND identity.original = ?"
)
WRITE = (
    "INSERT INTO identity (project, kind, pseudonym, original) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (project, kind, pseudonym) DO UPDATE SET original = excluded.original "
    "WHERE identity.original != excluded.original"
)
TABLES = (
    """CREATE TABLE identity ( project TEXT NOT NULL, kind TEXT NOT NULL, pseudonym TEXT NOT NULL,
    original TEXT NOT NULL, PRIMARY KEY (project, kind, pseudonym) ) WITHOUT ROWID""",
    "CREATE TABLE identity_version ( version INTEGER NOT NULL )",
)

_BROKEN = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB))

_T = TypeVar("_T")


class SQLiteTable:
    """The rows of a project in a file. `warn` is called, without values, when a damaged file was replaced.

    Raises StateUnavailable if the file cannot be created or used, ConfigurationError if it has a later version.
    """

    def __init__(self, path: Path, project: str, *, busy_seconds: float, warn: Callable[[str], None]) -> None:
        self._path = path
        self._project = project
        self._busy_seconds = busy_seconds
        self._warn = warn
        self._lock = threading.Lock()
        with _typed():
            self._connection = self._open()

    def read(self, kind: str, pseudonym: str) -> str | None:
        """The original, or None without a row."""
        this = (self._project, kind, pseudonym)
        with self._lock:
            row = self._with_file(lambda: self._connection.execute(READ, this).fetchone())
        return None if row is None else str(row[0])

    def write(self, rows: Sequence[Row]) -> None:
        """Insert or update rows in one transaction."""
        self._run(WRITE, rows)

    def delete(self, rows: Sequence[Row]) -> None:
        """Delete rows that are unchanged."""
        self._run(DELETE, rows)

    def page(self, kind: str, after: str, count: int) -> list[Row]:
        """The next `count` rows of a kind after a pseudonym, in order."""
        these = (self._project, kind, after, count, 0)
        with self._lock:
            rows = self._with_file(lambda: self._connection.execute(PAGE, these).fetchall())
        return [(str(found), str(pseudonym), str(original)) for found, pseudonym, original in rows]

    def compact(self) -> None:
        """Checkpoint and truncate the write-ahead log; freed pages of the file are overwritten (secure_delete)."""
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
        """Run `act`; if the file turns out to be damaged, replace it and run `act` again."""
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
        """Open the file, and replace it if it is damaged; other processes that open it wait meanwhile."""
        with self._alone():
            # Another process may have replaced the damaged file already.
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
        # SQLite's other files get the mode of this one. An existing file is not opened here, since closing it would
        # release this process's locks on it (POSIX).
        with suppress(FileExistsError):
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        self._path.chmod(0o600)
        self._inode = self._path.stat().st_ino
        connection = sqlite3.connect(
            self._path, timeout=self._busy_seconds, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            # A crash of the machine may lose the last writes, which does not matter for a cache.
            connection.execute("PRAGMA synchronous = NORMAL")
            # Deleted rows contain originals, and are overwritten.
            connection.execute("PRAGMA secure_delete = ON")
            _migrate(connection)
            connection.execute(READ, ("", "", "")).fetchone()
        except BaseException:
            connection.close()
            raise
        return connection

    def _delete_file(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._warn("the identity map could not be read and was replaced")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock file, so that processes that start together open the file in turn."""
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
    """Create the tables, or migrate earlier ones to VERSION. Raises ConfigurationError."""
    if _version_of(connection) == VERSION:
        return
    with _transaction(connection):
        if _version_of(connection) is None:
            for statement in TABLES:
                connection.execute(statement)
            connection.execute("INSERT INTO identity_version (version) VALUES (?)", (VERSION,))
            return
    _migrate_by_schema(connection)


def _version_of(connection: sqlite3.Connection) -> int | None:
    """The version of the existing tables; None if there are none."""
    named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ('identity', 'identity_version')"
    tables = {name for (name,) in connection.execute(named)}
    if "identity_version" in tables:
        row = connection.execute("SELECT version FROM identity_version").fetchone()
        return int(row[0]) if row else 0
    return 1 if tables else None


def _migrate_by_schema(connection: sqlite3.Connection) -> None:
    """Migrate the tables over a SQLAlchemy engine that uses this connection, and does not close it."""
    import sqlalchemy as sa  # noqa: PLC0415 - see the module's docstring
    from sqlalchemy.pool import StaticPool  # noqa: PLC0415

    from dicomveil_proxy.translation.identity import schema  # noqa: PLC0415

    engine = sa.create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool, hide_parameters=True)
    try:
        with engine.begin() as lent:
            if schema.version_of(lent) != VERSION:
                lent.exec_driver_sql("BEGIN IMMEDIATE")
                schema.migrate(lent)
    except sa.exc.DBAPIError as error:
        raise (error.orig or error) from None


@contextmanager
def _typed() -> Iterator[None]:
    """Map errors of SQLite and the disk to StateUnavailable, without SQL or values."""
    try:
        yield
    except sqlite3.Error as error:
        reason = getattr(error, "sqlite_errorname", "closed")
        raise StateUnavailable(f"the identity map cannot be used ({reason})") from None
    except OSError as error:
        raise StateUnavailable(f"the identity map cannot be used ({type(error).__name__})") from None


def _is_broken(error: sqlite3.DatabaseError) -> bool:
    """Whether the file is damaged; a full disk or a lock is another error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _BROKEN
