"""Private creators that are held until an element of their block comes out."""

from __future__ import annotations

import pytest

from dicomveil_engine import deidentify_instance
from engine.datasets import cut, element, instance, read, rewritten, rule, rules

KEEP_BOTH = rules(
    rule("(0043,xx01:ACME)", "keep"),
    *(rule(f"(0043,xx0{number}:OTHER)", "keep") for number in (1, 2)),
    rule("(0045,xx01:ACME)", "keep"),
    profile="basic",
)
LONG = b"\x01\x02" * (1 << 20)
CREATORS = element(0x00430010, "LO", "ACME") + element(0x00430011, "LO", "OTHER")


@pytest.mark.parametrize("size", [1 << 14, 1 << 30])
def test_a_creator_that_is_held_behind_a_streamed_element(size: int) -> None:
    """It comes out with the first element of its block, though what was held before the long value is written."""
    data = instance(
        CREATORS, element(0x00431001, "OB", LONG), element(0x00431101, "CS", "HEAD"), element(0x00431102, "CS", "L")
    )
    written = rewritten(KEEP_BOTH, cut(data, size))
    output = read(written)

    assert [element.value for element in output if element.tag.is_private_creator] == ["ACME", "OTHER"]
    assert written.count(b"OTHER") == 1
    assert output[0x00431001].value == LONG
    assert [output[tag].value for tag in (0x00431101, 0x00431102)] == ["HEAD", "L"]


def test_creators_of_other_groups_end_with_their_group() -> None:
    """A block is one group's: behind a long value of another one, nothing is known of it."""
    data = instance(
        element(0x00430010, "LO", "ACME"),
        element(0x00450010, "LO", "ACME"),
        element(0x00451001, "OB", LONG),
        element(0x00451002, "CS", "HEAD"),
    )
    output = read(deidentify_instance(data, KEEP_BOTH))

    assert 0x00430010 not in output
    assert output[0x00450010].value == "ACME"
    assert 0x00451002 not in output


def test_a_creator_without_content_does_not_come_out() -> None:
    """And with content it comes out once."""
    data = instance(CREATORS, element(0x00431001, "CS", "HEAD"), element(0x00431002, "CS", "HEAD"))
    output = read(deidentify_instance(data, KEEP_BOTH))

    assert [element.tag for element in output if element.tag.is_private] == [0x00430010, 0x00431001]


def test_elements_behind_a_creator_in_an_item() -> None:
    """A creator in an item is passed over by its own length, and the block it reserves is the item's."""
    inside = element(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2") + CREATORS + element(0x00431001, "CS", "HEAD")
    data = instance(element(0x00081140, "SQ", [inside, inside]), element(0x00431001, "CS", "HEAD"))
    output = read(deidentify_instance(data, KEEP_BOTH))

    assert [item[0x00431001].value for item in output[0x00081140]] == ["HEAD", "HEAD"]
    assert [item[0x00430010].value for item in output[0x00081140]] == ["ACME", "ACME"]
    assert 0x00431001 not in output


@pytest.mark.parametrize(
    "before", [CREATORS + element(0x00431001, "CS", "HEAD"), element(0x00080005, "CS", "ISO_IR 100")]
)
def test_names_behind_a_creator_or_character_set_in_what_is_dropped(before: bytes) -> None:
    """They are found like all others: no text may hold them."""
    policy = rules(rule("(0043,xx01:ACME)", "keep"), profile="basic", options=["cleanDescriptors"])
    inside = before + element(0x40080102, "PN", "Zyxwa^Ada")
    data = instance(element(0x0008103E, "LO", "abdomen Zyxwa"), element(0x00101002, "SQ", [inside]))

    assert b"Zyxwa" not in deidentify_instance(data, policy)
    assert b"abdomen" in deidentify_instance(data, policy)
