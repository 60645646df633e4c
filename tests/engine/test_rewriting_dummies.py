"""Dummy items for the sequences that Table E.1-1 replaces."""

from __future__ import annotations

import pytest

from dicomveil_engine.attributes import dictionary
from dicomveil_engine.attributes._standard import TABLE_E1
from dicomveil_engine.methods.legal import is_legal
from dicomveil_engine.profile import COMPOUND
from dicomveil_engine.rewriting.dummies import DUMMY_ITEMS, dummy_items
from dicomveil_engine.rewriting.fields import Item

REPLACED = [tag for tag, row in TABLE_E1.rows.items() if row.vr == "SQ" and COMPOUND.get(row.basic, row.basic) == "D"]


@pytest.mark.parametrize("tag", REPLACED)
def test_items_are_legal(tag: int) -> None:
    """Each element has its VR of PS3.6 and a legal value, in tag order, at every level."""
    check(dummy_items(tag))


def check(items: tuple[Item, ...]) -> None:
    for item in items:
        assert [field.tag for field in item] == sorted(field.tag for field in item)
        for field in item:
            assert field.vr in dictionary.vrs_of(field.tag)
            if isinstance(field.values, list):
                assert all(is_legal(field.vr, value) for value in field.values if isinstance(value, str))
            check(field.items)


def test_other_sequences_get_a_code() -> None:
    """An item that names nothing."""
    [[value, scheme, meaning]] = dummy_items(0x00081032)

    assert (value.values, scheme.values, meaning.values) == (["ANONYMOUS"], ["99DICOMVEIL"], ["ANONYMOUS"])


def test_items_are_for_replaced_sequences() -> None:
    """No entry is for a sequence that is not replaced."""
    assert set(DUMMY_ITEMS) <= set(REPLACED)


def test_persons_have_a_code_and_an_institution() -> None:
    """PS3.3 Table 10-1: (0040,1101) is Type 1, and (0008,0080) is where no code says the institution."""
    [item] = dummy_items(0x00081072)

    assert [field.tag for field in item] == [0x00080080, 0x00401101]
    assert len(item[1].items) == 1
