"""Items and their elements: delimiters that are superfluous, missing, or in the wrong place."""

from __future__ import annotations

import pytest

from dicomveil_engine import InvalidDataSetError, deidentify_instance
from engine.datasets import UNDEFINED, element, header, instance, item, open_sequence, read, rule, rules

POLICY = rules(rule("PN", "remove"))
MODALITY, ROWS = element(0x00080060, "CS", "CT"), element(0x00280010, "US", 1)
SEQUENCE_END, ITEM_END = (header(tag, "", 0) for tag in (0xFFFEE0DD, 0xFFFEE00D))


@pytest.mark.parametrize(
    "items",
    [
        item(MODALITY + ITEM_END + ROWS),
        item(MODALITY + SEQUENCE_END + ROWS),
        header(0xFFFEE000, "", UNDEFINED) + MODALITY + SEQUENCE_END + ROWS + ITEM_END,
        item(MODALITY) + SEQUENCE_END + item(ROWS),
        item(MODALITY + ITEM_END + item(ROWS)),
        header(0xFFFEE000, "", UNDEFINED) + MODALITY + SEQUENCE_END + item(ROWS),
    ],
)
def test_a_delimiter_in_the_wrong_place(items: bytes) -> None:
    """What is behind it belongs to nothing: refused, unless the sequence is dropped."""
    with pytest.raises(InvalidDataSetError):
        deidentify_instance(instance(element(0x00081140, "SQ", items)), POLICY)
    assert b"CT" not in deidentify_instance(
        instance(element(0x00081140, "SQ", items)), rules(rule("(0008,1140)", "remove"))
    )


@pytest.mark.parametrize("items", [item(MODALITY + ROWS + ITEM_END), item(MODALITY + ROWS) + SEQUENCE_END])
def test_a_superfluous_delimiter(items: bytes) -> None:
    """At the end of an item or sequence of defined length it is left out."""
    output = deidentify_instance(instance(element(0x00081140, "SQ", items)), POLICY)

    assert output.endswith(element(0x00081140, "SQ", item(MODALITY + ROWS)))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_superfluous_delimiters_at_the_top_level(count: int) -> None:
    """However many there are, all elements behind them come out."""
    sequence = element(0x00081140, "SQ", [MODALITY]) + SEQUENCE_END * count
    output = read(deidentify_instance(instance(sequence, sequence.replace(b"\x40\x11", b"\x45\x11"), ROWS), POLICY))

    assert [element.tag for element in output] == [0x00081140, 0x00081145, 0x00280010]


def test_an_open_sequence_beside_a_closed_one() -> None:
    """Each ends where its own notation says."""
    data = instance(
        open_sequence(0x00081140, item(MODALITY, is_open=True)), element(0x00081145, "SQ", [MODALITY]), ROWS
    )

    assert deidentify_instance(data, POLICY).endswith(data[-40:])
