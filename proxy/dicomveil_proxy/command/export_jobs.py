"""`dicomveil export status` and `cancel`: jobs in their ledger, by names that say nothing of what they export."""

from __future__ import annotations

import sys
from pathlib import Path

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.command.export import state_of
from dicomveil_proxy.command.refusal import refuse
from dicomveil_proxy.command.table import Row, write_rows
from dicomveil_proxy.errors import ProxyError
from dicomveil_proxy.jobs.ledger import Ledger, jobs_of, open_ledger
from dicomveil_proxy.jobs.ledger.database import Database

COLUMNS = ("job", "state", "studies", "series", "done", "failed", "instances", "expected", "refused")


def show(job: str | None, state: str | None) -> None:
    """Print a table of jobs."""
    database = _opened(state)
    try:
        rows = [_row(database, name, run, said) for name, run, said in jobs_of(database) if job in (None, name)]
    except ProxyError as error:
        refuse(f"state: {error}")
    if job is not None and not rows:
        refuse("there is no job of this name; `dicomveil export status` lists them")
    write_rows(rows, COLUMNS, "table", sys.stdout)


def cancel(job: str | None, state: str | None) -> None:
    """Ask the run of a job to end; without a name, of the only one."""
    database = _opened(state)
    names = [name for name, _, _ in jobs_of(database)]
    if job is None and len(names) == 1:
        (job,) = names
    if job not in names:
        refuse("say which job; `dicomveil export status` lists them")
    assert job is not None
    Ledger(database, job).cancel()
    print(f"{job}: it ends when the series under way are placed")


def _opened(state: str | None) -> Database:
    place = state_of(state)
    if isinstance(place, Path) and not place.is_dir():
        refuse("state: the folder does not exist; give the --state of the export")
    try:
        return open_ledger(place)
    except ConfigurationError as error:
        refuse(str(error))


def _row(database: Database, name: str, run: int, said: str) -> Row:
    ledger = Ledger(database, name)
    ledger.run = run
    counts = ledger.counts()
    return {
        "job": name,
        "state": said,
        "studies": counts.studies,
        "series": counts.units,
        "done": counts.done,
        "failed": counts.failed,
        "instances": counts.placed,
        "expected": counts.expected,
        "refused": counts.refused,
    }
