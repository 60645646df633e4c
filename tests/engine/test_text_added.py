"""Detectors that a policy adds: plug-ins of the groups dicomveil.detectors and dicomveil.ner, lists, patterns."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dicomveil_engine import ConfigurationError, DeidentificationError, deidentify_metadata, load_policy

MODULE = """
def names(text):
    at = text.find("Kolibri")
    if at >= 0:
        yield at, at + 7, "PERSON_NAME"

def fails(text):
    raise ValueError(text)

def beyond(text):
    yield 0, len(text) + 1, "PERSON_NAME"

not_a_function = 7
"""
POINTS = """
[dicomveil.ner]
model = example_detectors:names
failing = example_detectors:fails
[dicomveil.detectors]
names = example_detectors:names
failing = example_detectors:fails
beyond = example_detectors:beyond
number = example_detectors:not_a_function
missing = example_detectors:nothing
"""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with detectors, as installers leave it."""
    (tmp_path / "example_detectors.py").write_text(MODULE)
    info = tmp_path / "example_detectors-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: example-detectors\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("example_detectors", None)


def cleaned(settings: dict[str, object]) -> tuple[str, str]:
    """A description and a comment, as they come out."""
    document = {"profile": "research", "text": settings}
    policy = load_policy(document, b"k" * 32)
    dataset: dict[str, Any] = {
        "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
        "00081030": {"vr": "LO", "Value": ["CT Kolibri head"]},
        "00204000": {"vr": "LT", "Value": ["CT Kolibri head"]},
    }
    [after] = deidentify_metadata([dataset], policy)
    first, second = (after[tag] for tag in ("00081030", "00204000"))
    return str(first["Value"][0]), str(second["Value"][0])  # type: ignore[index]


def test_recognition_sees_sentences_only() -> None:
    """Descriptions never; and nothing unless a policy names it."""
    assert cleaned({}) == ("CT Kolibri head", "CT Kolibri head")
    assert cleaned({"ner": "model"}) == ("CT Kolibri head", "CT head")
    assert cleaned({"detectors": ["names"]}) == ("CT head", "CT head")


@pytest.mark.parametrize("settings", [{"ner": "failing"}, {"detectors": ["failing"]}, {"detectors": ["beyond"]}])
def test_a_detector_that_fails_makes_the_instance_refused(settings: dict[str, object]) -> None:
    """And the message holds nothing of the text."""
    with pytest.raises(DeidentificationError, match="the detector") as caught:
        cleaned(settings)

    assert "Kolibri" not in str(caught.value)


@pytest.mark.parametrize(
    "settings", [{"ner": "names"}, {"detectors": ["number"]}, {"detectors": ["missing"]}, {"ner": 1}]
)
def test_wrong_plug_ins_are_refused(settings: dict[str, object]) -> None:
    """With the group's or the setting's name."""
    with pytest.raises(ConfigurationError, match=r"plug-in|text"):
        cleaned(settings)


def test_lists_are_files(tmp_path: Path) -> None:
    """A word or phrase a line, in any case."""
    path = tmp_path / "list"
    path.write_text("kolibri HEAD\n\n")

    assert cleaned({"customInfoTypes": [{"name": "BIRD", "list": str(path)}]}) == ("CT", "CT")


def test_patterns_take_linear_time() -> None:
    """One that would never end by backtracking."""
    document = {"profile": "research", "text": {"customInfoTypes": [{"name": "A", "regex": "(a+)+$"}]}}
    policy = load_policy(document, b"k" * 32)
    text = "a" * 10_000 + "b"
    start = time.process_time()
    deidentify_metadata(
        [{"00204000": {"vr": "LT", "Value": [text]}, "0020000D": {"vr": "UI", "Value": ["1.2.3"]}}], policy
    )

    assert time.process_time() - start < 5
