"""The tables of the identity map, their versions, and their statements, for both SQLite and PostgreSQL.

Written with SQLAlchemy Core, independent of a connection. A change of the tables is a new version, with a migration
from the previous one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.translation.identity.table import VERSION

_metadata = sa.MetaData()

IDENTITY = sa.Table(
    "identity",
    _metadata,
    sa.Column("project", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("pseudonym", sa.Text, primary_key=True),
    sa.Column("original", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)
"""The original of each pseudonym of a project."""

VERSION_TABLE = sa.Table("identity_version", _metadata, sa.Column("version", sa.Integer, nullable=False))
"""One row."""

_THIS = sa.and_(
    IDENTITY.c.project == sa.bindparam("project"),
    IDENTITY.c.kind == sa.bindparam("kind"),
    IDENTITY.c.pseudonym == sa.bindparam("pseudonym"),
)

READ = sa.select(IDENTITY.c.original).where(_THIS)
"""The original, by project, kind and pseudonym."""

PAGE = (
    sa.select(IDENTITY.c.kind, IDENTITY.c.pseudonym, IDENTITY.c.original)
    .where(
        IDENTITY.c.project == sa.bindparam("project"),
        IDENTITY.c.kind == sa.bindparam("kind"),
        IDENTITY.c.pseudonym > sa.bindparam("after"),
    )
    .order_by(IDENTITY.c.pseudonym)
    .limit(sa.bindparam("count"))
)
"""Rows of a kind after a pseudonym, in the order of pseudonyms."""

DELETE = sa.delete(IDENTITY).where(_THIS, IDENTITY.c.original == sa.bindparam("original"))
"""Delete a row, unless it was changed meanwhile."""


def write(insert: Callable[..., Any]) -> sa.Insert:
    """Insert or update a row, by the dialect's own `insert`; an equal row is not written."""
    adding: sqlite.Insert | postgresql.Insert = insert(IDENTITY)
    excluded = adding.excluded.original
    return adding.on_conflict_do_update(
        index_elements=list(IDENTITY.primary_key), set_={"original": excluded}, where=IDENTITY.c.original != excluded
    )


def version_of(connection: sa.Connection) -> int:
    """The version of the existing tables; 0 if there are none."""
    inspector = sa.inspect(connection)
    if inspector.has_table(VERSION_TABLE.name):
        return int(connection.execute(sa.select(VERSION_TABLE.c.version)).scalar_one())
    # Version 1 has no row. In PostgreSQL, such a table belongs to another application.
    return int(connection.dialect.name == "sqlite" and inspector.has_table(IDENTITY.name))


def migrate(connection: sa.Connection) -> None:
    """Migrate the tables to VERSION, within the caller's transaction and under its lock.

    Raises ConfigurationError for tables of a later version, which could be misinterpreted.
    """
    version = version_of(connection)
    if version > VERSION:
        raise ConfigurationError(
            f"state: the identity map was made by a later dicomveil (its version is {version}, this one supports "
            f"{VERSION}); run the later one, or name another state"
        )
    if version == 0:
        _metadata.create_all(connection, checkfirst=False)
        connection.execute(sa.insert(VERSION_TABLE).values(version=VERSION))
    for step in range(version, VERSION) if version else ():
        _STEPS[step](connection)
        connection.execute(sa.delete(VERSION_TABLE))
        connection.execute(sa.insert(VERSION_TABLE).values(version=step + 1))


def _add_projects(connection: sa.Connection) -> None:
    """Migrate version 1 to 2: existing rows belong to the project without a name."""
    connection.execute(sa.text("ALTER TABLE identity RENAME TO identity_1"))
    _metadata.create_all(connection, checkfirst=False)
    names = ["kind", "pseudonym", "original"]
    columns: list[sa.ColumnElement[str]] = [sa.literal(""), *map(sa.literal_column, names)]
    old = sa.select(*columns).select_from(sa.table("identity_1"))
    connection.execute(sa.insert(IDENTITY).from_select(["project", *names], old))
    connection.execute(sa.text("DROP TABLE identity_1"))


_STEPS: dict[int, Callable[[sa.Connection], None]] = {1: _add_projects}
