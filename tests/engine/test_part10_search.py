"""Searching dropped sequences: names in them are found at once, unless there is damage."""

from __future__ import annotations

import pytest

from dicomveil_engine import Policy, deidentify_instance
from dicomveil_engine.part10 import search
from engine.datasets import (
    IMPLICIT,
    SYNTAXES,
    Nodes,
    element,
    encoded,
    header,
    instance,
    item,
    open_sequence,
    read,
    rule,
    rules,
)

NAME = element(0x00101001, "PN", "Quambash^Vexley")
TEXT = element(0x00204000, "LT", "lead in quambash state")
NESTED = element(0x00081140, "SQ", [element(0x00080060, "CS", "CT") * 20])
CREATOR = element(0x00090010, "LO", "ACME")


def policy() -> Policy:
    """A policy that has seen nothing."""
    return rules(rule("(0008,111x)", "remove"), rule("(0010,1001)", "remove"), rule("LT", "clean"))


INSIDE = [
    b"",
    element(0x00080005, "CS", "ISO_IR 192"),
    CREATOR + element(0x00091003, "UN", b"\1\2\3\4") + element(0x00091004, "UN", item(b"")),
    CREATOR + element(0x00091001, "LO", "x") + element(0x00091002, "SQ", [b""]),
    header(0x00071001, "??", 4) + b"abcd",
    NESTED + NESTED,
    NESTED.replace(b"\x40\x11", b"\x10\x11") + NESTED,
    open_sequence(0x00081140, item(NESTED, is_open=True) + item(b"")),
    open_sequence(0x00081140, item(element(0x00080060, "CS", "CT", IMPLICIT)), vr="UN"),
    open_sequence(0x00081110, item(NESTED)),
    open_sequence(0x00081111, item(b"", is_open=True)) + element(0x00282000, "OB", b"ab"),
]
"""What may be before a name in an item."""


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("inside", INSIDE)
def test_a_name_behind_anything(inside: bytes, is_open: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found without the slow search for damage, also where the policy has seen the same bytes before."""
    monkeypatch.setattr(search, "DamagedSequence", None)
    items = item(inside + NAME, is_open=is_open) + item(inside)
    dropped = open_sequence(0x00081110, items) if is_open else element(0x00081110, "SQ", items)
    same = policy()
    for number in range(4):
        data = instance(dropped, element(0x0020000D, "UI", f"1.2.{number}"), TEXT)

        assert read(deidentify_instance(data, same)).ImageComments == "lead in state"


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("inside", INSIDE)
def test_a_name_behind_anything_beside_damage(inside: bytes, is_open: bool) -> None:
    """The search for damage reads all that the usual one reads."""
    items = item(inside, is_open=is_open) + item(inside + NAME, is_open=is_open) + item(inside) + bytes(8)
    for value in (
        items,
        item(element(0x00081140, "SQ", items) + inside),
        item(inside + element(0x00081140, "SQ", items)),
    ):
        data = instance(element(0x00081110, "SQ", value), TEXT)

        assert read(deidentify_instance(data, policy())).ImageComments == "lead in state"


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_encoding(syntax: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are found alike in all of them."""
    monkeypatch.setattr(search, "DamagedSequence", None)
    person: Nodes = {0x00101001: ("PN", "Quambash^Vexley")}
    dropped: Nodes = {
        0x00080060: ("CS", "CT"),
        0x00081110: ("SQ", [{0x00081140: ("SQ", [{}, person])}]),
        0x00204000: ("LT", "lead in quambash state"),
    }
    for is_open in (True, False):
        data = instance(encoded(dropped, syntax, is_open=is_open), syntax=syntax)

        assert read(deidentify_instance(data, policy())).ImageComments == "lead in state"
