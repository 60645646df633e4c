"""Dropped sequences with damage: they are no reason to refuse, and no text keeps a name that is in them."""

from __future__ import annotations

import pytest

from dicomveil_engine import DeidentificationError, deidentify_instance
from engine.datasets import (
    IMPLICIT,
    UNDEFINED,
    cut,
    element,
    header,
    instance,
    item,
    open_sequence,
    read,
    rewritten,
    rule,
    rules,
)

POLICY = rules(rule("(0008,1110)", "remove"), rule("(0010,1001)", "remove"), rule("LT", "clean"))
NAME = element(0x00101001, "PN", "Quambash^Vexley")
TEXT = element(0x00204000, "LT", "lead in quambash state")
STUDY = element(0x0020000D, "UI", "1.2.3")
NESTED = 0x00081140
"""A sequence that the policy keeps."""
SEQUENCE_END, ITEM_END = (header(tag, "", 0) for tag in (0xFFFEE0DD, 0xFFFEE00D))


def text_beside(value: bytes, *, is_open: bool = False, vr: str = "SQ", text: bytes = TEXT) -> str:
    """What is left of a text beside a dropped sequence with this value, however it arrives."""
    dropped = open_sequence(0x00081110, value, vr=vr) if is_open else element(0x00081110, vr, value)
    data = instance(dropped, STUDY, text)
    output = deidentify_instance(data, POLICY)
    assert rewritten(POLICY, cut(data, 7)) == output
    assert "ReferencedStudySequence" not in read(output)
    return str(read(output).ImageComments or "")


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize(
    "value",
    [
        item(element(NESTED, "SQ", bytes(8)) + NAME),
        item(element(NESTED, "SQ", b"NAMED TYPE") + NAME),
        item(element(NESTED, "SQ", item(b"") + bytes(8)) + NAME),
        item(element(NESTED, "SQ", item(b"") + SEQUENCE_END) + NAME),
        item(element(NESTED, "SQ", item(b"") + SEQUENCE_END + item(NAME))),
        item(element(NESTED, "SQ", item(element(0x00080060, "CS", "CT") + ITEM_END + NAME))),
        item(element(NESTED, "SQ", header(0xFFFEE000, "", len(NAME) + 90) + NAME)),
        item(element(NESTED, "SQ", header(0xFFFEE000, "", UNDEFINED) + NAME)),
        item(element(NESTED, "SQ", item(b"", is_open=True) + bytes(8)) + element(NESTED + 1, "SQ", [NAME])),
        item(header(0x00071001, "??", 4) + b"abcd" + element(NESTED, "SQ", bytes(8)) + NAME),
        item(element(NESTED, "SQ", [element(NESTED, "SQ", bytes(8)) + element(0x00080005, "CS", "ISO_IR 192") + NAME])),
        item(open_sequence(NESTED, item(element(NESTED, "SQ", bytes(8))), vr="UN") + NAME),
    ],
)
def test_a_name_behind_damage(value: bytes, is_open: bool) -> None:
    """It is found where the end of what cannot be read is known, and the rest of the text is kept."""
    assert text_beside(value, is_open=is_open) == "lead in state"


def test_the_text_in_the_place_of_items() -> None:
    """It is taken for a name: such an attribute may have had another VR."""
    assert text_beside(item(element(NESTED, "SQ", b"Quambash"))) == "lead in state"
    assert text_beside(b"Quambash\0\0") == "lead in state"
    assert text_beside(b"x" * 300) == ""


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize(
    "value",
    [
        item(element(NESTED, "SQ", b"\1\2\3\4\5\6\7\xff") + NAME),
        item(element(NESTED, "SQ", item(header(0x00080060, "CS", 200) + b"CT" + NAME))),
        item(element(NESTED, "SQ", item(header(0x00080060, "??", 2) + b"CT" + NAME))),
        item(element(NESTED, "SQ", item(element(0x00080005, "UI", "1.2") + NAME))),
        item(element(NESTED, "SQ", bytes(8) + item(NAME))),
        item(open_sequence(0x00101001, item(b"Quambash"), vr="UN") + element(NESTED, "SQ", bytes(8) + b"\1\1")),
    ],
)
def test_damage_that_hides_what_is_behind_it(value: bytes, is_open: bool) -> None:
    """A name that was not read may be in any text, so that the text is emptied."""
    assert text_beside(value, is_open=is_open) == ""


def test_a_value_of_undefined_length_that_identifies() -> None:
    """It was not read, so that the text is emptied; a picture of undefined length is passed over."""
    icon = open_sequence(0x7FE00010, item(b"") + item(b"\xff\xd8\xff\xd9"), vr="OB")
    for inside, left in (
        (open_sequence(0x00101001, item(b"abcdefgh"), vr="UN") + NAME, ""),
        (NAME + icon, "lead in state"),
        (NAME + icon[:-8], ""),
    ):
        assert text_beside(item(element(NESTED, "SQ", item(inside) + bytes(8)))) == left


@pytest.mark.parametrize("tail", [b"", bytes(8)])
@pytest.mark.parametrize(("levels", "left"), [(1, "lead in state"), (31, "lead in state"), (32, ""), (40, "")])
def test_nesting_beyond_the_limit(levels: int, left: str, tail: bytes) -> None:
    """What is nested too deeply is not read, beside other damage too."""
    value = NAME
    for _ in range(levels):
        value = element(NESTED, "SQ", [value])

    assert text_beside(item(value) + tail) == left


def test_items_in_un() -> None:
    """A kept value of VR UN beside damage is read if it begins with an item."""
    person = item(element(0x00101001, "PN", "Quambash^Vexley", IMPLICIT))

    assert text_beside(item(element(0x00091001, "UN", person)) + bytes(8)) == "lead in state"
    assert text_beside(item(element(0x00091001, "UN", person[1:])) + bytes(8)) == "lead in quambash state"


@pytest.mark.parametrize(("value", "left"), [(item(b"Quambash"), ""), (b"", "lead in quambash state")])
def test_a_name_of_undefined_length(value: bytes, left: str) -> None:
    """It is removed unread, at the top level and in items, so that texts are emptied unless it is empty."""
    name = open_sequence(0x00101001, value, vr="UN")
    kept = element(NESTED, "SQ", [name])
    for before in ((name,), (element(0x00081140, "SQ", [name]),), (element(0x00081110, "SQ", [kept]),)):
        output = deidentify_instance(instance(element(0x00080060, "CS", "CT"), *before, TEXT), POLICY)

        assert (read(output).ImageComments or "") == left


def test_fragments_that_leave_their_item() -> None:
    """The end of a value that is outside of its item is not its end."""
    icon = open_sequence(0x7FE00010, item(b"") + item(b"\xff\xd8\xff\xd9"), vr="OB")[:-8]

    assert text_beside(item(icon) + item(NAME), is_open=True) == ""


def test_explicit_vr_in_un() -> None:
    """Some vendors write a sequence of VR UN in explicit VR: names in it are found all the same."""
    assert text_beside(item(NAME), vr="UN") == "lead in state"
    assert text_beside(item(NAME, is_open=True), vr="UN", is_open=True) == "lead in state"
    assert text_beside(item(element(0x00101001, "PN", "Quambash^Vexley", IMPLICIT)), vr="UN") == "lead in state"


def test_a_private_element_behind_damage() -> None:
    """It is decided on by its creator, and a creator that is cut off hides what is behind it."""
    policy = rules(
        rule("(0008,1110)", "remove"), rule("(0009,xx01:ACME)", "remove"), rule("PN", "remove"), rule("LT", "clean")
    )
    creator = element(0x00090010, "LO", "ACME")
    private = creator + element(0x00091001, "SQ", [NAME])
    for inside, left in ((private, "lead in state"), (header(0x00090010, "LO", 200) + NAME, "")):
        dropped = element(0x00081110, "SQ", item(element(NESTED, "SQ", bytes(8)) + ITEM_END + inside))
        output = deidentify_instance(instance(dropped, STUDY, TEXT), policy)

        assert (read(output).ImageComments or "") == left


def test_damage_behind_a_text_that_was_written() -> None:
    """Behind a long value it comes too late to empty the texts before it: refused, as a late name is."""
    damaged = element(0x00400555, "SQ", [header(0x00080060, "CS", 200) + b"CT"])
    policy = rules(rule("(0042,xxxx)", "keep"), rule("(0054,0016)", "remove"), rule("LT", "clean"))
    late = damaged.replace(damaged[:4], b"\x54\0\x16\0")
    data = instance(STUDY, TEXT, element(0x00420011, "OB", bytes(2 << 20)), late)

    with pytest.raises(DeidentificationError, match="ImageComments"):
        rewritten(policy, cut(data, 1 << 16))
