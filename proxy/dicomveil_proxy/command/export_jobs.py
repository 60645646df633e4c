"""`dicomveil export status` and `cancel`: jobs in their ledger, whose names reveal nothing about them."""

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
from dicomveil_proxy.jobs.own_key import close_job, key_path
from dicomveil_proxy.jobs.places import is_running

LISTED = "; `dicomveil export status` lists them"
COLUMNS = ("job", "state", "studies", "series", "done", "failed", "instances", "expected", "refused")


def show(job: str | None, state: str | None) -> None:
    """Print a table of jobs."""
    database = _opened(state)
    try:
        rows = [_row(database, name, run, said) for name, run, said in jobs_of(database) if job in (None, name)]
    except ProxyError as error:
        refuse(f"state: {error}")
    finally:
        database.close()
    if job is not None and not rows:
        refuse("there is no job of this name" + LISTED)
    write_rows(rows, COLUMNS, "table", sys.stdout)


def cancel(job: str | None, state: str | None) -> None:
    """Cancel the run of a job, without a name that of the only job. If the job has its own key, it is destroyed."""
    place = state_of(state)
    database = _opened(state)
    try:
        states = {name: said for name, _, said in jobs_of(database)}
        if job is None and len(states) == 1:
            (job,) = states
        if job is None or job not in states:
            refuse(_unnamed(job, states))
        Ledger(database, job).cancel()
        runs = not isinstance(place, Path) or is_running(place, job)
    except ProxyError as error:
        refuse(f"state: {error}")
    finally:
        database.close()
    if runs:
        print(f"{job}: it ends when the series under way are placed")
    elif isinstance(place, Path) and key_path(place, job).exists():
        _close(place, job)
    else:
        print(f"{job}: it is not running; the same export command resumes it")


def _unnamed(job: str | None, states: dict[str, str]) -> str:
    if not states:
        return "there is no job in this --state"
    return ("name the job" if job is None else "there is no job of this name") + LISTED


def _close(place: Path, job: str) -> None:
    try:
        close_job(place, job)
    except (OSError, ProxyError):
        refuse("state: the job's key cannot be destroyed; remove it yourself (the file whose name ends in .key)")
    print(f"{job}: its key is destroyed; its output remains, and can be neither traced back nor continued")


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
