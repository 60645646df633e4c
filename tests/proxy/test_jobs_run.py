"""A run over a folder: what it makes, what it leaves, and that it can be begun again."""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections import Counter
from pathlib import Path

import pydicom
import pytest
from pydicom import dcmread

from bench.instances import ct
from dicomveil_engine import ConfigurationError, deidentify_instance
from dicomveil_proxy.jobs import Event, Job, Status, deidentify_file, deidentify_folder, rehearse_folder
from dicomveil_proxy.jobs.destinations.folder import FolderHoldings
from dicomveil_proxy.jobs.manifest import MANIFEST, SERIES, SUMS
from dicomveil_proxy.jobs.names import Naming
from dicomveil_proxy.jobs.tree import LEDGER
from dicomveil_proxy.jobs.verification import Fault, verify
from proxy.instances import over_attributes

JOB = Job(over_attributes("default"), bytes(32))
POLICY = JOB.policy()
CT = ct(rows=8, columns=8)
SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files" / "dicomdirtests" / "TINY_ALPHA"
"""A small file-set that comes with pydicom."""
OTHERS = [f"IM00000{character}" for character in "BCDEFGHIKLMNOPQRSTUVWXYZ"]
"""Instances of it that would only take time."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Four instances, a broken one, and two other files."""
    folder = tmp_path / "in"
    for path in ("Doe^Jane/1.dcm", "Doe^Jane/2.DCM", "CT/3", "4.txt"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(CT)
    (folder / "broken.dcm").write_bytes(CT[:1_001])
    (folder / "notes.dcm").write_text("Doe^Jane was here")
    (folder / "empty.dcm").write_bytes(b"")
    return folder


def run(source: Path, target: Path, job: Job = JOB, *, jobs: int = 1, naming: Naming = "keep") -> dict[str, Event]:
    """What became of each file."""
    events: list[Event] = []
    deidentify_folder(job, source, target, events.append, jobs=jobs, naming=naming)
    assert len({event.source for event in events}) == len(events)
    return {event.source: event for event in events}


def counts(events: dict[str, Event]) -> dict[str, int]:
    """How often there is which status."""
    return dict(Counter(event.outcome.status.value for event in events.values()))


def contents(folder: Path) -> dict[str, bytes]:
    """Places and bytes of what is in the folder, but for the ledger and what describes the whole."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (LEDGER, MANIFEST, SERIES, SUMS)
    }


def test_instances_are_de_identified_and_nothing_else_is_copied(source: Path, tmp_path: Path) -> None:
    """Whatever their names are, in the same structure, as the engine does."""
    events = run(source, tmp_path / "out")

    expected = deidentify_instance(CT, POLICY)
    places = ["4.txt", "CT/3", "Doe^Jane/1.dcm", "Doe^Jane/2.DCM"]
    assert contents(tmp_path / "out") == dict.fromkeys(places, expected)
    assert counts(events) == {"written": 4, "failed": 1, "skipped": 2}
    assert "cut off" in events["broken.dcm"].outcome.reason


def test_more_processes_make_the_same(source: Path, tmp_path: Path) -> None:
    """File by file, byte by byte, and tell the same of each."""
    one = run(source, tmp_path / "one")
    two = run(source, tmp_path / "two", jobs=2)

    assert contents(tmp_path / "two") == contents(tmp_path / "one")
    assert {name: event.outcome.status for name, event in two.items()} == {
        name: event.outcome.status for name, event in one.items()
    }


def test_de_identified_twice_is_de_identified_once(source: Path, tmp_path: Path) -> None:
    """The output as input changes nothing."""
    run(source, tmp_path / "once")
    run(tmp_path / "once", tmp_path / "twice")

    assert contents(tmp_path / "twice") == contents(tmp_path / "once")


def test_pseudonymous_names_hide_those_of_the_input(source: Path, tmp_path: Path) -> None:
    """At every level; the instances are the same."""
    events = run(source, tmp_path / "out", naming="pseudonymous")

    found = contents(tmp_path / "out")
    assert list(found.values()) == [deidentify_instance(CT, POLICY)] * 4
    assert not [place for place in found if "Doe" in place or "CT/" in place]
    assert {events[name].target for name in ("Doe^Jane/1.dcm", "CT/3")} < set(found)


def test_a_second_run_does_what_is_left(source: Path, tmp_path: Path) -> None:
    """What is new, what was changed, and what is missing in the output."""
    target = tmp_path / "out"
    run(source, target)
    (source / "new").write_bytes(CT)
    (source / "4.txt").write_bytes(CT.replace(b"STUDY-1", b"STUDY-2"))
    (target / "CT" / "3").unlink()

    events = run(source, target)

    assert {name for name, event in events.items() if event.outcome.status is Status.WRITTEN} == {
        "new",
        "4.txt",
        "CT/3",
    }
    assert {name for name, event in events.items() if event.outcome.status is Status.UNCHANGED} == {
        "Doe^Jane/1.dcm",
        "Doe^Jane/2.DCM",
    }


def test_an_output_that_was_tampered_with_is_made_again(source: Path, tmp_path: Path) -> None:
    """As an original that somebody copied over it."""
    run(source, tmp_path / "out")
    shutil.copyfile(source / "4.txt", tmp_path / "out" / "4.txt")

    run(source, tmp_path / "out")

    assert (tmp_path / "out" / "4.txt").read_bytes() == deidentify_instance(CT, POLICY)


def test_another_policy_does_not_go_on(source: Path, tmp_path: Path) -> None:
    """And changes nothing of what is there."""
    run(source, tmp_path / "out")
    before = contents(tmp_path / "out")

    with pytest.raises(ConfigurationError, match="another policy"):
        run(source, tmp_path / "out", Job(over_attributes("basic"), bytes(32)))
    assert contents(tmp_path / "out") == before


def test_an_instance_that_breaks_loses_its_output(source: Path, tmp_path: Path) -> None:
    """The folder holds what this run would make, and no more."""
    run(source, tmp_path / "out")
    (source / "4.txt").write_bytes(CT[:1_001])

    assert counts(run(source, tmp_path / "out"))["failed"] == 2
    assert not (tmp_path / "out" / "4.txt").exists()


def test_a_run_that_is_ended_can_be_continued(source: Path, tmp_path: Path) -> None:
    """What was written before it ended is not made again."""

    def end(event: Event) -> None:
        if event.outcome.status is Status.WRITTEN:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deidentify_folder(JOB, source, tmp_path / "out", end, naming="keep")

    assert counts(run(source, tmp_path / "out")) == {"unchanged": 1, "written": 3, "failed": 1, "skipped": 2}


@pytest.mark.parametrize(("naming", "names"), [("keep", {"IM000000", "IM00000A"}), ("pseudonymous", set())])
def test_a_folder_with_a_dicomdir_gets_one(naming: Naming, names: set[str], tmp_path: Path) -> None:
    """Made from the output; a second one in the same folder is not."""
    source, target = tmp_path / "in", tmp_path / "out"
    shutil.copytree(SHIPPED, source, ignore=lambda folder, _: [] if folder == str(SHIPPED) else OTHERS)
    shutil.copyfile(source / "DICOMDIR", source / "ZDICOMDIR")

    events = run(source, target, naming=naming)

    records = dcmread(target / "DICOMDIR").DirectoryRecordSequence
    files = [record.ReferencedFileID for record in records if record.DirectoryRecordType == "IMAGE"]
    written = {event.target for event in events.values() if event.outcome.status is Status.WRITTEN}
    assert {"/".join(file_id) for file_id in files} == written
    assert {file_id[-1] for file_id in files} >= names
    assert [events[name].outcome.status for name in ("DICOMDIR", "ZDICOMDIR")] == [Status.REBUILT, Status.SKIPPED]
    assert not {path.name for path in target.iterdir()} & {"README", "ZDICOMDIR"}


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("in", "inside the input folder"),
        ("in/out", "inside the input folder"),
        ("in/../in/CT", "inside the input folder"),
        ("link/out", "inside the input folder"),
        (".", "the input folder is inside the output folder"),
        ("in/4.txt", "the output folder is a file"),
        ("file/out", "cannot be created"),
    ],
)
def test_folders_that_cannot_be_meant_are_refused(source: Path, target: str, message: str, tmp_path: Path) -> None:
    """Before anything is written."""
    (tmp_path / "link").symlink_to(source)
    (tmp_path / "file").write_bytes(b"")
    before = contents(tmp_path)

    with pytest.raises(ConfigurationError, match=message):
        run(source, tmp_path / target)
    assert contents(tmp_path) == before


def test_one_file_replaces_its_output_and_never_itself(source: Path, tmp_path: Path) -> None:
    """A link to the original is the original."""
    (tmp_path / "out").write_bytes(b"before")
    (tmp_path / "link").symlink_to(source / "4.txt")

    assert deidentify_file(JOB, source / "4.txt", tmp_path / "out").status is Status.WRITTEN
    assert (tmp_path / "out").read_bytes() == deidentify_instance(CT, POLICY)
    for same in (source / "4.txt", tmp_path / "link"):
        with pytest.raises(ConfigurationError, match="the same file"):
            deidentify_file(JOB, source / "4.txt", same)


def test_one_file_must_be_one(source: Path, tmp_path: Path) -> None:
    """A folder is another option's."""
    with pytest.raises(ConfigurationError, match="to process a folder, use -I"):
        deidentify_file(JOB, source, tmp_path / "out")
    with pytest.raises(ConfigurationError, match="with -I and -O"):
        deidentify_file(JOB, source / "4.txt", tmp_path)


def test_the_corpus_goes_through(shared: Path, tmp_path: Path) -> None:
    """Real instances come out as the engine makes them, broken ones stop nothing, and no reason holds a path."""
    source = shared / "corpus"
    events = run(source, tmp_path / "out", naming="pseudonymous")

    written = [event for event in events.values() if event.outcome.status is Status.WRITTEN]
    assert len(written) > 150
    for event in written[::20]:
        original = (source / event.source).read_bytes()
        assert (tmp_path / "out" / event.target).read_bytes() == deidentify_instance(original, POLICY)
    assert not [event for event in events.values() if ".dcm" in event.outcome.reason]


def test_a_manifest_describes_the_output(source: Path, tmp_path: Path) -> None:
    """With the digests of all files, those of an earlier run included; what is gone is not in it."""
    run(source, tmp_path / "out", naming="pseudonymous")
    first = (tmp_path / "out" / MANIFEST).read_bytes()
    (source / "CT" / "3").write_bytes(CT[:1_001])

    run(source, tmp_path / "out", naming="pseudonymous")

    rows = list(csv.DictReader((tmp_path / "out" / MANIFEST).read_text().splitlines()))
    held = contents(tmp_path / "out")
    assert {row["path"]: row["sha256"] for row in rows} == {n: hashlib.sha256(d).hexdigest() for n, d in held.items()}
    outputs = [dcmread(tmp_path / "out" / row["path"]) for row in rows]
    assert [row["SOPInstanceUID"] for row in rows] == [str(output.SOPInstanceUID) for output in outputs]
    assert [row["PatientID"] for row in rows] == [str(output.PatientID) for output in outputs]
    assert [len(held), first.count(b"\n")] == [3, 5]
    assert b"Doe" not in first + (tmp_path / "out" / LEDGER).read_bytes()


def test_the_manifest_has_no_class_that_is_none(source: Path, tmp_path: Path) -> None:
    """It may be a name, and the output does not have it."""
    (source / "odd").write_bytes(CT.replace(b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.840.DOE.JANE.4.1.1.2\0\0"))

    run(source, tmp_path / "out")

    for name in (MANIFEST, SERIES, LEDGER):
        assert b"DOE.JANE" not in (tmp_path / "out" / name).read_bytes()


def test_names_that_forge_lines(source: Path, tmp_path: Path) -> None:
    """A kept name with a line break is one file of the manifest and of SHA256SUMS, and the output can be verified."""
    (source / f"a\n{'0' * 64}  forged.dcm").write_bytes(CT)
    (source / "\udcff\x1b[2J.dcm").write_bytes(CT)
    (source / "=1+1,'a'.dcm").write_bytes(CT)

    assert counts(run(source, tmp_path / "out"))["written"] == 7

    faults: list[Fault] = []
    assert verify(FolderHoldings(tmp_path / "out"), faults.append) == 7
    assert faults == []
    assert (tmp_path / "out" / SUMS).read_text().count("\n") == 7
    assert all(name.isprintable() for name in contents(tmp_path / "out"))


def test_a_rehearsal_writes_nothing(source: Path, tmp_path: Path) -> None:
    """And says of each file what would become of it."""
    events: list[Event] = []

    rehearse_folder(JOB, source, tmp_path / "out", events.append, naming="keep")

    assert counts({event.source: event for event in events}) == {"written": 4, "failed": 1, "skipped": 2}
    assert not (tmp_path / "out").exists()
