"""A DICOMDIR is made from the output, and others can read it."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom import dcmread
from pydicom.fileset import FileSet

from dicomveil_engine import Policy, deidentify_instance
from dicomveil_proxy.jobs.directory import write_dicomdir
from dicomveil_proxy.jobs.job import Job
from dicomveil_proxy.jobs.outcome import Status
from proxy.instances import over_attributes

SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files" / "dicomdirtests"
"""A file-set of four patients' CT, CR and MR that comes with pydicom."""
IDENTIFYING = (b"Doe^", b"19950903", b"20010101", b"1.3.6.1.4.1.5962", b"PYDICOM_TEST")


@pytest.fixture(scope="module", params=["basic", "default"])
def policy(request: pytest.FixtureRequest) -> Policy:
    """With dates and without."""
    return Job(over_attributes(str(request.param)), bytes(32)).policy()


def fill(folder: Path, policy: Policy) -> Iterator[str]:
    """The file-set's instances, de-identified, at the same places; their UIDs."""
    for source in sorted(SHIPPED.glob("[79]*/*/*")):
        target = folder / source.relative_to(SHIPPED)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(deidentify_instance(source.read_bytes(), policy))
        yield str(dcmread(target, specific_tags=["SOPInstanceUID"]).SOPInstanceUID)


def read(path: Path) -> tuple[dict[str, str], int]:
    """What the records call an instance, what the file calls itself; and how many patients there are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # pydicom leaves its temporary folder to the collector
        found = FileSet(path)
        uids = {str(instance.SOPInstanceUID): str(instance.load().SOPInstanceUID) for instance in found}
        patients = len(found.find_values("PatientID"))
        del found
        gc.collect()
    return uids, patients


def test_a_dicomdir_names_every_instance_where_it_is(tmp_path: Path, policy: Policy) -> None:
    """As pydicom follows its records."""
    uids = set(fill(tmp_path, policy))

    outcome = write_dicomdir(SHIPPED / "DICOMDIR", tmp_path, policy)

    assert (outcome.status, outcome.reason) == (Status.REBUILT, "")
    assert read(tmp_path / "DICOMDIR") == ({uid: uid for uid in uids}, 2)


def test_nothing_of_the_original_is_copied(tmp_path: Path, policy: Policy) -> None:
    """Neither from its records nor its UID."""
    list(fill(tmp_path, policy))
    write_dicomdir(SHIPPED / "DICOMDIR", tmp_path, policy)

    written = (tmp_path / "DICOMDIR").read_bytes()
    assert [word for word in IDENTIFYING if word in (SHIPPED / "DICOMDIR").read_bytes()] == [*IDENTIFYING]
    assert [word for word in IDENTIFYING if word in written] == []
    assert policy.is_pseudonym_uid(dcmread(tmp_path / "DICOMDIR").file_meta.MediaStorageSOPInstanceUID)


def test_an_instance_whose_name_is_no_file_id_is_left_out(tmp_path: Path, policy: Policy) -> None:
    """And told; the others stay in it."""
    list(fill(tmp_path, policy))
    first, *_ = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    first.rename(first.with_name("slice.dcm"))

    outcome = write_dicomdir(SHIPPED / "DICOMDIR", tmp_path, policy)

    assert outcome.reason.startswith("1 left out: ")
    assert outcome.status is Status.REBUILT


def test_without_instances_there_is_no_dicomdir(tmp_path: Path, policy: Policy) -> None:
    """An empty one would say that the medium is empty."""
    outcome = write_dicomdir(SHIPPED / "DICOMDIR", tmp_path, policy)

    assert outcome.status is Status.SKIPPED
    assert list(tmp_path.iterdir()) == []


def test_patients_without_an_id_stay_apart(tmp_path: Path, policy: Policy) -> None:
    """By their names: with one record for all, a viewer would show all studies as one patient's."""
    list(fill(tmp_path, policy))
    names = set()
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        dataset = dcmread(path)
        dataset.PatientName = f"Subject^{str(dataset.PatientID)[:6]}"
        names.add(str(dataset.PatientName))
        dataset.PatientID = ""
        dataset.save_as(path)

    write_dicomdir(SHIPPED / "DICOMDIR", tmp_path, policy)

    records = dcmread(tmp_path / "DICOMDIR").DirectoryRecordSequence
    patients = [record for record in records if record.DirectoryRecordType == "PATIENT"]
    assert sorted(str(record.PatientName) for record in patients) == sorted(names)
    assert {record.PatientID for record in patients} == {"ANONYMOUS"}
