"""The Microsoft tool's golden instances: element by element, all that is not chance or left open there."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest

from dicomveil_engine import Policy, deidentify_instance, load_policy
from engine.datasets import KEY, read
from engine.microsoft_answers import differences, policy

DEFAULT = "microsoft_default_configuration.json"
UIDS = {0x00080018, 0x0020000D, 0x0020000E, 0x00200052}
"""Random in that tool, so that no two of its golden instances agree on them; here they are the project's pseudonyms."""
NESTED = {0x0018A001}
"""A sequence in which that tool leaves (0008,1010), (0018,A003) and the dates, although it has rules for them."""

GOLDEN = [
    ("I341.dcm", "I341.dcm", DEFAULT, UIDS | NESTED),
    ("I290.dcm", "I290.dcm", DEFAULT, UIDS | NESTED),
    ("privateTag.dcm", "privateTag.dcm", DEFAULT, UIDS | NESTED),
    # (0008,xxxx) redact also meets the codes within these two.
    ("I341.dcm", "I341-newConfig.dcm", "microsoft_configs/newConfig.json", NESTED | {0x00120064}),
    ("privateTag.dcm", "privateTagRemoved.dcm", "microsoft_configs/privateTagConfig.json", set()),
]


@pytest.fixture
def corpus(shared: Path) -> Path:
    """That tool's instances."""
    return shared / "corpus" / "microsoft"


@pytest.mark.parametrize(("given", "golden", "configuration", "differing"), GOLDEN)
def test_golden(corpus: Path, given: str, golden: str, configuration: str, differing: set[int]) -> None:
    """The same elements with the same values, but for the UIDs and what is nested."""
    data, expected = (corpus / "cli_input" / given).read_bytes(), (corpus / "cli_expected" / golden).read_bytes()
    found = list(differences(data, expected, policy(configuration)))

    assert {int(theirs.tag) for theirs, _ in found if theirs is not None} == differing
    assert all(ours is not None and theirs is not None for theirs, ours in found)


def test_preset(corpus: Path) -> None:
    """The preset does what the shipped configuration does, once it has that tool's keys."""
    settings = {"dateShift": {"dateShiftKey": "123", "dateShiftScope": "SeriesInstance"}}
    shipped = load_policy({"profile": "microsoft", "defaultSettings": settings}, KEY)
    data = (corpus / "cli_input" / "privateTag.dcm").read_bytes()

    assert deidentify_instance(data, shipped) == deidentify_instance(data, policy(DEFAULT))


@pytest.mark.parametrize(
    ("golden", "configuration"),
    [("Anonymized.dcm", "test-engine"), ("Invalid-String-Format.dcm", "invalid-string-output")],
)
def test_golden_of_the_core(corpus: Path, golden: str, configuration: str) -> None:
    """Its inner tests make their data set in code: it is `UnchangedValue.dcm`, before the rules."""
    data = (corpus / "core_expected" / "UnchangedValue.dcm").read_bytes()
    expected = (corpus / "core_expected" / golden).read_bytes()

    assert not list(differences(data, expected, policy(f"microsoft_configs/configuration-{configuration}.json")))


def test_uids_are_replaced_alike(corpus: Path) -> None:
    """Two instances of a series stay in it, and file meta information follows, where that tool leaves the original."""
    names = ("I341.dcm", "I290.dcm")
    outputs = [deidentify_instance((corpus / "cli_input" / name).read_bytes(), policy(DEFAULT)) for name in names]
    one, other = map(read, outputs)

    assert one.SeriesInstanceUID == other.SeriesInstanceUID
    assert one.file_meta.MediaStorageSOPInstanceUID == one.SOPInstanceUID


@pytest.mark.parametrize("configuration", [DEFAULT, "microsoft_configs/newConfig.json"])
def test_pixels_are_untouched(corpus: Path, configuration: str) -> None:
    """No transcoding: the fragments leave as they came."""
    data = (corpus / "cli_input" / "I341.dcm").read_bytes()

    assert read(deidentify_instance(data, policy(configuration))).PixelData == read(data).PixelData


def test_an_instance_without_a_golden_one(corpus: Path) -> None:
    """Every date has moved by the same days, and everything that the rules remove is gone."""
    used: Policy = policy(DEFAULT)
    original = read((corpus / "samples" / "lung.dcm").read_bytes())
    out = read(deidentify_instance((corpus / "samples" / "lung.dcm").read_bytes(), used))

    removed = {element.tag for element in original if used.decide(element.tag, element.VR).method.name == "remove"}
    assert removed
    assert not removed & out.keys()
    assert not [element.tag for element in _dates(out) if element.value == original[element.tag].value]


def _dates(dataset: pydicom.Dataset) -> list[pydicom.DataElement]:
    return [element for element in dataset if element.VR == "DA" and element.value]
