"""The index: each instance of a folder once, by its UIDs, and nothing that cannot be served."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomveil_proxy.origin.folder import index as index_module
from dicomveil_proxy.origin.folder.index import FolderIndex, Place
from dicomveil_proxy.origin.folder.origin import FolderOrigin
from dicomveil_proxy.wire import unfinished
from proxy.fakes import instance

ONE, TWO = Place("1.2.3.1", "1.2.3.1.1", "1.2.3.1.1.1"), Place("1.2.3.2", "1.2.3.2.1", "1.2.3.2.1.1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two studies of two patients, one of them deeper down."""
    (tmp_path / "one.dcm").write_bytes(instance(*ONE))
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "two").write_bytes(instance(*TWO, PatientID="PATIENT-20", Modality="MR"))
    return tmp_path


@pytest.fixture
def index(folder: Path) -> Iterator[FolderIndex]:
    """Of that folder."""
    index = FolderIndex(folder)
    yield index
    index.close()


def test_places(index: FolderIndex, folder: Path) -> None:
    """All, or those of a study, series, instance; each with its file."""
    assert index.places() == [ONE, TWO]
    assert index.places(TWO.study) == index.places(TWO.study, TWO.series) == index.places(*TWO) == [TWO]
    assert index.places(*ONE[:2], TWO.instance) == []
    assert index.path(TWO) == folder / "below" / "two"


def test_patients_and_modalities(index: FolderIndex) -> None:
    """What searches ask of it."""
    assert index.studies_of("PATIENT-1") == {ONE.study}
    assert index.studies_of("PATIENT-?*") == {ONE.study, TWO.study}
    assert index.studies_of("nobody") == set()
    assert index.modalities(TWO.study) == ["MR"]


def test_what_is_left_out(folder: Path) -> None:
    """No instance, one without UIDs or with illegal ones, and one that is being written; the folder stays as it is."""
    (folder / "notes").write_text("notes")
    (folder / "illegal").write_bytes(instance("../1.2"))
    (folder / "without").write_bytes(instance(change=lambda dataset: dataset.__delattr__("StudyInstanceUID")))
    (folder / f"half{unfinished.SUFFIX}").write_bytes(instance("1.2.3.9"))
    before = sorted(folder.rglob("*"))
    index = FolderIndex(folder)

    assert index.places() == [ONE, TWO]
    assert index.skipped == 3
    index.close()
    assert sorted(folder.rglob("*")) == before


def test_refresh(index: FolderIndex, folder: Path) -> None:
    """What was added is found, what is gone is forgotten."""
    (folder / "three").write_bytes(instance("1.2.3.3"))
    index.refresh()
    assert len(index.places()) == 3

    (folder / "three").unlink()
    index.refresh()
    assert index.places() == [ONE, TWO]


def test_add(index: FolderIndex, folder: Path) -> None:
    """One file, or one that is not an instance."""
    (folder / "three").write_bytes(instance("1.2.3.3"))
    (folder / "notes").write_text("notes")

    assert (index.add(folder / "three"), index.add(folder / "notes")) == (True, False)
    assert len(index.places("1.2.3.3")) == 1


def test_why_files_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Counted by reason, and said without a name."""
    (tmp_path / "Doe.txt").write_bytes(b"Doe^Jane" * 40)
    (tmp_path / "Doe.dcm").write_bytes(instance(study=""))
    origin = FolderOrigin(tmp_path)

    assert origin.skipped == 2
    assert "2 files of the folder are not served: " in caplog.text
    assert "without StudyInstanceUID" in caplog.text
    assert "Doe" not in caplog.text


def test_only_new_files_are_read(index: FolderIndex, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refresh of a large folder would take long otherwise."""
    (folder / "three").write_bytes(instance("1.2.3.3"))
    read: list[str] = []
    plain = index_module._plain

    def noted(path: str) -> dict[str, str | None] | None:
        read.append(Path(path).name)
        return plain(path)

    monkeypatch.setattr(index_module, "_plain", noted)
    index.refresh()

    assert read == ["three"]
