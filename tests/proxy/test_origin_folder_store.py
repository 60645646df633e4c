"""Storing into a folder: an instance is there whole or not at all, and nothing is ever replaced."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from dicomveil_proxy.origin import StoreResult
from dicomveil_proxy.origin.folder.index import FolderIndex
from dicomveil_proxy.origin.folder.store import store_instance
from proxy.fakes import INSTANCE, SERIES, STUDY, instance


@pytest.fixture
def index(tmp_path: Path) -> Iterator[FolderIndex]:
    """Of an empty folder."""
    index = FolderIndex(tmp_path)
    yield index
    index.close()


def store(
    tmp_path: Path, index: FolderIndex, data: bytes, uid: str = INSTANCE, study: str | None = None
) -> StoreResult:
    """Store it."""
    return store_instance(tmp_path, index, study, uid, BytesIO(data))


def files(path: Path) -> list[Path]:
    """All below."""
    return [file for file in path.rglob("*") if file.is_file()]


def test_stored(tmp_path: Path, index: FolderIndex) -> None:
    """By its UIDs, byte for byte, and found from then on."""
    assert store(tmp_path, index, instance(), study=STUDY) == StoreResult(acknowledged=True)
    assert files(tmp_path) == [tmp_path / STUDY / SERIES / f"{INSTANCE}.dcm"]
    assert files(tmp_path)[0].read_bytes() == instance()
    assert len(index.places(STUDY, SERIES, INSTANCE)) == 1


def test_nothing_is_replaced(tmp_path: Path, index: FolderIndex) -> None:
    """The same again is not a failure, another under the same UID is one (0111), longer or shorter."""
    store(tmp_path, index, instance())

    assert store(tmp_path, index, instance()).acknowledged
    for other in (instance(PatientID="PATIENT-2"), instance() + b"\0\0", instance(pixels=None)):
        assert store(tmp_path, index, other) == StoreResult(acknowledged=False, failure_reason=0x0111)
    assert files(tmp_path)[0].read_bytes() == instance()


@pytest.mark.parametrize(
    ("data", "uid", "study"),
    [
        (b"rubbish", INSTANCE, None),
        (instance(), "1.2.3.9", None),
        (instance(), INSTANCE, "1.2.3.9"),
        (instance("../../1"), INSTANCE, None),
        (instance(change=lambda dataset: dataset.__delattr__("SeriesInstanceUID")), INSTANCE, None),
    ],
)
def test_refused(tmp_path: Path, index: FolderIndex, data: bytes, uid: str, study: str | None) -> None:
    """No instance, another than was said, or UIDs that lead elsewhere: 0110, and nothing is written."""
    assert store(tmp_path, index, data, uid, study) == StoreResult(acknowledged=False, failure_reason=0x0110)
    assert files(tmp_path) == []


def test_a_full_disk(tmp_path: Path, index: FolderIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """A700, and no piece of the instance is left."""

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    assert store(tmp_path, index, instance()) == StoreResult(acknowledged=False, failure_reason=0xA700)
    assert files(tmp_path) == []
    assert index.places() == []
