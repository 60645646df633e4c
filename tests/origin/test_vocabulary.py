"""`dicomveil vocabulary build --origin` over a real Orthanc: counts, progress, a kill, and bounded memory."""

from __future__ import annotations

import io
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from dicomveil_engine.pseudonyms.keys import Keys
from dicomveil_engine.text.vocabulary import Vocabulary, summary_of
from dicomveil_proxy.command.keygen import write_key
from origin.orthanc import Orthanc, running_orthanc

pytestmark = pytest.mark.origin

_STUDIES = 40
_INSTANCES = 2
_MEMORY_KIB = 250 << 10
_SECONDS = 60.0


def data(study: int, instance: int) -> bytes:
    """An instance of a patient of its own; every fourth patient is called as nobody else."""
    ds = Dataset()
    ds.SpecificCharacterSet, ds.SOPClassUID = "ISO_IR 192", "1.2.840.10008.5.1.4.1.1.7"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"1.2.3.{study}", f"1.2.3.{study}.1"
    ds.SOPInstanceUID, ds.Modality = f"1.2.3.{study}.1.{instance}", "OT"
    ds.PatientID = f"PATIENT-{study}"
    ds.PatientName = "Kwelmond^Jane" if study % 4 == 0 else "Doe^Jane"
    ds.StudyDescription, ds.ImageComments = "perfusion", "kolibri " * (1 + study % 3)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    stream = io.BytesIO()
    ds.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, orthanc: Orthanc) -> Iterator[Orthanc]:
    """An Orthanc with forty studies."""
    del orthanc  # only for its skip, or failure, where Orthanc is not installed
    with running_orthanc(tmp_path_factory.mktemp("archive")) as server:
        for study in range(_STUDIES):
            for instance in range(_INSTANCES):
                assert server.store(data(study, instance))
        yield server


def build(folder: Path, origin: str, name: str) -> subprocess.Popen[str]:
    """The command, running, in a process of its own that says how far it is after every study."""
    program = (
        "from dicomveil_proxy.command import commands, vocabulary; vocabulary._SECONDS_BETWEEN_LINES = 0.0;commands()"
    )
    arguments = ["vocabulary", "build", "--origin", origin, "--key-file", "key", "-o", name]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DICOMVEIL_")}
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def counted(path: Path) -> int:
    """How many studies a run has counted so far."""
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            return int(database.execute("SELECT count(*) FROM study").fetchone()[0])
    except sqlite3.DatabaseError:
        return 0


def test_a_killed_run_resumes_and_gives_the_same_file(archive: Orthanc, tmp_path: Path) -> None:
    """Killed in the middle; the same command counts the rest, and the file is that of a run without a break."""
    write_key(tmp_path / "key")
    whole = build(tmp_path, archive.base_url, "whole")
    out, progress = whole.communicate(timeout=_SECONDS)
    assert whole.returncode == 0, progress
    assert f"{_STUDIES} studies counted, 0 left out" in progress
    assert f"patients         {_STUDIES}" in out

    broken = build(tmp_path, archive.base_url, "again")
    until = time.monotonic() + _SECONDS
    while counted(tmp_path / "again.counts") < _STUDIES // 4 and broken.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    broken.kill()
    broken.communicate()
    before = counted(tmp_path / "again.counts")
    assert 0 < before < _STUDIES
    assert not (tmp_path / "again").exists()

    resumed = build(tmp_path, archive.base_url, "again")
    peak = 0
    while resumed.poll() is None and time.monotonic() < until + _SECONDS:
        peak = max(peak, resident(resumed.pid))
        time.sleep(0.01)
    _, progress = resumed.communicate(timeout=_SECONDS)
    assert resumed.returncode == 0, progress
    assert (tmp_path / "again").read_bytes() == (tmp_path / "whole").read_bytes()
    assert not (tmp_path / "again.counts").exists()
    assert 0 < peak < _MEMORY_KIB


def resident(number: int) -> int:
    """The most KiB that a process has had in memory so far; 0 when it has ended."""
    try:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{number}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) if found else 0


def test_it_knows_the_names(archive: Orthanc, tmp_path: Path) -> None:
    """Patients are counted, not instances; no word is in the file."""
    write_key(tmp_path / "key")
    run = build(tmp_path, archive.base_url, "words")
    _, progress = run.communicate(timeout=_SECONDS)
    assert run.returncode == 0, progress
    content = (tmp_path / "words").read_bytes()
    vocabulary = Vocabulary(content, Keys(bytes.fromhex((tmp_path / "key").read_text().strip())))

    assert vocabulary.counts("kwelmond") == (0, _STUDIES // 4)
    assert vocabulary.counts("perfusion") == (_STUDIES, 0)
    assert vocabulary.counts("kolibri") == (_STUDIES, 0)
    assert summary_of(content).names == 3
    assert b"kwelmond" not in content.lower()
