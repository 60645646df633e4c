"""Kept values that are seen to be harmless at once are those that the complete check passes unchanged."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dicomveil_engine.attributes import characters
from dicomveil_engine.json_model.plain import is_plain
from dicomveil_engine.json_model.values import decode, passed
from dicomveil_engine.methods.base import TEXT_VRS
from dicomveil_engine.rewriting.checking import passes

_NUMBERS = (
    st.floats()
    | st.integers(-(10**12), 10**12)
    | st.sampled_from([0.1, -0.0, 99999, 99999.5, 100000, 100000.0, -99999.99999, 1e-7, 123456, 0.123456789])
)
_TEXTS = st.sampled_from(
    (
        *("", " ", "AXIAL", "AXIAL ", "DOE", "101112.5", "250000", "1.5", "1e5", "123456", "+0100", "DCM", "Doe^Jane"),
        *("20240312", "1.2.840.10008.5.1.4.1.1.2", "1.2.3.1", "074Y", "é", "A\0", "https://example.org/"),
    )
) | st.text(max_size=8)
_VALUES = st.lists(_NUMBERS | _TEXTS | st.booleans() | st.none() | st.just({"Alphabetic": "DOE"}), max_size=3)
_TAGS = st.sampled_from([0x00180050, 0x00080060, 0x00080201, 0x00080016, 0x00080102, 0x00191001])


@given(st.sampled_from(sorted(TEXT_VRS)), _TAGS, _VALUES, st.sampled_from([{}, {"InlineBinary": ""}, {"x": 1}]))
@example("DS", 0x00180050, [math.nan], {})
@example("IS", 0x00180050, [1.0], {})
@example("DS", 0x00180050, [True], {})
def test_what_is_plain_passes(vr: str, tag: int, values: list[Any], more: dict[str, object]) -> None:
    """It is legal and harmless by the complete check, and is written as it is."""
    element: dict[str, object] = {"vr": vr, "Value": values, **more}
    if is_plain(element, tag, vr):
        assert passes(tag, vr, decode(element, vr, characters.DEFAULT))
        assert passed(element, vr) is element


@pytest.mark.parametrize(
    ("vr", "values"),
    [
        ("DS", [-180.0, 0.5, 7]),
        ("IS", [6]),
        ("TM", ["101112.5"]),
        ("CS", ["ORIGINAL", "PRIMARY", "AXIAL "]),
        ("DA", ["20240312"]),
        ("DS", []),
    ],
)
def test_usual_values_are_plain(vr: str, values: list[Any]) -> None:
    """So that they are not decoded."""
    assert is_plain({"vr": vr, "Value": values}, 0x00180050, vr)


@pytest.mark.parametrize(
    ("vr", "element"),
    [
        ("DS", {"vr": "DS"}),
        ("DS", {"vr": "DS", "Value": [123456]}),
        ("DS", {"vr": "DS", "Value": [-123456.5]}),
        ("DS", {"vr": "DS", "Value": [math.inf]}),
        ("IS", {"vr": "IS", "Value": [4.5]}),
        ("CS", {"vr": "CS", "Value": ["DOE"]}),
        ("CS", {"vr": "CS", "Value": [5]}),
        ("CS", {"vr": "CS", "Value": ["AXIAL", ""]}),
        ("TM", {"vr": "TM", "Value": ["20240312"]}),
        ("TM", {"Value": ["10"], "x": ["Doe^Jane"]}),
        ("TM", {"vr": "TM", "Value": ["10"], "x": ["Doe^Jane"]}),
        ("TM", {"vr": "TM", "Value": "10"}),
        ("US", {"vr": "US", "Value": [1]}),
        ("OB", {"vr": "OB", "InlineBinary": ""}),
    ],
)
def test_what_is_not_plain(vr: str, element: dict[str, object]) -> None:
    """Other members, other types, long numbers, and texts that are illegal or may be names are left to the check."""
    assert not is_plain(element, 0x00180050, vr)
