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
