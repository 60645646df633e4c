"""A job in its ledger: queries and updates without decisions about the run."""

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
    """One job and its current run. Methods raise StateUnavailable if the database cannot be used."""

    def __init__(self, database: Database, job: str) -> None:
        self._database = database
        self.job = job
        self.run = 0
        self.owner = secrets.token_hex(8)
        self.is_shared = database.is_shared
        """Whether other coordinators may run the same job at the same time."""
        self._bytewise = bytewise = 'COLLATE "C"' if self.is_shared else ""
        self._lease = schema.LEASE.format(lock="FOR UPDATE SKIP LOCKED" if self.is_shared else "")
        self._manifest = schema.MANIFEST.format(bytewise=bytewise)
        self._series = schema.SERIES.format(bytewise=bytewise)

    # The run

    def alone(self) -> AbstractContextManager[None]:
        """Keep other coordinators of the job from planning within the context."""
        return self._database.locked(self.job)

    def begin(self, fingerprint: str) -> bool:
        """Start a run, or continue an unfinished one, and return whether it is continued.

        Raises ConfigurationError if the job has another fingerprint.
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
        """Record the state of the run, and whether it is still open."""
        self._execute(
            "UPDATE job SET state = :state, is_open = :is_open WHERE job = :job",
            {"state": state, "is_open": int(is_open)},
        )

    def release_all(self) -> None:
        """Release the leases of a stopped run. With a single coordinator they are no longer in use."""
        self._execute(schema.EXPIRE, {"now": time.time() if self.is_shared else _NEVER})

    @property
    def is_cancelled(self) -> bool:
        """Whether the run has been cancelled."""
        row = self._first("SELECT is_cancelled FROM job WHERE job = :job", {})
        return bool(row and row[0])

    def cancel(self) -> None:
        """Cancel the run."""
        self._execute("UPDATE job SET is_cancelled = 1 WHERE job = :job AND is_open = 1", {})

    # The plan

    def clear_selection(self) -> None:
        """Remove the selection of an earlier plan."""
        self._execute("DELETE FROM selection WHERE job = :job", {})

    def add_studies(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Add studies to the plan."""
        self._many(schema.ADD_STUDY, [{**row, "job": self.job, "run": self.run} for row in rows])

    def add_units(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Add series to the plan: number, study, series, listed instances."""
        self._many(schema.ADD_UNIT, [{**row, "job": self.job, "run": self.run} for row in rows])

    def add_selection(self, rows: Sequence[tuple[int, int, str]]) -> None:
        """Add positions of the selection, each with its row of the list and its study."""
        self._many(
            "INSERT INTO selection VALUES (:job, :position, :line, :study)",
            [{"job": self.job, "position": position, "line": line, "study": study} for position, line, study in rows],
        )

    def next_numbers(self) -> tuple[int, int]:
        """The next free numbers of units and of studies."""
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
        """Lease waiting units, those that have failed before last."""
        values = {"job": self.job, "run": self.run, "owner": self.owner, "count": count}
        with self._database.transaction() as transaction:
            if self.is_shared:
                transaction.execute(schema.EXPIRE, {"job": self.job, "now": time.time()})
            rows = transaction.execute(self._lease, {**values, "until": time.time() + LEASE_SECONDS})
        return sorted((Leased(*row) for row in rows), key=lambda unit: (unit.round, unit.number))

    def extend(self) -> None:
        """Extend the leases of this coordinator."""
        self._execute(schema.EXTEND, {"owner": self.owner, "until": time.time() + LEASE_SECONDS})

    def release(self, units: Iterable[Leased]) -> None:
        """Release units that were not started."""
        self._many(
            schema.RELEASE,
            [{"job": self.job, "number": unit.number, "owner": self.owner, "failed": 0} for unit in units],
        )

    def have(self, number: int) -> frozenset[str]:
        """The pseudonymous SOP Instance UIDs of the unit's placed instances."""
        statement = "SELECT instance FROM placed WHERE job = :job AND unit = :unit"
        rows = self._database.read(statement, {"job": self.job, "unit": number})
        return frozenset(str(row[0]) for row in rows)

    def placed_files(self) -> Iterator[PlacedFile]:
        """All placed files, sorted by path."""
        statement = f"SELECT path, size, unit FROM placed WHERE job = :job ORDER BY path {self._bytewise}"  # noqa: S608
        for path, size, unit in self._stream(statement, {}):
            yield PlacedFile(path, int(size), int(unit))

    def forget(self, files: Sequence[PlacedFile]) -> None:
        """Remove records of files that no longer exist, and reset their units to waiting."""
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
        """Record outcomes, each with the unit's new state and round and its placed files, in one transaction."""
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
        """Record units without a plan, each with its single output, in one transaction."""
        values = [{**row, "job": self.job, "run": self.run} for row in rows]
        with self._database.transaction() as transaction:
            transaction.execute_many(schema.REMOVE_UNIT_OF, values)
            transaction.execute_many(schema.ADD_DONE, values)
            transaction.execute_many(schema.ADD_PLACED, values)

    def is_done(self, series: str) -> bool:
        """Whether a unit without a plan has this name and is done."""
        statement = "SELECT 1 FROM unit WHERE job = :job AND study = '' AND series = :series AND state = 'done'"
        return self._first(statement, {"series": series}) is not None

    def remove(self, path: str) -> None:
        """Remove the record of an output, and of the unit without a plan that made it."""
        values = {"job": self.job, "path": path}
        if self._first("SELECT 1 FROM placed WHERE job = :job AND path = :path", values) is None:
            return
        with self._database.transaction() as transaction:
            transaction.execute(schema.REMOVE_UNIT_OF, values)
            transaction.execute("DELETE FROM placed WHERE job = :job AND path = :path", values)

    def envelope(self, study: str, new: Callable[[], bytes]) -> bytes:
        """The seed of the envelope for a study's originals, generated once and kept as long as the job."""
        values = {"job": self.job, "study": study}
        with self._database.transaction() as transaction:
            found = transaction.execute(schema.ENVELOPE, values)
            if not found:
                transaction.execute(schema.ADD_ENVELOPE, {**values, "seed": new().hex()})
                found = transaction.execute(schema.ENVELOPE, values)
        return bytes.fromhex(found[0][0])

    def unleased(self) -> int:
        """Number of units of the run that are neither done nor failed."""
        row = self._first(
            "SELECT count(*) FROM unit WHERE job = :job AND run = :run AND state IN ('waiting', 'leased')",
            {"run": self.run},
        )
        return int(row[0]) if row else 0

    # Results

    def counts(self) -> Counts:
        """Counts of the run's units and instances."""
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
        """The files placed by this run and earlier runs, sorted by path."""
        return self._stream(self._manifest, {})

    def series(self) -> Iterator[tuple[Any, ...]]:
        """All series with placed instances."""
        return self._stream(self._series, {})

    def stream(self, statement: str, **values: object) -> Iterator[tuple[Any, ...]]:
        """The rows of another query on the job, fetched in small batches."""
        return self._stream(statement, values)

    def execute(self, statement: str, **values: object) -> None:
        """Execute another statement on the job."""
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
        """Delete the job's records except its fingerprint, and set its state."""
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
