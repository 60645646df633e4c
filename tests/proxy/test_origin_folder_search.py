"""Searching a folder: all that may match, counted, in an order that stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import Dataset

from dicomveil_proxy.errors import OriginMalformed
from dicomveil_proxy.origin import Match
from dicomveil_proxy.origin.folder.index import FolderIndex
from dicomveil_proxy.origin.folder.search import search_folder
from dicomveil_proxy.request.query import Level
from proxy.fakes import instance, values

ALL = slice(0, None)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[FolderIndex]:
    """Three studies, of one, two and three series."""
    for study in (1, 2, 3):
        for series in range(study):
            uids = (f"1.2.3.{study}", f"1.2.3.{study}.{series}", f"1.2.3.{study}.{series}.1")
            data = instance(*uids, PatientID=f"PATIENT-{study}", StudyDescription="head", Modality=f"M{series}")
            (tmp_path / uids[2]).write_bytes(data)
    index = FolderIndex(tmp_path)
    yield index
    index.close()


def search(index: FolderIndex, level: Level, *params: tuple[str, str], page: slice = ALL) -> list[Match]:
    """Everywhere."""
    return search_folder(index, level, (None, None), params, page)


def test_levels(index: FolderIndex) -> None:
    """Each result is one study, series or instance, and speaks for it."""
    studies, series, instances = (search(index, level) for level in Level)

    assert [len(studies), len(series), len(instances)] == [3, 6, 6]
    assert values(studies[2], "00080061") == ["M0", "M1", "M2"]
    assert [values(studies[2], tag) for tag in ("00201206", "00201208")] == [[3], [3]]
    assert values(series[0], "00201209") == [1]
    assert "0020000E" not in studies[0]
    assert "00080018" not in series[0]
    assert values(instances[0], "00080018") == ["1.2.3.1.0.1"]


def test_pages(index: FolderIndex) -> None:
    """They add up."""
    assert [m for n in range(0, 6, 2) for m in search(index, Level.SERIES, page=slice(n, n + 2))] == search(
        index, Level.SERIES
    )


@pytest.mark.parametrize(
    ("key", "value", "count"),
    [
        ("StudyInstanceUID", "1.2.3.1,1.2.3.2", 2),
        ("0020000D", "1.2.3.1\\1.2.3.9", 1),
        ("SOPInstanceUID", "1.2.3.3.2.1", 1),
        ("PatientID", "PATIENT-2", 1),
        ("00100020", "PATIENT-*", 3),
        ("PatientID", "", 3),
        ("PatientName", "nobody", 3),
    ],
)
def test_keys(index: FolderIndex, key: str, value: str, count: int) -> None:
    """UIDs and PatientID narrow; other keys do not, and no key hides a match."""
    assert len(search(index, Level.STUDIES, (key, value))) == count


def test_within_a_study(index: FolderIndex) -> None:
    """Only what is in it."""
    assert len(search_folder(index, Level.SERIES, ("1.2.3.3", None), [], ALL)) == 3
    assert len(search_folder(index, Level.INSTANCES, ("1.2.3.3", "1.2.3.3.1"), [], ALL)) == 1
    assert search_folder(index, Level.INSTANCES, ("1.2.3.9", None), [], ALL) == []


def test_attributes(index: FolderIndex) -> None:
    """What is asked for comes, by keyword or tag; everything where all is asked for; never bulk data."""
    (plain, *_), (more, *_), (whole, *_) = (
        search(index, Level.STUDIES, *params)
        for params in ([], [("includefield", "Rows,00280011,Nothing")], [("includefield", "all")])
    )

    assert "00280010" not in plain
    assert {"00280010", "00280011"} <= more.keys()
    assert whole.keys() > more.keys()
    assert "7FE00010" not in whole


def test_a_brief_list_is_of_the_same_instances(index: FolderIndex, tmp_path: Path) -> None:
    """In the same order and pages, by UIDs alone and without opening files, unless more is asked for."""
    parents = ("1.2.3.3", None)
    plain = search_folder(index, Level.INSTANCES, parents, [], ALL)
    more = [("includefield", "Modality")]
    expected = search_folder(index, Level.INSTANCES, parents, more, ALL)
    assert search_folder(index, Level.INSTANCES, parents, more, ALL, brief=True) == expected
    assert [values(match, "00080060") for match in expected] == [["M0"], ["M1"], ["M2"]]
    for path in tmp_path.iterdir():
        path.unlink()

    brief = [search_folder(index, Level.INSTANCES, parents, [], slice(n, n + 2), brief=True) for n in (0, 2)]

    uids = ("0020000D", "0020000E", "00080018")
    assert [{tag: match[tag] for tag in uids} for match in plain] == brief[0] + brief[1]


@pytest.mark.parametrize("data", [b"", b"Doe^Jane"])
def test_a_file_that_changed(index: FolderIndex, tmp_path: Path, data: bytes) -> None:
    """An error without its path."""
    (tmp_path / "1.2.3.1.0.1").write_bytes(data)
    with pytest.raises(OriginMalformed) as caught:
        search(index, Level.STUDIES)
    assert "1.2.3" not in str(caught.value)


@pytest.mark.parametrize("name", ["ReferencedSeriesSequence.SeriesInstanceUID", "00081115.0020000E"])
def test_a_key_in_a_sequence(tmp_path: Path, name: str) -> None:
    """The results have the whole sequence, without which no match would be recognised."""
    item = Dataset()
    item.SeriesInstanceUID = "1.2.3.7"
    (tmp_path / "one").write_bytes(instance(ReferencedSeriesSequence=[item]))
    index = FolderIndex(tmp_path)
    (match,) = search(index, Level.INSTANCES, (name, "1.2.3.7"))

    assert [values(each, "0020000E") for each in values(match, "00081115")] == [["1.2.3.7"]]
    index.close()


def test_a_key_after_one_without_a_value(index: FolderIndex) -> None:
    """It narrows the search as it does alone."""
    assert len(search(index, Level.STUDIES, ("PatientName", ""), ("PatientID", "PATIENT-2"))) == 1
