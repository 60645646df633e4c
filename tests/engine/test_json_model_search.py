"""Dropped sequences in DICOM JSON need not be readable, and no text keeps a name that is in them."""

from __future__ import annotations

import pytest

from dicomveil_engine import DeidentificationError, deidentify_metadata
from dicomveil_engine.json_model.values import JSONDataSet
from engine.datasets import rule, rules

POLICY = rules(rule("(0008,1110)", "remove"), rule("(0010,1001)", "remove"), rule("LT", "clean"))
NAME: JSONDataSet = {"00101001": {"vr": "PN", "Value": [{"Alphabetic": "Quambash^Vexley"}]}}
TEXT: JSONDataSet = {"00204000": {"vr": "LT", "Value": ["lead in quambash state"]}}


def text_beside(dropped: object) -> object:
    """What is left of a text beside a dropped sequence with this value; None for nothing."""
    output = deidentify_metadata([{"00081110": {"vr": "SQ", "Value": dropped}, **TEXT}], POLICY)[0]
    assert "00081110" not in output
    values = output["00204000"].get("Value", [None])
    assert isinstance(values, list)
    return values[0]


@pytest.mark.parametrize(
    "dropped",
    [
        [{"00080060": None, **NAME}],
        [{"00080060": {"vr": "??"}, **NAME}],
        [{"00080060": {"vr": "??", "Value": [None, "", []]}, **NAME}],
        [{"not a tag": {"vr": "CS"}, **NAME}],
        [{"00081140": {"vr": "SQ", "Value": [None, [], "text", NAME]}}],
        [{"00081140": {"vr": "SQ", "Value": NAME}}],
        [{"00200013": {"vr": "IS", "Value": ["not a number"]}, **NAME}],
        ["text", NAME],
        "Quambash",
        ["Quambash"],
        NAME,
    ],
)
def test_a_name_behind_damage(dropped: object) -> None:
    """It is found, and so is a text in the place of an item; the rest of the text beside it is kept."""
    assert text_beside(dropped) == "lead in state"


@pytest.mark.parametrize(
    "damaged",
    [
        [{"00080060": ["Quambash"], **NAME}],
        [{"00080060": {"vr": "??", "Value": ["Quambash"]}}],
        [{"00101001": {"vr": "PN", "Value": [{"Alphabetic": "A", "Other": "Quambash"}]}}],
        [{"00101001": {"vr": "PN", "InlineBinary": "no Base64"}}],
        [{"00080005": {"vr": "CS", "Value": [["ISO_IR 100"]]}, **NAME}],
        [["Quambash"]],
        [12345],
    ],
)
def test_damage_that_may_hide_a_name(damaged: object) -> None:
    """A name that was not read may be in any text, so that the text is emptied."""
    assert text_beside(damaged) is None


@pytest.mark.parametrize(("levels", "left"), [(1, "lead in state"), (31, "lead in state"), (32, None), (40, None)])
def test_nesting_beyond_the_limit(levels: int, left: str | None) -> None:
    """What is nested too deeply is not read."""
    value: JSONDataSet = NAME
    for _ in range(levels):
        value = {"00081140": {"vr": "SQ", "Value": [value]}}

    assert text_beside([value]) == left


def test_private_elements() -> None:
    """They are decided on by their creator: a name that would be kept need not be removed from texts."""
    policy = rules(
        rule("(0008,1110)", "remove"), rule("(0009,xx02:ACME)", "keep"), rule("PN", "remove"), rule("LT", "clean")
    )
    for key, creator, left in (
        ("00091001", "ACME", "lead in state"),
        ("00091002", "ACME", "lead in quambash state"),
        ("00091002", "OTHER", "lead in state"),
    ):
        item = {"00090010": {"vr": "LO", "Value": [creator]}, key: NAME["00101001"]}
        source: JSONDataSet = {"00081110": {"vr": "SQ", "Value": [item]}, **TEXT}

        assert deidentify_metadata([source], policy)[0]["00204000"]["Value"] == [left]


def test_many_changes_in_a_dropped_sequence() -> None:
    """They do not count as changes, and do not end the search."""
    policy = rules(rule("(0008,1110)", "remove"), rule("PN", "substitute", replaceWith="x"), rule("LT", "clean"))
    policy.limits = type(policy.limits)(elements=8)
    items = [{"00080090": {"vr": "PN", "Value": [{"Alphabetic": f"Roe{number}"}]}} for number in range(20)]
    source: JSONDataSet = {"00081110": {"vr": "SQ", "Value": [*items, NAME]}, **TEXT}

    assert deidentify_metadata([source], policy)[0]["00204000"]["Value"] == ["lead in state"]


def test_damage_behind_pixel_data() -> None:
    """It comes too late to empty the texts of a stream, so that it is refused in both encodings."""
    late: JSONDataSet = {"7FE10010": {"vr": "LO", "Value": ["ACME"]}, "7FE11001": {"vr": "SQ", "Value": [["Quambash"]]}}
    policy = rules(rule("(7FE1,xx01:ACME)", "remove"), rule("LT", "clean"))

    with pytest.raises(DeidentificationError, match="ImageComments"):
        deidentify_metadata([{**TEXT, **late}], policy)


def test_items_of_content() -> None:
    """In a dropped tree of content items, each is decided on by its plan; references hold no name."""
    policy = rules(
        rule("(0008,1110)", "remove"), profile="basic", options=["cleanStructuredContent", "cleanDescriptors"]
    )
    concept = {"00080100": {"vr": "SH", "Value": ["121008"]}, "00080102": {"vr": "SH", "Value": ["DCM"]}}
    content = {
        "0040A040": {"vr": "CS", "Value": ["PNAME"]},
        "0040A043": {"vr": "SQ", "Value": [concept]},
        "0040A123": {"vr": "PN", "Value": [{"Alphabetic": "Quambash^Vexley"}]},
    }
    reference = {"0040A010": {"vr": "CS", "Value": ["CONTAINS"]}, "0040DB73": {"vr": "UL", "Value": [1, 1]}}
    tree = {"0040A730": {"vr": "SQ", "Value": [None, reference, "text", content]}}
    source: JSONDataSet = {
        "00081110": {"vr": "SQ", "Value": [tree]},
        "0008103E": {"vr": "LO", "Value": ["lead in quambash state"]},
    }

    assert deidentify_metadata([source], policy)[0]["0008103E"]["Value"] == ["lead in state"]
