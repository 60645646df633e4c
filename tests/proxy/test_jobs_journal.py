"""What an output folder remembers, and whom it keeps out."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.journal import Journal
from dicomveil_proxy.jobs.outcome import Outcome, Status
from dicomveil_proxy.jobs.tree import JOURNAL, Found

JOB = Job("default", bytes(32))
FOUND = Found("Doe/1", "Doe/1", size=4, modified=10, changed=11)


def remembered(folder: Path, job: Job = JOB) -> Path:
    """An output that the folder's journal knows as that of FOUND."""
    output = folder / "output"
    journal = Journal(folder, job, "keep")
    output.write_bytes(b"1234")
    stat = output.stat()
    journal.add(FOUND, Outcome(Status.WRITTEN, "", stat.st_size, stat.st_mtime_ns))
    journal.close(ended=True)
    return output


def knows(folder: Path, found: Found, output: Path) -> bool:
    """Whether a later run would leave the output as it is."""
    journal = Journal(folder, JOB, "keep")
    try:
        return journal.has(found, output.stat())
    finally:
        journal.close(ended=True)


def test_what_was_done_is_known(tmp_path: Path) -> None:
    """To a later run, as long as the output is what it was."""
    output = remembered(tmp_path)

    assert knows(tmp_path, FOUND, output)
    output.write_bytes(b"123")
    assert not knows(tmp_path, FOUND, output)


@pytest.mark.parametrize(
    "found",
    [
        Found("Doe/1", "Doe/1", size=5, modified=10, changed=11),
        Found("Doe/1", "Doe/1", size=4, modified=12, changed=11),
        Found("Doe/1", "Doe/1", size=4, modified=10, changed=12),
        Found("Doe/2", "Doe/1", size=4, modified=10, changed=11),
        Found("Doe/1", "Doe/2", size=4, modified=10, changed=11),
    ],
)
def test_another_source_is_not_known(found: Found, tmp_path: Path) -> None:
    """Nor one that was changed, nor the same in another place."""
    assert not knows(tmp_path, found, remembered(tmp_path))


@pytest.mark.parametrize(
    ("job", "naming"),
    [
        (Job("basic", bytes(32)), "keep"),
        (Job("default", bytes([1] * 32)), "keep"),
        (Job("default", bytes(32), validates_output=True), "keep"),
        (JOB, "pseudonymous"),
    ],
)
def test_another_policy_key_or_naming_is_refused(job: Job, naming: str, tmp_path: Path) -> None:
    """What the first let pass must not stand beside what the second made."""
    remembered(tmp_path)

    with pytest.raises(ConfigurationError, match="filled under another policy, key, naming or version"):
        Journal(tmp_path, job, naming)


def test_a_folder_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    """Nothing in it is replaced."""
    (tmp_path / "other").write_bytes(b"")

    with pytest.raises(ConfigurationError, match="new or empty"):
        Journal(tmp_path, JOB, "keep")
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_two_runs_do_not_write_into_one_folder(tmp_path: Path) -> None:
    """The second is refused, and may begin when the first has ended."""
    journal = Journal(tmp_path, JOB, "keep")

    with pytest.raises(ConfigurationError, match="another run is writing"):
        Journal(tmp_path, JOB, "keep")
    journal.close(ended=True)
    Journal(tmp_path, JOB, "keep").close(ended=True)


def test_a_broken_journal_is_refused(tmp_path: Path) -> None:
    """Nobody knows under which policy its folder was filled."""
    (tmp_path / JOURNAL).write_bytes(b"no database" * 1_000)

    with pytest.raises(ConfigurationError, match="is broken"):
        Journal(tmp_path, JOB, "keep")


@pytest.mark.parametrize(("ended", "left"), [(False, set()), (True, {"x.dicomveil-part"})])
def test_what_a_killed_run_left_unfinished_is_removed(ended: bool, left: set[str], tmp_path: Path) -> None:
    """By the next one; after a run that came to its end there is nothing to look for."""
    Journal(tmp_path, JOB, "keep").close(ended=ended)
    (tmp_path / "x.dicomveil-part").write_bytes(b"half")

    Journal(tmp_path, JOB, "keep").close(ended=True)

    assert {path.name for path in tmp_path.iterdir()} - {JOURNAL} == left


def test_a_journal_holds_no_names(tmp_path: Path) -> None:
    """Only keyed digests."""
    remembered(tmp_path)

    assert b"Doe" not in (tmp_path / JOURNAL).read_bytes()
