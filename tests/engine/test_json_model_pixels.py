"""Pixel Data within DICOM JSON loses what is beside its pixels, as in Part 10."""

from __future__ import annotations

import base64

import pytest

from dicomveil_engine import JSONDataSet, deidentify_metadata
from engine.datasets import rule, rules

IMAGE: JSONDataSet = {
    "00280002": {"vr": "US", "Value": [1]},
    "00280010": {"vr": "US", "Value": [2]},
    "00280011": {"vr": "US", "Value": [2]},
    "00280100": {"vr": "US", "Value": [8]},
    "7FE00010": {"vr": "OB", "InlineBinary": base64.b64encode(b"\1\2\3\4Doe^Jane").decode()},
}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"00280010": {"vr": "US", "Value": [2, 900]}, "00280100": {"vr": "US", "Value": [8, 16]}},
        {"00280002": {"vr": "US"}, "00280008": {"vr": "IS", "Value": []}},
        {"00280101": {"vr": "OB", "InlineBinary": "CAA="}, "00280102": {"vr": "US", "Value": ["x"]}},
    ],
)
def test_bytes_behind_the_pixels(changed: JSONDataSet) -> None:
    """They are removed, by the first value of each attribute; one that is empty or unreadable counts as missing."""
    policy = rules(rule("PN", "remove"), rule("(0028,0102)", "remove"))
    output = deidentify_metadata([{**IMAGE, **changed}], policy)[0]

    assert base64.b64decode(str(output["7FE00010"]["InlineBinary"])) == b"\1\2\3\4"
