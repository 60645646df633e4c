"""Layouts: where instances are, what stands beside them, and that every name is a pseudonym."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from pathlib import Path

import pytest
from pyarrow import parquet
from pydicom import dcmread

from dicomveil_proxy.jobs.export import Export
from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.layout import Namer, Names
from dicomveil_proxy.jobs.terms import Terms
from dicomveil_proxy.jobs.verification import Fault, verify
from proxy.exporting import Here, Laboratory, fill
from proxy.fakes import KEY


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two studies of two series of one instance."""
    fill(tmp_path / "in", studies=2, instances=1)
    return tmp_path


def faults(laboratory: Laboratory) -> list[Fault]:
    """What `verify` finds."""
    found: list[Fault] = []
    verify(laboratory.job.to.holdings(), found.append)
    return found


def test_tcia_has_the_patient_above_and_a_table_of_series(archive: Path) -> None:
    """As the NBIA Data Retriever writes it."""
    laboratory = Laboratory(archive, layout="tcia")
    laboratory.export()

    rows = (laboratory.out / "metadata.csv").read_text().splitlines()
    assert rows[0].startswith("Series UID,Collection,Subject ID,Study UID")
    assert len(rows) == 5
    for row in rows[1:]:
        cells = row.split(",")
        (instance,) = (laboratory.out / cells[-1]).iterdir()
        output = dcmread(instance)
        assert cells[-1] == f"{output.PatientID}/{output.StudyInstanceUID}/{output.SeriesInstanceUID}"
        assert (cells[0], cells[2], cells[3]) == (output.SeriesInstanceUID, output.PatientID, output.StudyInstanceUID)
    assert faults(laboratory) == []


def test_bids_has_participants_and_scans(archive: Path) -> None:
    """Below sourcedata, with labels of letters and digits."""
    laboratory = Laboratory(archive, layout="bids")
    laboratory.export()

    participants = (laboratory.out / "participants.tsv").read_text().splitlines()
    ignored = (laboratory.out / ".bidsignore").read_text().split()
    others = {path.name for path in laboratory.out.iterdir() if path.is_file() and not path.name.startswith(".")}
    known = {"participants.tsv", "dataset_description.json", "README"}
    assert {name for name in others if not any(fnmatch(name, each) for each in ignored)} == known
    assert participants[0] == "participant_id"
    assert len(participants) == 3
    for participant in participants[1:]:
        (session,) = (laboratory.out / "sourcedata" / participant).iterdir()
        scans = (session / f"{participant}_{session.name}_scans.tsv").read_text().splitlines()
        assert {line.split("\t")[1] for line in scans[1:]} == {"CT", "SR"}
        assert all((session / line.split("\t")[0]).is_dir() for line in scans[1:])
        assert participant.removeprefix("sub-").isalnum()
        assert session.name.removeprefix("ses-").isalnum()
    assert json.loads((laboratory.out / "dataset_description.json").read_text())["BIDSVersion"]
    assert faults(laboratory) == []


def test_names_are_pseudonyms_though_the_policy_keeps_originals(archive: Path) -> None:
    """Of UIDs and PatientIDs; an instance without a PatientID has its study for a subject."""
    rules = archive / "rules.json"
    kept = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "PatientID")
    rules.write_text(json.dumps({"profile": "basic", "rules": [{"tag": tag, "method": "keep"} for tag in kept]}))
    for layout in ("dicom", "tcia", "bids"):
        laboratory = Laboratory(archive, layout, job=Job(rules, KEY), layout=layout)
        laboratory.folder = archive / f"folder-{layout}"
        laboratory.folder.mkdir()
        laboratory.export()
        for name, data in laboratory.tree().items():
            assert "1.2.3." not in name
            assert "PATIENT" not in name
            if not name.endswith(".dcm"):
                assert b"1.2.3." not in data
                assert b"PATIENT-" not in data

    policy = Job("basic", KEY).policy()
    namer = Namer(policy, KEY, "tcia")
    one, other = (namer.subject(Names(study, "", "", "", "CT")) for study in ("2.25.1", "2.25.2"))
    assert one != other


def test_a_manifest_in_parquet_has_the_same_rows(archive: Path) -> None:
    """And the same bytes each time."""
    seen: list[bytes] = []
    for name in ("one", "two"):
        laboratory = Laboratory(archive, name)
        exported(laboratory, Terms(archive / "state", None, has_parquet=True))
        table = parquet.read_table(laboratory.out / "manifest.parquet")
        rows = (laboratory.out / "manifest.csv").read_text().splitlines()
        assert [",".join(map(str, row.values())) for row in table.to_pylist()] == rows[1:]
        seen.append((laboratory.out / "manifest.parquet").read_bytes())
        assert faults(laboratory) == []

    assert seen[0] == seen[1]


def test_a_report_can_be_a_page(archive: Path) -> None:
    """With the table beside it; what it shows is of the output, without an original."""
    laboratory = Laboratory(archive)
    exported(laboratory, Terms(archive / "state", archive / "report.html"))

    page = (archive / "report.html").read_text()
    assert "<td>exported</td><td>2</td>" in page
    assert page.count("data:image/jpeg;base64,") == 4
    assert "Conformance statement" in page
    assert "PATIENT" not in page
    assert "1.2.3." not in page
    assert (archive / "report.csv").read_text().count("exported") == 2


def exported(laboratory: Laboratory, terms: Terms) -> None:
    """Run it on other terms."""
    from dicomveil_proxy.jobs.cohort import Cohort
    from dicomveil_proxy.jobs.progress import Quiet

    cohort = Cohort(query="PatientID=PATIENT-*")
    export = Export(laboratory.job, cohort, terms, Quiet(laboratory.noted), lambda job, *_: Here(job))
    assert export.run().is_whole
