"""The rows of `records` in the PostgreSQL database with a project's state, which replicas share.

After an error the database is not used for some seconds, so that not every request waits for the timeout.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

_REST_SECONDS = 5.0
_LOCK = 0x706978656C  # "pixel": an arbitrary number that other applications are unlikely to use
_SWEEP_EACH = 256
"""Rows written between two checks of their number."""
_USED_EACH = 3600
"""Seconds after which the time of a row's last use is updated."""
_TABLE = sa.Table(
    "pixel_boxes",
    sa.MetaData(),
    sa.Column("project", sa.Text, primary_key=True),
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column("record", sa.Text, nullable=False),
    sa.Column("used", sa.BigInteger, nullable=False),
    sa.Index("pixel_boxes_used", "project", "used"),
)


class PostgreSQLBoxes:
    """A `BoxTable` of a project in a database, with at most `most` rows. The table is created at the first use."""

    def __init__(
        self, engine: sa.Engine, project: str, most: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._project = project
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._is_ready = False
        self._rests_until = 0.0
        self._written = 0

    def read(self, digest: bytes) -> str | None:
        """The record; None where there is none."""

        def read(connection: sa.Connection) -> str | None:
            row = connection.execute(sa.select(_TABLE.c.record, _TABLE.c.used).where(*self._is(digest))).first()
            if row is None:
                return None
            now = int(time.time())
            if row.used < now - _USED_EACH:
                connection.execute(sa.update(_TABLE).where(*self._is(digest)).values(used=now))
            return str(row.record)

        return self._run(read)

    def write(self, digest: bytes, record: str) -> None:
        """Keep a record."""

        def write(connection: sa.Connection) -> None:
            # A crash of the server may lose the last writes, which does not matter for a cache.
            connection.execute(sa.text("SET LOCAL synchronous_commit = off"))
            values = {"record": record, "used": int(time.time())}
            insert = postgresql.insert(_TABLE).values(project=self._project, digest=digest, **values)
            connection.execute(insert.on_conflict_do_update(index_elements=["project", "digest"], set_=values))
            self._written += 1
            if self._written % _SWEEP_EACH == 1:
                self._bound(connection)

        self._run(write)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def _is(self, digest: bytes) -> tuple[sa.ColumnElement[bool], ...]:
        return _TABLE.c.project == self._project, _TABLE.c.digest == digest

    def _bound(self, connection: sa.Connection) -> None:
        mine = _TABLE.c.project == self._project
        count = connection.execute(sa.select(sa.func.count()).where(mine)).scalar_one()
        if count > self._most:
            oldest = sa.select(_TABLE.c.digest).where(mine).order_by(_TABLE.c.used).limit(count - self._most)
            connection.execute(sa.delete(_TABLE).where(mine, _TABLE.c.digest.in_(oldest)))

    def _run(self, work: Callable[[sa.Connection], str | None]) -> str | None:
        """The result of `work`; None if the database cannot be used. Its messages, which quote values, are dropped."""
        if self._clock() < self._rests_until:
            return None
        try:
            self._prepare()
            with self._engine.begin() as connection:
                return work(connection)
        except sa.exc.SQLAlchemyError:
            self._rests_until = self._clock() + _REST_SECONDS
            return None

    def _prepare(self) -> None:
        with self._lock:
            if self._is_ready:
                return
            with self._engine.begin() as connection:
                # Only one of several replicas that start together creates the table.
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
                _TABLE.metadata.create_all(connection)
            self._is_ready = True
