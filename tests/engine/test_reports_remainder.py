"""What is left is listed once per attribute and value, in bounded memory."""

from __future__ import annotations

import pytest

from dicomveil_engine import deidentify_instance
from dicomveil_engine.reports import remainder
from dicomveil_engine.reports.remainder import Attribute, Remainder, RemainingValue
from engine.datasets import EXPLICIT, Nodes, element, encoded, instance, preset, rule, rules

KEEPS = rules(rule("(xxxx,xxxx)", "keep"))
DESCRIPTION = Attribute((0x00081030,), "LO", None)


def listed(*instances: bytes, **more: int) -> list[RemainingValue]:
    """The values of instances that are kept as they are."""
    collected = Remainder(KEEPS, **more)
    for each in instances:
        collected.add(each)
    return collected.values()


def described(*texts: str) -> list[bytes]:
    """Instances with these study descriptions."""
    return [instance(element(0x00081030, "LO", text)) for text in texts]


def test_values_are_unique_and_counted() -> None:
    """Per instance, not per occurrence."""
    found = listed(*described("CHEST", "CHEST", "HEAD", "HEAD\\HEAD"))

    assert [(each.attribute, each.text, each.instances) for each in found] == [
        (DESCRIPTION, "CHEST", 2),
        (DESCRIPTION, "HEAD", 2),
    ]


def test_the_most_suspicious_is_first() -> None:
    """Then what fewer instances have."""
    found = listed(*described("CHEST", "CHEST", "HEAD", "Dr. Doe"))

    assert [each.text for each in found] == ["Dr. Doe", "HEAD", "CHEST"]


def test_nested_attributes_have_their_path_and_private_ones_their_creator() -> None:
    """Whichever item, whichever block."""
    nodes: Nodes = {
        0x00090012: ("LO", "ACME 1.0"),
        0x00091201: ("LO", "text"),
        0x00400275: ("SQ", [{0x00400007: ("LO", "CHEST")}, {0x00400007: ("LO", "HEAD")}]),
    }
    attributes = {str(each.attribute): each.attribute.keyword for each in listed(instance(encoded(nodes, EXPLICIT)))}

    assert attributes == {
        "(0009,0012)": "",
        "(0009,xx01:ACME 1.0)": "",
        "(0040,0275)>(0040,0007)": "ScheduledProcedureStepDescription",
    }


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (element(0x00280010, "US", [1, 2]), "1\\2"),
        (element(0x00281050, "DS", "1\\2"), "1\\2"),
        (element(0x00420011, "OB", b"\0\1\2\3"), "4 bytes"),
        (element(0x00420011, "OB", b"\0\0Doe^Jane\0\0"), "Doe^Jane"),
        (element(0x00189087, "FD", b"abcd"), "4 bytes that are not FD"),
        (element(0x00204000, "LT", "a" * 300), "a" * 200 + "…"),
    ],
)
def test_values_as_texts(data: bytes, text: str) -> None:
    """Numbers together, bytes by what can be read in them, long ones cut."""
    assert [each.text for each in listed(instance(data))] == [text]


def test_pixel_data_and_empty_values_are_left_out() -> None:
    """There is nothing to read in them."""
    assert listed(instance(element(0x00081030, "LO", ""), element(0x7FE00010, "OW", b"Doe^Jane"))) == []


def test_pseudonyms_stand_together() -> None:
    """A thousand UIDs are one line."""
    policy = preset("default")
    collected = Remainder(policy)
    for number in range(3):
        collected.add(deidentify_instance(instance(element(0x00080018, "UI", f"1.2.3.{number}")), policy))

    uids = [each for each in collected.values() if each.attribute.tags == (0x00080018,)]
    found = [(each.text, each.instances, each.suspicion.score) for each in uids]
    assert found == [("(pseudonyms of this project)", 3, 0)]


def test_rare_values() -> None:
    """One instance of many is more suspicious; where all differ, none is rare."""
    common = described(*["CHEST"] * 30, "HEAD")
    different = described(*(f"CHEST {number}" for number in range(30)))

    assert [str(each.suspicion) for each in listed(*common)] == ["free text, in one instance only", "free text"]
    assert {str(each.suspicion) for each in listed(*different)} == {"free text"}


def test_values_beyond_the_limit_are_counted() -> None:
    """Those that are known go on being counted."""
    collected = Remainder(KEEPS, unique_values=2)
    for each in described("A", "B", "C", "D", "A"):
        collected.add(each)

    assert [(each.text, each.instances) for each in collected.values()] == [("B", 1), ("A", 2)]
    assert collected.beyond() == {DESCRIPTION: 2}


def test_attributes_beyond_the_limit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that odd private blocks cannot fill the memory."""
    monkeypatch.setattr(remainder, "ATTRIBUTES", 1)
    collected = Remainder(KEEPS)
    collected.add(instance(element(0x00081030, "LO", "A"), element(0x0008103E, "LO", "B")))

    assert [each.text for each in collected.values()] == ["A"]
    assert (collected.instances, collected.beyond_attributes) == (1, 1)
