"""A project's list of subjects in the live proxy: shown, found by, and no way to an original."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.fakes import MemoryOrigin, instance, proxy

pytestmark = pytest.mark.anyio


async def test_subjects_stand_for_patients(tmp_path: Path) -> None:
    """In PatientID and PatientName, in searches both ways; a patient who is not on the list keeps a keyed pseudonym."""
    other = instance("1.2.3.2", "1.2.3.2.1", "1.2.3.2.1.1", PatientID="P-2")
    archive = MemoryOrigin(instance(), other)
    (tmp_path / "subjects.csv").write_text("PatientID,subject\nPATIENT-1,LUNG-001\n")

    async with proxy(tmp_path, archive, subjects=tmp_path / "subjects.csv") as ask:
        every = (await ask.get("/studies")).json()
        found = (await ask.get("/studies?PatientID=LUNG-001")).json()
        by_original = await ask.get("/studies?PatientID=PATIENT-1")

    patients = sorted(study["00100020"]["Value"][0] for study in every)
    assert len(patients) == 2
    assert "LUNG-001" in patients
    assert not {"PATIENT-1", "P-2"} & set(patients)
    assert [study["00100020"]["Value"][0] for study in found] == ["LUNG-001"]
    assert found[0]["00100010"]["Value"][0]["Alphabetic"] == "LUNG-001"
    assert by_original.status_code == 204 or by_original.json() == []
