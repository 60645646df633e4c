"""A job in its ledger. Statements only; what they mean for the run is decided elsewhere."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from dicomveil_engine import ConfigurationError
from dicomveil_engine.pseudonyms.keys import keyed_digest
from dicomveil_proxy.errors import StateUnavailable
from dicomveil_proxy.jobs.destinations import PlacedFile
from dicomveil_proxy.jobs.ledger import schema
from dicomveil_proxy.jobs.series import SeriesOutcome

FILE = "ledger.sqlite"
LEASE_SECONDS = 120.0
_DATABASE = re.compile("postgres(ql)?(\\+[a-z0-9]+)?://")
_ROWS_AT_A_TIME = 1_000
_NEVER = 1e18
_MIGRATION_LOCK = 0x6469636F6E


class Leased(NamedTuple):
    """A unit that is this coordinator's for some time."""

    number: int
    study: str
    series: str
    listed: int
    expected: int
    placed: int
    round: int


@dataclass(frozen=True)
class StudyRow:
    """A study of the selection, or a row of the list that matched none."""

    line: int
    """Row of the list, from 1; 0 without a list."""
    original: str = field(repr=False)
    """Empty where nothing was found."""
    pseudonym: str
    units: int
    done: int
    expected: int
    placed: int
    fresh: int
    refused: int
    reason: str
    patient: str


class Counts(NamedTuple):
    """How far the run is."""

    units: int
    done: int
    failed: int
    placed: int
    fresh: int
    refused: int
    expected: int
    studies: int


def open_ledger(state: Path | str) -> sa.Engine:
    """The database, with its tables. Raises ConfigurationError."""
    is_url = isinstance(state, str) and _DATABASE.match(state)
    engine = _postgresql(str(state)) if is_url else _sqlite(Path(state))
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            for statement in schema.TABLES:
                connection.execute(sa.text(statement))
            connection.execute(
                sa.text("INSERT INTO ledger VALUES (1, :salt) ON CONFLICT (one) DO NOTHING"),
                {"salt": secrets.token_hex(32)},
            )
    except (sa.exc.SQLAlchemyError, OSError):
        engine.dispose()
        raise ConfigurationError("state: the ledger cannot be read or written") from None
    return engine


def job_of(engine: sa.Engine, destination: str) -> str:
    """The name of the job that fills a destination: eight letters and digits that say nothing of it.

    Raises StateUnavailable.
    """
    try:
        with engine.connect() as connection:
            (salt,) = connection.execute(sa.text("SELECT salt FROM ledger WHERE one = 1")).one()
    except sa.exc.SQLAlchemyError:
        raise StateUnavailable("the ledger cannot be read or written") from None
    digest = keyed_digest(bytes.fromhex(salt), destination.encode("utf-8", "surrogatepass"))
    return base64.b32encode(digest[:5]).decode("ascii")


def jobs_of(engine: sa.Engine) -> list[tuple[str, int, str]]:
    """The jobs of a ledger: name, number of the run, and how it is. Raises StateUnavailable."""
    try:
        with engine.connect() as connection:
            rows = connection.execute(sa.text("SELECT job, run, state FROM job ORDER BY job")).all()
    except sa.exc.SQLAlchemyError:
        raise StateUnavailable("the ledger cannot be read or written") from None
    return [(str(job), int(run), str(state)) for job, run, state in rows]


def _sqlite(folder: Path) -> sa.Engine:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / FILE
        # Made with its mode: SQLite gives the files beside it the same.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigurationError(f"state: the folder cannot be made or written ({error.strerror})") from None
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})

    @sa.event.listens_for(engine, "connect")
    def _tune(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    return engine


def _postgresql(url: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url).set(drivername="postgresql+psycopg")
        return sa.create_engine(parsed, pool_pre_ping=True, hide_parameters=True)
    except ModuleNotFoundError:
        raise ConfigurationError(
            "state: the driver for PostgreSQL is not installed; install dicomveil-proxy[postgresql]"
        ) from None
    except sa.exc.SQLAlchemyError:
        raise ConfigurationError("state: it is not a URL of PostgreSQL: write postgresql://user@host/name") from None


class Ledger:
    """One job, and what its present run adds. Raises StateUnavailable when the database cannot be used."""

    def __init__(self, engine: sa.Engine, job: str) -> None:
        self._engine = engine
        self.job = job
        self.run = 0
        self.owner = secrets.token_hex(8)
        is_shared = engine.dialect.name == "postgresql"
        self.is_shared = is_shared
        """Whether other coordinators may be at work on the same job."""
        self._bytewise = bytewise = 'COLLATE "C"' if is_shared else ""
        self._lease = sa.text(schema.LEASE.format(lock="FOR UPDATE SKIP LOCKED" if is_shared else ""))
        self._manifest = schema.MANIFEST.format(bytewise=bytewise)
        self._series = schema.SERIES.format(bytewise=bytewise)

    # The run

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let no other coordinator of the job plan meanwhile."""
        if not self.is_shared:
            yield
            return
        number = int.from_bytes(hashlib.blake2b(self.job.encode(), digest_size=4).digest())
        with self._typed(), self._engine.connect() as connection:
            connection.execute(sa.text("SELECT pg_advisory_lock(:space, :job)"), {"space": 1, "job": number >> 1})
            try:
                yield
            finally:
                connection.execute(sa.text("SELECT pg_advisory_unlock(:space, :job)"), {"space": 1, "job": number >> 1})

    def begin(self, fingerprint: str) -> bool:
        """Open a run, or continue one that did not come to its end; whether it is the latter.

        Raises ConfigurationError where the job has another fingerprint.
        """
        with self._typed(), self._engine.begin() as connection:
            row = connection.execute(
                sa.text("SELECT fingerprint, run, is_open FROM job WHERE job = :job"), {"job": self.job}
            ).first()
            if row is None:
                self.run, continues = 1, False
                connection.execute(
                    sa.text("INSERT INTO job VALUES (:job, :fingerprint, 1, 1, 0, 'planning', '')"),
                    {"job": self.job, "fingerprint": fingerprint},
                )
                return False
            if row[0] != fingerprint:
                raise ConfigurationError(
                    "to: it was filled under another policy, key, vocabulary, layout or list of subjects, and one "
                    "output must not hold both; give another --to"
                )
            continues = bool(row[2])
            self.run = row[1] if continues else row[1] + 1
            connection.execute(
                sa.text(
                    "UPDATE job SET run = :run, is_open = 1, is_cancelled = 0, state = 'planning' WHERE job = :job"
                ),
                {"job": self.job, "run": self.run},
            )
            return continues

    def note_state(self, state: str, *, is_open: bool) -> None:
        """Say how the run is; one that is not open came to its end."""
        self._execute(
            "UPDATE job SET state = :state, is_open = :is_open WHERE job = :job",
            {"state": state, "is_open": int(is_open)},
        )

    def release_all(self) -> None:
        """Take back what a run that was stopped had leased: where there is one coordinator, it is gone."""
        self._execute(schema.EXPIRE, {"now": time.time() if self.is_shared else _NEVER})

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody asked for the end of the run."""
        row = self._first("SELECT is_cancelled FROM job WHERE job = :job", {})
        return bool(row and row[0])

    def cancel(self) -> None:
        """Ask for the end of the run."""
        self._execute("UPDATE job SET is_cancelled = 1 WHERE job = :job AND is_open = 1", {})

    # The plan

    def clear_selection(self) -> None:
        """Begin a plan."""
        self._execute("DELETE FROM selection WHERE job = :job", {})

    def add_studies(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Studies of the plan."""
        self._many(schema.ADD_STUDY, [{**row, "job": self.job, "run": self.run} for row in rows])

    def add_units(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Series of the plan: number, study, series, listed."""
        self._many(schema.ADD_UNIT, [{**row, "job": self.job, "run": self.run} for row in rows])

    def add_selection(self, rows: Sequence[tuple[int, int, str]]) -> None:
        """Position, row of the list and study."""
        self._many(
            "INSERT INTO selection VALUES (:job, :position, :line, :study)",
            [{"job": self.job, "position": position, "line": line, "study": study} for position, line, study in rows],
        )

    def next_numbers(self) -> tuple[int, int]:
        """The first numbers that no unit and no study has yet."""
        unit = self._first("SELECT coalesce(max(number), 0) + 1 FROM unit WHERE job = :job", {})
        study = self._first("SELECT coalesce(max(number), 0) + 1 FROM study WHERE job = :job", {})
        assert unit is not None
        assert study is not None
        return int(unit[0]), int(study[0])

    def original_study(self, pseudonym: str) -> str | None:
        """The original StudyInstanceUID of a study of any plan of the job."""
        row = self._first(
            "SELECT study FROM study WHERE job = :job AND pseudonym = :pseudonym", {"pseudonym": pseudonym}
        )
        return None if row is None else str(row[0])

    # The work

    def lease(self, count: int) -> list[Leased]:
        """Units that nobody works on, those that failed already last."""
        values = {"job": self.job, "run": self.run, "owner": self.owner, "count": count}
        with self._typed(), self._engine.begin() as connection:
            if self.is_shared:
                connection.execute(sa.text(schema.EXPIRE), {"job": self.job, "now": time.time()})
            rows = connection.execute(self._lease, {**values, "until": time.time() + LEASE_SECONDS}).all()
        return sorted((Leased(*row) for row in rows), key=lambda unit: (unit.round, unit.number))

    def extend(self) -> None:
        """Keep what is leased."""
        self._execute(schema.EXTEND, {"owner": self.owner, "until": time.time() + LEASE_SECONDS})

    def release(self, units: Iterable[Leased]) -> None:
        """Give units back that were not begun."""
        self._many(
            schema.RELEASE,
            [{"job": self.job, "number": unit.number, "owner": self.owner, "failed": 0} for unit in units],
        )

    def have(self, number: int) -> frozenset[str]:
        """The pseudonyms of the unit's instances that are placed."""
        with self._typed(), self._engine.connect() as connection:
            rows = connection.execute(
                sa.text("SELECT instance FROM placed WHERE job = :job AND unit = :unit"),
                {"job": self.job, "unit": number},
            )
            return frozenset(str(row[0]) for row in rows)

    def placed_files(self) -> Iterator[PlacedFile]:
        """All that is placed, by path."""
        statement = f"SELECT path, size, unit FROM placed WHERE job = :job ORDER BY path {self._bytewise}"  # noqa: S608
        for path, size, unit in self._stream(statement, {}):
            yield PlacedFile(path, int(size), int(unit))

    def forget(self, files: Sequence[PlacedFile]) -> None:
        """What is not there any more is not placed, and its units are to be done again."""
        self._many(
            "DELETE FROM placed WHERE job = :job AND path = :path", [{"job": self.job, "path": f.path} for f in files]
        )
        statement = """
            UPDATE unit SET state = 'waiting', round = 0,
              placed = (SELECT count(*) FROM placed WHERE placed.job = :job AND placed.unit = :number)
            WHERE job = :job AND number = :number
        """
        self._many(statement, [{"job": self.job, "number": number} for number in {f.unit for f in files}])

    def note(self, outcomes: Sequence[tuple[Leased, SeriesOutcome, str, int]]) -> None:
        """Outcomes, each with the unit's new state and round, and what was placed: all, or none."""
        placed = [
            {
                "job": self.job, "unit": unit.number, "path": each.path, "instance": each.instance,
                "sop_class": each.sop_class, "size": each.size, "sha256": each.sha256,
            }
            for unit, outcome, _, _ in outcomes
            for each in outcome.placed
        ]  # fmt: skip
        units = []
        for unit, outcome, state, rounds in outcomes:
            names = outcome.names
            units.append(
                {
                    "job": self.job, "number": unit.number, "state": state, "round": rounds,
                    "expected": max(outcome.expected, unit.expected if outcome.failure else 0),
                    "refused": sum(count for _, count in outcome.refused), "reason": outcome.reason,
                    "fresh": len(outcome.placed), "study_name": names.study if names else "",
                    "series_name": names.series if names else "", "patient": names.patient if names else "",
                    "modality": names.modality if names else "",
                }
            )  # fmt: skip
        with self._typed(), self._engine.begin() as connection:
            if placed:
                connection.execute(sa.text(schema.ADD_PLACED), placed)
            connection.execute(sa.text(schema.NOTE), units)

    def unleased(self) -> int:
        """Units of the run that are neither done nor failed, for all workers."""
        row = self._first(
            "SELECT count(*) FROM unit WHERE job = :job AND run = :run AND state IN ('waiting', 'leased')",
            {"run": self.run},
        )
        return int(row[0]) if row else 0

    # What came of it

    def counts(self) -> Counts:
        """How far the run is."""
        row = self._first(schema.COUNTS, {"run": self.run})
        assert row is not None
        return Counts(*(int(number) for number in row))

    def studies(self) -> Iterator[StudyRow]:
        """The rows of the report, in the order of the selection."""
        for row in self._stream(schema.STUDIES, {"run": self.run}):
            line, original, pseudonym, units, done, expected, placed, fresh, refused, reason, patient = row
            yield StudyRow(
                line=line,
                original=original or "",
                pseudonym=pseudonym or "",
                units=int(units),
                done=int(done),
                expected=int(expected),
                placed=int(placed),
                fresh=int(fresh),
                refused=int(refused),
                reason=reason or "",
                patient=patient or "",
            )

    def manifest(self) -> Iterator[tuple[Any, ...]]:
        """All that was placed by this run and earlier ones, by path."""
        return self._stream(self._manifest, {})

    def series(self) -> Iterator[tuple[Any, ...]]:
        """All series of which something is placed."""
        return self._stream(self._series, {})

    def stream(self, statement: str, **values: object) -> Iterator[tuple[Any, ...]]:
        """Rows of another statement about the job, few at a time."""
        return self._stream(statement, values)

    def execute(self, statement: str, **values: object) -> None:
        """Another statement about the job."""
        self._execute(statement, values)

    def _stream(self, statement: str, values: Mapping[str, object]) -> Iterator[tuple[Any, ...]]:
        with self._typed(), self._engine.connect() as connection:
            options = {"yield_per": _ROWS_AT_A_TIME}
            rows = connection.execute(sa.text(statement), {"job": self.job, **values}, execution_options=options)
            for row in rows:
                yield tuple(row)

    def _first(self, statement: str, values: Mapping[str, object]) -> Any:
        with self._typed(), self._engine.connect() as connection:
            return connection.execute(sa.text(statement), {"job": self.job, **values}).first()

    def _execute(self, statement: str, values: Mapping[str, object]) -> None:
        with self._typed(), self._engine.begin() as connection:
            connection.execute(sa.text(statement), {"job": self.job, **values})

    def _many(self, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        if rows:
            with self._typed(), self._engine.begin() as connection:
                connection.execute(sa.text(statement), rows)

    @contextmanager
    def _typed(self) -> Iterator[None]:
        """The border to SQLAlchemy, whose messages hold the values of rows."""
        try:
            yield
        except sa.exc.SQLAlchemyError:
            raise StateUnavailable("the ledger cannot be read or written") from None

    def close(self) -> None:
        """Let go of the database."""
        with contextlib.suppress(sa.exc.SQLAlchemyError):
            self._engine.dispose()
