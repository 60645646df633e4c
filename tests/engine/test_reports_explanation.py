"""What is explained is what happens."""

from __future__ import annotations

import pytest

from dicomveil_engine import DeidentificationError, deidentify_instance
from dicomveil_engine.attributes.tags import parse_pattern
from dicomveil_engine.reports.explanation import (
    AttributeExplanation,
    AttributeOutcome,
    ElementExplanation,
    explain_attribute,
    explain_instance,
)
from engine.datasets import Nodes, element, encoded, instance, preset, read, rule, rules

NODES: Nodes = {
    0x00080016: ("UI", "1.2.840.10008.5.1.4.1.1.2"),
    0x00080018: ("UI", "1.2.3.9"),
    0x00080020: ("DA", "20200102"),
    0x00080050: ("SH", "ACCESSION-1"),
    0x00080090: ("PN", ""),
    0x00081140: ("SQ", [{0x00081155: ("UI", "1.2.3.10")}]),
    0x00090010: ("LO", "ACME 1.0"),
    0x00091001: ("LO", "Doe"),
    0x00100010: ("PN", "Doe^Jane"),
    0x0020000D: ("UI", "1.2.3"),
    0x00280010: ("US", [512]),
    0x00400275: ("SQ", [{0x00400007: ("LO", "Doe")}]),
    0x7FE00010: ("OW", b"abcd"),
}
DATA = instance(encoded(NODES, "1.2.840.10008.1.2.1"))


def explained(data: bytes = DATA, name: str = "default", **more: bool) -> dict[str, ElementExplanation]:
    """By place."""
    return {each.place: each for each in explain_instance(data, preset(name), **more)}


@pytest.mark.parametrize(
    ("place", "method", "outcome", "rule"),
    [
        ("00080016", "keep", "kept", "the layer by VR: UI"),
        ("00080018", "refreshUID", "changed", "PS3.15 Table E.1-1: U"),
        ("00080020", "dateShift", "changed", "PS3.15 Table E.1-1, retainLongModifiedDates: C"),
        ("00080050", "redact", "emptied", "PS3.15 Table E.1-1: Z"),
        ("00080090", "redact", "empty", "PS3.15 Table E.1-1: Z"),
        ("00081140", "keep", "kept", "PS3.15 Table E.1-1: X/Z/U*"),
        ("00081140/1/00081155", "refreshUID", "changed", "PS3.15 Table E.1-1: U"),
        ("00090010", "remove", "removed", "a private creator is kept only with elements of its block"),
        ("00091001", "remove", "removed", "PS3.15 Table E.1-1, private attributes: X"),
        ("00100010", "pseudonym", "changed", 'preset "default" rule 2 (0010,0010) pseudonym'),
        ("00120062", "insert", "inserted", "PS3.15 E.1.1: a de-identification attribute"),
        ("00280010", "keep", "kept", "the layer by VR: US"),
        ("00400275", "remove", "removed", "PS3.15 Table E.1-1: X"),
        ("00400275/1/00400007", "remove", "removed", "with its item of (0040,0275) RequestAttributesSequence"),
        ("7FE00010", "keep", "kept", "the layer by VR: OW"),
    ],
)
def test_elements(place: str, method: str, outcome: str, rule: str) -> None:
    """Each with the method, what came of it, and the rule."""
    each = explained()[place]

    assert (each.method, each.outcome.value, each.rule) == (method, outcome, rule)


def test_every_element_is_there_once_and_in_order() -> None:
    """Those of the original, and those that are new."""
    paths = [each.path for each in explain_instance(DATA, preset("default"))]

    assert paths == sorted(set(paths))
    assert {each.tag for each in read(DATA)} <= {path[0] for path in paths}
    assert {each.tag for each in read(deidentify_instance(DATA, preset("default")))} <= {path[0] for path in paths}


def test_no_value_unless_asked() -> None:
    """Neither original nor pseudonym."""
    assert all((each.before, each.after) == (None, None) for each in explained().values())
    assert "Doe" not in repr(explained())


@pytest.mark.parametrize(
    ("creator", "shown"), [("Doe^Jane", None), ("GEMS_ACQU_01", "GEMS_ACQU_01"), ("ACME 1.0", "ACME 1.0")]
)
def test_a_private_creator_is_named_only_if_it_is_known(creator: str, shown: str | None) -> None:
    """To pydicom or to a rule: anybody may write anything there."""
    policy = rules(rule("(0009,xx02:ACME 1.0)", "keep"), profile="basic")
    data = instance(element(0x00090010, "LO", creator), element(0x00091001, "LO", "x"))

    by_place = {each.place: each for each in explain_instance(data, policy)}
    with_values = {each.place: each for each in explain_instance(data, policy, show_values=True)}
    assert by_place["00091001"].creator == shown
    assert with_values["00091001"].creator == creator


def test_values_where_asked() -> None:
    """Before and after, readable and short."""
    shown = explained(show_values=True)

    assert shown["00100010"].before == "Doe^Jane"
    assert shown["00100010"].after == str(read(deidentify_instance(DATA, preset("default"))).PatientName)
    assert (shown["00081140"].before, shown["7FE00010"].before) == ("1 item", "4 bytes")
    assert (shown["00091001"].before, shown["00091001"].after) == ("Doe", None)
    assert (shown["00120062"].before, shown["00120062"].after) == (None, "YES")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (element(0x00280009, "AT", [0x00181063]), "00181063"),
        (element(0x00204000, "LT", "a\x1b[2J"), "a [2J"),
        (element(0x00204000, "LT", "a" * 100), "a" * 64 + "…"),
    ],
)
def test_values_command_no_terminal(data: bytes, text: str) -> None:
    """Control characters are blanks, long texts are cut."""
    explained = explain_instance(instance(data), preset("basic"), show_values=True)

    assert [each.before for each in explained if each.before is not None] == [text]


def test_what_has_no_safe_output_is_refused() -> None:
    """As de-identifying it would be."""
    with pytest.raises(DeidentificationError):
        explain_instance(instance(element(0x00100010, "LO", "x")), WRONG)


WRONG = rules(rule("(0010,xxxx)", "dateShift"))


def test_items_are_matched_by_concept_when_some_have_gone() -> None:
    """What stays is not taken for the accession number before it; the rule is Table E.3.4-1."""
    policy = rules(profile="basic", options=["cleanStructuredContent"])
    items = [
        content("121022", "TEXT", {0x0040A160: ("UT", "ACCESSION-1")}),
        content("111001", "TEXT", {0x0040A160: ("UT", "seen")}),
    ]
    data = instance(encoded({0x0040A730: ("SQ", items)}, "1.2.840.10008.1.2.1"))
    kept = [
        str(item.ConceptNameCodeSequence[0].CodeValue)
        for item in read(deidentify_instance(data, policy)).ContentSequence
    ]
    by_place = {each.place: each for each in explain_instance(data, policy)}

    assert kept == ["111001"]
    for number, code in enumerate(("121022", "111001"), 1):
        assert by_place[f"0040A730/{number}/0040A043/1/00080100"].outcome is (
            AttributeOutcome.KEPT if code in kept else AttributeOutcome.REMOVED
        )
    assert by_place["0040A730/1/0040A160"].rule == "PS3.15 Table E.3.4-1: the content item is removed"
    assert by_place["0040A730/2/0040A160"].rule == "PS3.15 Table E.3.4-1: cleaned"


def content(code: str, value_type: str, more: Nodes) -> Nodes:
    """A content item of a DCM concept name."""
    concept: Nodes = {0x00080100: ("SH", code), 0x00080102: ("SH", "DCM"), 0x00080104: ("LO", "x")}
    return {0x0040A010: ("CS", "CONTAINS"), 0x0040A040: ("CS", value_type), 0x0040A043: ("SQ", [concept]), **more}


def test_attribute_for_each_vr() -> None:
    """An attribute of two VRs has two decisions, which may differ."""
    policy = rules(rule("OB", "redact"))

    found = explain_attribute(0x7FE00010, policy)

    assert found == [
        AttributeExplanation(0x7FE00010, "OB", None, "redact", "rule 1 OB redact"),
        AttributeExplanation(0x7FE00010, "OW", None, "keep", "no rule"),
    ]


def test_private_and_unknown_attributes() -> None:
    """A rule for a private one is found by its creator; an unknown one has a decision too."""
    policy = rules(rule("(0009,xx01:ACME 1.0)", "keep"), profile="basic")
    pattern = parse_pattern("(0009,xx01:ACME 1.0)")

    assert explain_attribute(pattern.value | 0x1000, policy, pattern.creator)[0].method == "keep"
    assert {each.method for each in explain_attribute(0x00091001, policy, "OTHER")} == {"remove"}
    assert {each.method for each in explain_attribute(0x00080FFE, policy)} == {"remove"}
