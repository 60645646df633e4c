"""A job whose ledger is in PostgreSQL: coordinators share it, and a unit is one coordinator's at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomveil_proxy.jobs.destinations import MARKER
from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.ledger import Ledger, job_of, open_ledger
from origin.exports import KEY, Exporter
from origin.postgresql import PostgreSQL
from proxy.exporting import Laboratory, fill
from proxy.instances import over_attributes

pytestmark = pytest.mark.origin


def test_two_coordinators_share_a_job(postgresql: PostgreSQL, tmp_path: Path) -> None:
    """Both come to the end, nothing is placed twice, and the output is that of one."""
    fill(tmp_path / "in", studies=5)
    exporter = Exporter(tmp_path, "in")
    state = postgresql.make("shared_job")
    options = ("--query", "PatientID=PATIENT-*", "--state", state, "--rate", "8", "--jobs", "1", "--connections", "1")
    second = ("--report", "second.csv")

    processes = [exporter.start(*options), exporter.start(*options, *second)]

    assert [process.wait(120) for process in processes] == [0, 0]
    assert "instances placed: 20" in exporter.said
    database = open_ledger(state)
    ((fresh, owners),) = database.read("SELECT sum(fresh), count(*) FROM unit", {})
    database.close()
    assert (int(fresh), owners) == (20, 10)
    laboratory = Laboratory(tmp_path, "alone", job=Job(over_attributes("default"), KEY))
    laboratory.export()
    alone = {name: data for name, data in laboratory.tree().items() if name != MARKER}
    assert exporter.held() == alone


def test_a_lease_that_ran_out_is_another_coordinators(postgresql: PostgreSQL, tmp_path: Path) -> None:
    """One that was stopped keeps nothing for ever; while it lives, what it holds is its own."""
    database = open_ledger(postgresql.make("leases"))
    job = job_of(database, "somewhere")
    first, second = Ledger(database, job), Ledger(database, job)
    first.begin("fingerprint")
    second.begin("fingerprint")
    first.add_units([{"number": n, "study": "1.2.3", "series": f"1.2.3.{n}", "listed": 1} for n in range(1, 5)])

    held = first.lease(3)
    assert [unit.number for unit in held] == [1, 2, 3]
    assert [unit.number for unit in second.lease(10)] == [4]
    assert second.lease(10) == []
    first.execute("UPDATE unit SET until = 0 WHERE job = :job AND number = 2")
    assert [unit.number for unit in second.lease(10)] == [2]
    database.close()
