"""A job in its ledger. Statements only; what they mean for the run is decided elsewhere."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.jobs.destinations import PlacedFile
from dicomveil_proxy.jobs.ledger import schema
from dicomveil_proxy.jobs.ledger.database import Database
from dicomveil_proxy.jobs.ledger.rows import Counts, Leased, StudyRow

if TYPE_CHECKING:
    from dicomveil_proxy.jobs.series import SeriesOutcome

LEASE_SECONDS = 120.0
_NEVER = 1e18


class Ledger:
    """One job, and what its present run adds. Raises StateUnavailable when the database cannot be used."""

    def __init__(self, database: Database, job: str) -> None:
        self._database = database
        self.job = job
        self.run = 0
        self.owner = secrets.token_hex(8)
        self.is_shared = database.is_shared
        """Whether other coordinators may be at work on the same job."""
        self._bytewise = bytewise = 'COLLATE "C"' if self.is_shared else ""
        self._lease = schema.LEASE.format(lock="FOR UPDATE SKIP LOCKED" if self.is_shared else "")
        self._manifest = schema.MANIFEST.format(bytewise=bytewise)
        self._series = schema.SERIES.format(bytewise=bytewise)

    # The run

    def alone(self) -> AbstractContextManager[None]:
        """Let no other coordinator of the job plan meanwhile."""
        return self._database.locked(self.job)

    def begin(self, fingerprint: str) -> bool:
        """Open a run, or continue one that did not come to its end; whether it is the latter.

        Raises ConfigurationError where the job has another fingerprint.
        """
        with self._database.transaction() as transaction:
            found = transaction.execute("SELECT fingerprint, run, is_open FROM job WHERE job = :job", {"job": self.job})
            if not found:
                self.run = 1
                transaction.execute(
                    "INSERT INTO job VALUES (:job, :fingerprint, 1, 1, 0, 'planning')",
                    {"job": self.job, "fingerprint": fingerprint},
                )
                return False
            held, run, is_open = found[0]
            if held != fingerprint:
                raise ConfigurationError(
                    "to: it was filled under another policy, key, vocabulary, layout or list of subjects, and one "
                    "output must not hold both; give another --to"
                )
            continues = bool(is_open)
            self.run = run if continues else run + 1
            transaction.execute(
                "UPDATE job SET run = :run, is_open = 1, is_cancelled = 0, state = 'planning' WHERE job = :job",
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
        """Take back what a run that was stopped had leased: where there is one coordinator, that one has ended."""
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
        with self._database.transaction() as transaction:
            if self.is_shared:
                transaction.execute(schema.EXPIRE, {"job": self.job, "now": time.time()})
            rows = transaction.execute(self._lease, {**values, "until": time.time() + LEASE_SECONDS})
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
        statement = "SELECT instance FROM placed WHERE job = :job AND unit = :unit"
        rows = self._database.read(statement, {"job": self.job, "unit": number})
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
        with self._database.transaction() as transaction:
            transaction.execute_many(schema.ADD_PLACED, placed)
            transaction.execute_many(schema.NOTE, units)

    def add_done(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Units that were done without a plan, each with the one output that it has: all, or none of them."""
        values = [{**row, "job": self.job, "run": self.run} for row in rows]
        with self._database.transaction() as transaction:
            transaction.execute_many(schema.REMOVE_UNIT_OF, values)
            transaction.execute_many(schema.ADD_DONE, values)
            transaction.execute_many(schema.ADD_PLACED, values)

    def is_done(self, series: str) -> bool:
        """Whether a unit of this name was done without a plan."""
        statement = "SELECT 1 FROM unit WHERE job = :job AND study = '' AND series = :series AND state = 'done'"
        return self._first(statement, {"series": series}) is not None

    def remove(self, path: str) -> None:
        """Nothing is placed there any more, and the unit that it was the output of is not done."""
        values = {"job": self.job, "path": path}
        if self._first("SELECT 1 FROM placed WHERE job = :job AND path = :path", values) is None:
            return
        with self._database.transaction() as transaction:
            transaction.execute(schema.REMOVE_UNIT_OF, values)
            transaction.execute("DELETE FROM placed WHERE job = :job AND path = :path", values)

    def envelope(self, study: str, new: Callable[[], bytes]) -> bytes:
        """The seed of the envelope of a study's originals: made once, and kept as long as the job is."""
        values = {"job": self.job, "study": study}
        with self._database.transaction() as transaction:
            found = transaction.execute(schema.ENVELOPE, values)
            if not found:
                transaction.execute(schema.ADD_ENVELOPE, {**values, "seed": new().hex()})
                found = transaction.execute(schema.ENVELOPE, values)
        return bytes.fromhex(found[0][0])

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
        return self._database.stream(statement, {"job": self.job, **values})

    def _first(self, statement: str, values: Mapping[str, object]) -> Any:
        rows = self._database.read(statement, {"job": self.job, **values})
        return rows[0] if rows else None

    def _execute(self, statement: str, values: Mapping[str, object]) -> None:
        with self._database.transaction() as transaction:
            transaction.execute(statement, {"job": self.job, **values})

    def _many(self, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        if rows:
            with self._database.transaction() as transaction:
                transaction.execute_many(statement, rows)

    def erase(self, state: str) -> None:
        """Keep nothing of the job but its fingerprint and this state."""
        with self._database.transaction() as transaction:
            for statement in schema.ERASE:
                transaction.execute(statement, {"job": self.job})
            transaction.execute(
                "UPDATE job SET state = :state, is_open = 0 WHERE job = :job",
                {"job": self.job, "state": state},
            )
        self._database.overwrite_deleted()

    def close(self) -> None:
        """Close the database."""
        self._database.close()
