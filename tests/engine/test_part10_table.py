"""The policy's decisions as the walker meets them."""

from __future__ import annotations

import pytest

from dicomveil_engine import InvalidDataSetError
from dicomveil_engine.part10 import kinds
from dicomveil_engine.part10.encoding import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Encoding
from dicomveil_engine.part10.table import KEEP, DecisionTable
from engine.datasets import preset, rule, rules

BASIC = preset("basic")


def kind(tag: int, vr: str, *, top: bool = True, policy: object = BASIC, encoding: Encoding = EXPLICIT_LITTLE) -> int:
    """What the table does with an element."""
    return DecisionTable(policy, encoding, top=top)[encoding.key_of(tag, vr)].kind  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tag", "vr", "expected"),
    [
        (0x00080005, "CS", kinds.CHARACTER_SET),
        (0x00080016, "UI", kinds.CHECKED),
        (0x00080018, "UI", kinds.UID),
        (0x00080020, "DA", kinds.EMPTIED),
        (0x00080070, "LO", kinds.CHANGED),
        (0x00081140, "SQ", kinds.SEQUENCE),
        (0x00101002, "SQ", kinds.SEARCHED),
        (0x00091001, "LO", kinds.REMOVED),
        (0x00091001, "SQ", kinds.SEARCHED),
        (0x00100010, "PN", kinds.EMPTIED),
        (0x00100020, "LO", kinds.CHANGED),
        (0x00120062, "CS", kinds.REMOVED),
        (0x00120063, "LO", kinds.ADD_TEXT),
        (0x00120064, "SQ", kinds.ADD_CODES),
        (0x00281201, "OW", kinds.CHECKED),
        (0x00080060, "CS", kinds.CHECKED),
        (0x00186012, "US", kinds.CHECKED),
        (0x7FE00010, "OB", kinds.STREAMED),
        (0xFFFEE000, "", kinds.DELIMITER),
    ],
)
def test_kinds(tag: int, vr: str, expected: int) -> None:
    """One decision each."""
    assert kind(tag, vr) == expected


def test_nested() -> None:
    """In an item there are no marks, no Pixel Data to be streamed, and no context."""
    assert kind(0x00120063, "LO", top=False) == kinds.CHANGED
    assert kind(0x7FE00010, "OB", top=False) == kinds.CHECKED
    assert kind(0x00080016, "UI", top=False) == kinds.CHECKED


def test_commonest_entry() -> None:
    """What is kept unseen, with a short head, is one entry, which the walker knows by identity."""
    table = DecisionTable(rules(rule("(0010,0010)", "remove")), EXPLICIT_LITTLE, top=True)

    assert table[EXPLICIT_LITTLE.key_of(0x00186012, "US")] is KEEP
    assert table[EXPLICIT_LITTLE.key_of(0x00186014, "US")] is KEEP


@pytest.mark.parametrize("encoding", [EXPLICIT_LITTLE, EXPLICIT_BIG, IMPLICIT_LITTLE])
def test_first_entry(encoding: Encoding) -> None:
    """The first entry of a table is in the table's encoding like all others."""
    entry = DecisionTable(BASIC, encoding, top=True)[encoding.key_of(0x00080070, "LO")]

    assert entry.encoding is encoding
    assert entry.is_top


def test_boundary() -> None:
    """Behind a tag, something else is to be written first."""
    table = DecisionTable(BASIC, EXPLICIT_LITTLE, top=True, until=0x00120064)

    assert table[EXPLICIT_LITTLE.key_of(0x00180010, "LO")].kind == kinds.BOUNDARY
    assert table[EXPLICIT_LITTLE.key_of(0x00120064, "SQ")].kind == kinds.ADD_CODES


def test_private() -> None:
    """Where a rule may keep private attributes, their creator decides."""
    policy = rules(rule("(0009,xx01:ONE)", "remove"))
    table = DecisionTable(policy, EXPLICIT_LITTLE, top=True)
    entry = table[EXPLICIT_LITTLE.key_of(0x00091001, "LO")]

    assert entry.kind == kinds.PRIVATE
    assert table.private(entry, "ONE").kind == kinds.REMOVED
    assert table.private(entry, "ONE") is table.private(entry, "ONE")
    assert table.private(entry, None) is KEEP


def test_unknown_vr() -> None:
    """A VR that PS3.5 does not know is refused; its letters are not repeated."""
    with pytest.raises(InvalidDataSetError, match=r"^\(0008,0060\) Modality has a VR that PS3.5 does not know$"):
        kind(0x00080060, "XX")


def test_memory_is_bounded() -> None:
    """Tags of a hostile sender do not fill the memory, nor the table for good."""
    table = DecisionTable(rules(rule("PN", "remove")), IMPLICIT_LITTLE, top=True)
    for tag in range(0x00110000, 0x00110000 + 40_000):
        entry = table[IMPLICIT_LITTLE.key_of(tag, "UN")]
        table.private(entry, f"creator {tag}")

    assert len(table) < 20_000
    key = IMPLICIT_LITTLE.key_of(0x00100010, "PN")
    assert table[key] is table[key], "a full table caches no more"
