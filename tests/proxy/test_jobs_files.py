"""The processes: what they make is what one makes, and one that dies takes one instance with it."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.instances import ct
from dicomveil_engine import ConfigurationError
from dicomveil_proxy.jobs.files import LOST, Task, crew_of, work
from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.outcome import Outcome, Status
from dicomveil_proxy.jobs.tree import Found
from proxy.instances import over_attributes

JOB = Job(over_attributes("default"), bytes(32))
CT = ct(rows=8, columns=8)


def tasks(folder: Path, names: list[str]) -> Iterator[Task]:
    """Instances with these names, made as they are taken."""
    for name in names:
        source = folder / name
        if not source.exists():
            source.write_bytes(CT)
        yield Task(Found(name, name), source, folder / f"{name}.out")


def in_processes(job: Job, each: Iterator[Task]) -> Iterator[tuple[Task, Outcome]]:
    """By one process of its own."""
    return crew_of(job, 1).work(lambda: next(each, None))


def test_one_worker_keeps_the_order_and_takes_tasks_as_it_needs_them(tmp_path: Path) -> None:
    """So that a folder of a million is not listed before the first is done."""
    taken = tasks(tmp_path, ["a", "b", "c"])

    first, _ = next(work(JOB, taken, 1))

    assert first.found.source == "a"
    assert not (tmp_path / "c").exists()


def test_a_worker_that_dies_takes_one_instance_with_it(tmp_path: Path) -> None:
    """The rest is done by another, and nothing unfinished stays."""
    names = ["pipe", *map(str, range(12))]
    os.mkfifo(tmp_path / "pipe")  # the worker waits in it until somebody writes

    def kill() -> None:
        with (tmp_path / "pipe").open("wb") as pipe:  # opens when the worker has
            pipe.write(CT[:400])
            pipe.flush()
            time.sleep(0.05)
            (child,) = multiprocessing.active_children()
            child.kill()
            child.join()

    killer = threading.Thread(target=kill)
    killer.start()
    outcomes = {task.found.source: outcome for task, outcome in in_processes(JOB, tasks(tmp_path, names))}
    killer.join()

    assert outcomes.pop("pipe") == LOST
    assert {outcome.status for outcome in outcomes.values()} == {Status.WRITTEN}
    assert len(outcomes) == 12
    assert not list(tmp_path.glob(".*"))
    assert not multiprocessing.active_children()


def test_a_configuration_that_changes_under_a_run_ends_it(tmp_path: Path) -> None:
    """Two workers must never apply two policies."""
    rules = tmp_path / "rules.json"
    rules.write_text('{"profile": "basic"}')
    crew = crew_of(Job(rules, bytes(32)), 1)
    rules.write_text('{"profile": "default"}')

    with pytest.raises(ConfigurationError, match="changed while the run started"):
        list(crew.work(lambda: next(iter(tasks(tmp_path, ["a"])))))
    assert not (tmp_path / "a.out").exists()
