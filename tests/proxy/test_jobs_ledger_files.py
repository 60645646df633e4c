"""What an output folder records of its runs, and what it keeps out."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.ledger.files import FileLedger
from dicomveil_proxy.jobs.outcome import Described, Outcome, Status
from dicomveil_proxy.jobs.tree import LEDGER, Found

JOB = Job("default", bytes(32))
DESCRIBED = Described("2.25.1", "2.25.2", "2.25.3", "1.2.840.10008.5.1.4.1.1.2", "CT", "pseudonym", "00" * 32)
FOUND = Found("Doe/1", "Doe/1", size=4, modified=10, changed=11)


def recorded(folder: Path, job: Job = JOB, found: Found = FOUND) -> Path:
    """An output that the folder's ledger knows as that of FOUND."""
    output = folder / "output"
    ledger = FileLedger(folder, job, "keep")
    output.write_bytes(b"1234")
    stat = output.stat()
    ledger.add(found, Outcome(Status.WRITTEN, "", stat.st_size, stat.st_mtime_ns, DESCRIBED))
    ledger.close(ended=True)
    return output


def knows(folder: Path, found: Found, output: Path) -> bool:
    """Whether a later run would leave the output as it is."""
    ledger = FileLedger(folder, JOB, "keep")
    try:
        return ledger.has(found, output.stat())
    finally:
        ledger.close(ended=True)


def test_what_was_done_is_known(tmp_path: Path) -> None:
    """To a later run, as long as the output is what it was."""
    output = recorded(tmp_path)

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
    assert not knows(tmp_path, found, recorded(tmp_path))


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
    recorded(tmp_path)

    with pytest.raises(ConfigurationError, match="filled under another policy, key, naming or version"):
        FileLedger(tmp_path, job, naming)


def test_a_folder_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    """Nothing in it is replaced."""
    (tmp_path / "other").write_bytes(b"")

    with pytest.raises(ConfigurationError, match="new or empty"):
        FileLedger(tmp_path, JOB, "keep")
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_two_runs_do_not_write_into_one_folder(tmp_path: Path) -> None:
    """The second is refused, and may begin when the first has ended."""
    ledger = FileLedger(tmp_path, JOB, "keep")

    with pytest.raises(ConfigurationError, match="another run is writing"):
        FileLedger(tmp_path, JOB, "keep")
    ledger.close(ended=True)
    FileLedger(tmp_path, JOB, "keep").close(ended=True)


def test_a_broken_ledger_is_refused(tmp_path: Path) -> None:
    """Nobody knows under which policy its folder was filled."""
    (tmp_path / LEDGER).write_bytes(b"no database" * 1_000)

    with pytest.raises(ConfigurationError, match="is damaged"):
        FileLedger(tmp_path, JOB, "keep")


@pytest.mark.parametrize(("ended", "left"), [(False, set()), (True, {"x.dicomveil-part"})])
def test_what_a_killed_run_left_unfinished_is_removed(ended: bool, left: set[str], tmp_path: Path) -> None:
    """By the next one; after a run that came to its end there is nothing to look for."""
    FileLedger(tmp_path, JOB, "keep").close(ended=ended)
    (tmp_path / "x.dicomveil-part").write_bytes(b"half")

    FileLedger(tmp_path, JOB, "keep").close(ended=True)

    assert {path.name for path in tmp_path.iterdir()} - {LEDGER} == left


@pytest.mark.parametrize("made", ["CREATE TABLE run (fingerprint BLOB)", ""])
def test_a_ledger_that_says_of_no_run_does_not_make_the_folder_ours(made: str, tmp_path: Path) -> None:
    """As one that another version wrote, or that was emptied: what stands beside it was made by unknown rules."""
    with contextlib.closing(sqlite3.connect(tmp_path / LEDGER)) as connection:
        connection.execute(made)
    (tmp_path / "other").write_bytes(b"")

    with pytest.raises(ConfigurationError, match="no earlier run recorded"):
        FileLedger(tmp_path, JOB, "keep")


def test_an_output_that_is_made_again_is_one_unit(tmp_path: Path) -> None:
    """What was recorded of the earlier one is gone: the record does not grow with each change."""
    recorded(tmp_path)
    ledger = FileLedger(tmp_path, JOB, "keep")
    ledger.add(FOUND, Outcome(Status.WRITTEN, "", 9, 9, DESCRIBED))
    assert [row[7] for row in ledger.manifest()] == [9]
    ledger.close(ended=True)

    with contextlib.closing(sqlite3.connect(tmp_path / LEDGER)) as connection:
        assert connection.execute("SELECT count(*) FROM unit").fetchone() == (1,)


def test_a_ledger_holds_no_names(tmp_path: Path) -> None:
    """Only keyed digests, and the output's own path where names are kept."""
    recorded(tmp_path, found=Found("Doe/1", "1", size=4, modified=10, changed=11))

    assert b"Doe" not in (tmp_path / LEDGER).read_bytes()
