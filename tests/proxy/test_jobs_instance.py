"""One file: what is written, what is not, and that neither is ever half."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from bench.instances import ct, ultrasound
from dicomveil_engine import Policy, deidentify_instance
from dicomveil_engine.reports.validation import Problem
from dicomveil_proxy.jobs import instance
from dicomveil_proxy.jobs.instance import InstanceFiles
from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.outcome import Outcome, Status
from proxy.instances import over_attributes

JOB = Job(over_attributes("default"), bytes(32))
CT = ct(rows=8, columns=8)


@pytest.fixture(scope="module")
def policy() -> Policy:
    """One for all: it only remembers."""
    return JOB.policy()


def deidentified(data: bytes, folder: Path, policy: Policy, job: Job = JOB) -> tuple[Outcome, Path]:
    """The outcome of one file with these bytes, and where its output belongs."""
    (folder / "in").write_bytes(data)
    target = folder / "out" / "below" / "x"
    return InstanceFiles(job, policy).deidentify(folder / "in", target), target


def test_the_output_is_what_the_engine_makes(tmp_path: Path, policy: Policy) -> None:
    """Byte for byte, however long the instance is, and nothing else is in its folder."""
    data = ct(rows=1_024, columns=1_024)

    outcome, target = deidentified(data, tmp_path, policy)

    assert target.read_bytes() == deidentify_instance(data, policy)
    assert (outcome.status, outcome.size) == (Status.WRITTEN, target.stat().st_size)
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("data", [b"text", b"\x89PNG\r\n\x1a\n" + bytes(500), b"\x7fELF" + bytes(9), bytes(200)])
def test_what_is_no_instance_is_skipped(data: bytes, tmp_path: Path, policy: Policy) -> None:
    """And not even its folder is made."""
    outcome, target = deidentified(data, tmp_path, policy)

    assert (outcome, target.parent.exists()) == (instance.NOT_DICOM, False)


def test_an_instance_without_preamble_is_one(tmp_path: Path, policy: Policy) -> None:
    """Old archives have such."""
    outcome, target = deidentified(CT[132:], tmp_path, policy)

    assert outcome.status is Status.WRITTEN
    assert target.read_bytes() == deidentify_instance(CT, policy)


@pytest.mark.parametrize("length", [140, 400, 3_001, len(CT) - 1])
def test_a_broken_instance_leaves_what_was_there(length: int, tmp_path: Path, policy: Policy) -> None:
    """An error in the last byte too, and no unfinished file."""
    target = tmp_path / "out" / "below" / "x"
    target.parent.mkdir(parents=True)
    target.write_bytes(b"before")

    outcome, _ = deidentified(CT[:length], tmp_path, policy)

    assert outcome.status is Status.FAILED
    assert "Doe" not in outcome.reason
    assert [(path.name, path.read_bytes()) for path in target.parent.iterdir()] == [("x", b"before")]


def test_a_file_that_cannot_be_read_has_failed(tmp_path: Path, policy: Policy) -> None:
    """With the system's reason, and without its path."""
    outcome = InstanceFiles(JOB, policy).deidentify(tmp_path / "Doe", tmp_path / "out")

    assert outcome == Outcome(Status.FAILED, "it cannot be read or written (No such file or directory)")


def test_an_unforeseen_error_is_told_without_its_message(
    tmp_path: Path, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message may quote what it stumbled over."""

    def stumble(*_: object, **__: object) -> None:
        raise ValueError("Doe^Jane")

    monkeypatch.setattr(instance, "Deidentification", stumble)

    outcome, _ = deidentified(CT, tmp_path, policy)

    assert outcome.status is Status.FAILED
    assert outcome.reason.startswith("unexpected error builtins.ValueError at ")
    assert "Doe" not in outcome.reason


@pytest.mark.parametrize(("validates", "validate"), [("input", "validate_instance"), ("output", "validate_output")])
def test_what_is_not_legal_fails_if_asked(
    validates: str, validate: str, tmp_path: Path, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first few elements are named, and nothing is written."""
    monkeypatch.setattr(instance, validate, lambda *_: [Problem(0x00100030, "PatientBirthDate", "DA", "no date")] * 5)
    job = Job(
        over_attributes("default"),
        bytes(32),
        validates_input=validates == "input",
        validates_output=validates == "output",
    )

    outcome, target = deidentified(CT, tmp_path, policy, job)

    assert outcome.status is Status.FAILED
    assert outcome.reason.startswith(f"the {validates} ")
    assert outcome.reason.endswith("(0010,0030) PatientBirthDate DA: no date and 2 more")
    assert not target.exists()
    assert deidentified(CT, tmp_path, policy)[0].status is Status.WRITTEN


@pytest.mark.parametrize("validates", [False, True])
def test_a_large_instance_is_not_held(validates: bool, tmp_path: Path, policy: Policy) -> None:
    """50 MB pass through a few, validated or not."""
    (tmp_path / "in").write_bytes(ultrasound())
    files = InstanceFiles(Job(over_attributes("default"), bytes(32), validates, validates), policy)
    tracemalloc.start()
    try:
        outcome = files.deidentify(tmp_path / "in", tmp_path / "out")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert outcome.status is Status.WRITTEN
    assert peak < 8 << 20


def test_few_bytes_taken_at_a_time_are_all_written() -> None:
    """A raw file may take fewer than it is given."""
    written = bytearray()

    def write(data: bytes | bytearray | memoryview) -> int:
        written.extend(data[:3])
        return min(3, len(data))

    instance.write_all(write, [b"01234", memoryview(b"567"), bytearray(b"89" * 40_000)])

    assert bytes(written) == b"01234567" + b"89" * 40_000


def test_a_file_is_on_the_disk_if_asked(tmp_path: Path, policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it gets its name."""
    (tmp_path / "in").write_bytes(CT)
    synchronised: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda _: synchronised.append((tmp_path / "out").exists()))

    InstanceFiles(JOB, policy).deidentify(tmp_path / "in", tmp_path / "out", synchronous=True)

    assert synchronised == [False]
    assert (tmp_path / "out").exists()
