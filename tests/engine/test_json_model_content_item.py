"""Looking into content items in DICOM JSON."""

from __future__ import annotations

from typing import Any

import pytest

from dicomveil_engine.json_model.content_item import read_content_item, renumbered
from dicomveil_engine.structured_content.concepts import ConceptName
from dicomveil_engine.structured_content.references import Renumbering

CODECS = ("iso8859",)
REFERENCE: Any = {
    "0040A010": {"vr": "CS", "Value": ["HAS PROPERTIES"]},
    "0040DB73": {"vr": "UL", "Value": [1, 3]},
}


def test_name_and_value_type() -> None:
    """As they are written."""
    code = {"00080100": {"vr": "SH", "Value": ["1"]}, "00080102": {"vr": "SH", "Value": ["DCM"]}}
    item: Any = {"0040A040": {"vr": "CS", "Value": ["TEXT"]}, "0040A043": {"vr": "SQ", "Value": [code]}}

    assert read_content_item(item, CODECS) == (ConceptName(("1",), "DCM", ""), "TEXT", None)


@pytest.mark.parametrize(
    "sequence", [None, {}, {"Value": []}, {"Value": ["x"]}, {"Value": [{"00080104": "x"}]}, {"Value": [{}]}]
)
def test_no_name(sequence: Any) -> None:
    """Whatever cannot be read says nothing."""
    assert read_content_item({"0040A043": sequence}, CODECS).name is None


def test_references() -> None:
    """An item that is nothing but a reference is renumbered, or goes; the original stays as it is."""
    assert read_content_item(REFERENCE, CODECS).target == (1, 3)
    moved = renumbered(REFERENCE, Renumbering(frozenset({(1, 1)})))
    assert moved is not None
    assert moved["0040DB73"] == {"vr": "UL", "Value": [1, 2]}
    assert renumbered(REFERENCE, Renumbering(frozenset({(1, 3)}))) is None
    assert REFERENCE["0040DB73"]["Value"] == [1, 3]


@pytest.mark.parametrize("key", ["0040A160", "0040A010"])
def test_no_mere_reference(key: str) -> None:
    """With anything else in it, or in another VR, it is walked like any item."""
    assert read_content_item({**REFERENCE, key: {"vr": "UT", "Value": ["Doe"]}}, CODECS).target is None
    assert read_content_item({"0040DB73": {"vr": "UL", "Value": ["x"]}}, CODECS).target is None
