"""A project's filter: what its settings mean, and which of a search's results pass it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dicomveil_engine import ConfigurationError
from dicomveil_proxy.settings.filters import FilterSettings, StudyFilter, read_filter


def made(**settings: Any) -> StudyFilter:
    """The filter of these settings."""
    return read_filter(FilterSettings(**settings))


def test_nothing_given_selects_all() -> None:
    """An empty list is something, and selects nothing."""
    assert FilterSettings().selects_all
    assert not FilterSettings(studies=()).selects_all
    assert not made(studies=()).lists("1.2.3")


def test_a_list(tmp_path: Path) -> None:
    """In the settings or in a file, with empty lines and comments; a study without a UID is on no list."""
    file = tmp_path / "studies.txt"
    file.write_text("# first visit\n1.2.3\n\n  1.2.4  # by mail\r\n")

    for each in (made(studies=("1.2.3", "1.2.4")), made(studies_file=file)):
        assert [each.lists(uid) for uid in ("1.2.3", "1.2.4", "1.2.5", "")] == [True, True, False, False]


@pytest.mark.parametrize(
    ("match", "passes"),
    [
        ({"00100020": {"vr": "LO", "Value": ["PATIENT-1"]}, "00080020": {"vr": "DA", "Value": ["20200229"]}}, True),
        ({"00100020": {"vr": "LO", "Value": ["PATIENT-1"]}, "00080020": {"vr": "DA", "Value": ["20210101"]}}, False),
        ({"00100020": {"vr": "LO", "Value": ["PATIENT-1"]}}, False),
        ({}, False),
    ],
)
def test_a_query(match: dict[str, object], passes: bool) -> None:
    """All keys must match; what the origin server does not tell does not."""
    assert made(query={"PatientID": "PATIENT-?", "StudyDate": "20200101-20201231"}).passes(match) is passes


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"studies": ("1.2.3",), "studies_file": Path("x")}, "filter: give studies or studies_file, not both"),
        ({"studies": ("1.2.3", "Doe^Jane")}, "filter.studies: number 2 is not a StudyInstanceUID"),
        ({"studies_file": Path("nowhere")}, "filter.studies_file: it cannot be read"),
        ({"query": {"Doe": "x"}}, "filter.query: .* neither a known attribute nor a known option"),
        ({"query": {"limit": "1"}}, "filter.query: write attributes and their values only"),
        ({"query": {"PatientID": "*"}}, "filter.query: PatientID has no value, and would select every study"),
        ({"query": {"StudyDate": "Doe"}}, "filter.query: "),
        ({"query": {"Modality": "CT"}}, "filter.query: Modality is not an attribute of a study"),
    ],
)
def test_what_is_wrong(settings: dict[str, Any], message: str) -> None:
    """By the setting's name, without a value."""
    with pytest.raises(ConfigurationError, match=message) as caught:
        made(**settings)
    assert "Doe" not in str(caught.value)


@pytest.mark.parametrize("content", [b"1.2.3\nDoe^Jane\n", b"1.2.3\n\xff\xfe\n"])
def test_a_file_that_is_no_list(tmp_path: Path, content: bytes) -> None:
    """The line is named, and not repeated."""
    file = tmp_path / "studies.txt"
    file.write_bytes(content)

    with pytest.raises(ConfigurationError, match=r"line 2 is not a StudyInstanceUID|it is not text") as caught:
        made(studies_file=file)
    assert "Doe" not in str(caught.value)


def test_no_original_in_a_representation() -> None:
    """Neither a UID nor a value."""
    shown = repr(made(studies=("1.2.3.4",), query={"PatientID": "PATIENT-1"}))

    assert "1.2.3.4" not in shown
    assert "PATIENT-1" not in shown
