"""The identity map in a PostgreSQL database, which replicas share.

The driver, psycopg, is an optional dependency and imported only here. Messages of the driver and the server are
dropped: they contain the database's address, its user, and values of rows. Timeouts are short, since the origin server
can be asked instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.expression import Executable

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.errors import StateUnavailable
from dicomveil_proxy.translation.identity import schema
from dicomveil_proxy.translation.identity.table import VERSION, Row

_WRITE = schema.write(postgresql.insert)
_MIGRATION_LOCK = 0x6469636F6D  # "dicom": an arbitrary number that other applications are unlikely to use
_SECONDS = 5
"""Timeout of a connection or a statement; the same as for a locked SQLite file."""
_PARAMETERS = {
    "connect_timeout": str(_SECONDS),
    "tcp_user_timeout": str(1000 * _SECONDS),
    "application_name": "dicomveil",
    "client_encoding": "utf8",
    "options": f"-c statement_timeout={_SECONDS}s -c lock_timeout={_SECONDS}s",
}
"""Parameters of libpq; the URL may override them."""
_REST_SECONDS = 5.0
"""Pause after the database could not be reached, so that not every request waits for the timeout."""
_CONNECTIONS = 4
"""Per worker and project; PostgreSQL allows 100 in all by default."""


class PostgreSQLTable:
    """The rows of a project in a database.

    Raises ConfigurationError if the driver is missing, or the URL or the database's encoding is wrong;
    StateUnavailable if the database cannot be used now.
    """

    def __init__(self, url: str, project: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._project = project
        self._clock = clock
        self._rests_until = 0.0
        self._is_closed = False
        self._engine = database_engine(url)
        try:
            with self._typed():
                self._prepare()
        except BaseException:
            self._engine.dispose()
            raise

    def read(self, kind: str, pseudonym: str) -> str | None:
        """The original, or None without a row."""
        this = {"project": self._project, "kind": kind, "pseudonym": pseudonym}
        with self._typed(), self._engine.connect() as connection:
            row = connection.execution_options(isolation_level="AUTOCOMMIT").execute(schema.READ, this).first()
        return None if row is None else str(row[0])

    def write(self, rows: Sequence[Row]) -> None:
        """Insert or update rows in one transaction."""
        # PostgreSQL cannot store NUL in text. Such an original is looked up at the origin server each time.
        self._run(_WRITE, [row for row in rows if "\0" not in row[2]])

    def delete(self, rows: Sequence[Row]) -> None:
        """Delete rows that are unchanged."""
        self._run(schema.DELETE, rows)

    def page(self, kind: str, after: str, count: int) -> list[Row]:
        """The next `count` rows of a kind after a pseudonym, in order."""
        these = {"project": self._project, "kind": kind, "after": after, "count": count}
        with self._typed(), self._engine.connect() as connection:
            rows = connection.execution_options(isolation_level="AUTOCOMMIT").execute(schema.PAGE, these).all()
        return [(str(found), str(pseudonym), str(original)) for found, pseudonym, original in rows]

    def compact(self) -> None:
        """Do nothing: that is left to the database's vacuum."""

    def close(self) -> None:
        """Close the database."""
        self._is_closed = True
        self._engine.dispose()

    def _run(self, statement: Executable, rows: Sequence[Row]) -> None:
        # All writers use the same order, so that two transactions cannot deadlock.
        values: list[Mapping[str, Any]] = [
            {"project": self._project, "kind": kind, "pseudonym": pseudonym, "original": original}
            for kind, pseudonym, original in sorted(rows)
        ]
        if not values:
            return
        with self._typed(), self._engine.begin() as connection:
            # A crash of the server may lose the last writes, which does not matter for a cache.
            connection.execute(sa.text("SET LOCAL synchronous_commit = off"))
            connection.execute(statement, values)

    def _prepare(self) -> None:
        with self._engine.begin() as connection:
            if connection.execute(sa.text("SHOW server_encoding")).scalar_one() != "UTF8":
                raise ConfigurationError("state: the database's encoding is not UTF8; create one with ENCODING 'UTF8'")
            if schema.version_of(connection) != VERSION:
                # Only one of several replicas that start together creates the tables.
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
                schema.migrate(connection)

    @contextmanager
    def _typed(self) -> Iterator[None]:
        """Map errors of PostgreSQL to StateUnavailable, without address, SQL or values."""
        if self._is_closed:
            raise StateUnavailable("the identity map cannot be used (closed)")
        if self._clock() < self._rests_until:
            raise StateUnavailable("the identity map cannot be used (not tried again yet)")
        try:
            yield
        except sa.exc.SQLAlchemyError as error:
            original = getattr(error, "orig", None) or error
            if isinstance(error, sa.exc.OperationalError | sa.exc.TimeoutError):
                self._rests_until = self._clock() + _REST_SECONDS
            raise StateUnavailable(f"the identity map cannot be used ({type(original).__name__})") from None


def database_engine(url: str, connections: int = _CONNECTIONS) -> sa.Engine:
    """A pool of connections to a state's database, which connects on first use.

    Raises ConfigurationError if the driver is missing, or the URL is invalid.
    """
    if find_spec("psycopg") is None:
        raise ConfigurationError(
            "state: PostgreSQL needs the package psycopg; install dicomveil-proxy with its extra, "
            "`dicomveil-proxy[postgresql]`"
        )
    try:
        address = sa.make_url(url).set(drivername="postgresql+psycopg")
        return sa.create_engine(
            address,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=_SECONDS,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={name: address.query.get(name, value) for name, value in _PARAMETERS.items()},
        )
    except (sa.exc.ArgumentError, ValueError, TypeError):
        # The messages quote the URL with its password.
        raise ConfigurationError(
            "state: it is not a database URL; write postgresql://user:password@host/name"
        ) from None
