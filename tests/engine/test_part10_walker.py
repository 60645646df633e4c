"""The walker, on bytes written by hand: what goes in, and what comes out."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dicomveil_engine import DeidentificationError, InvalidDataSetError, deidentify_instance
from dicomveil_engine.part10 import walker
from dicomveil_engine.part10.state import State
from dicomveil_engine.part10.top_level import walk_elements
from engine.datasets import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    SYNTAXES,
    UNDEFINED,
    body,
    cut,
    element,
    file_meta,
    fragments,
    header,
    instance,
    item,
    open_sequence,
    preset,
    rewritten,
    rule,
    rules,
)

REMOVE_NAME = rules(rule("PatientName", "remove"), rule("ReferringPhysicianName", "redact"))
NAME = 0x00100010
IMAGES = 0x00081140
YES = "12 00 62 00 43 53 04 00 59 45 53 20"
TEXT = element(0x00120063, "LO", "dicomveil: PS3.15 Basic Profile")
CODE = element(
    0x00120064,
    "SQ",
    [
        element(0x00080100, "SH", "113100")
        + element(0x00080102, "SH", "DCM")
        + element(0x00080104, "LO", "Basic Application Confidentiality Profile")
    ],
)
REMOVED_DATES = element(0x00280303, "CS", "REMOVED")
MARKS = bytes.fromhex(YES) + TEXT + CODE + REMOVED_DATES


def out(*elements: bytes, policy: object = REMOVE_NAME, syntax: str = EXPLICIT) -> bytes:
    """The data set that comes out."""
    return body(deidentify_instance(instance(*elements, syntax=syntax), policy))  # type: ignore[arg-type]


def test_literal_explicit() -> None:
    """Kept elements leave byte for byte, a removed one leaves nothing, a redacted one its head."""
    data = bytes.fromhex(
        "08 00 60 00 43 53 02 00 43 54"  # (0008,0060) CS 2 "CT"
        "08 00 90 00 50 4e 04 00 44 6f 65 20"  # (0008,0090) PN 4 "Doe "
        "10 00 10 00 50 4e 04 00 44 6f 65 20"  # (0010,0010) PN 4 "Doe "
        "10 00 40 00 43 53 02 00 46 20"  # (0010,0040) CS 2 "F "
    )

    assert out(data) == bytes.fromhex(
        "08 00 60 00 43 53 02 00 43 54"
        "08 00 90 00 50 4e 00 00"  # (0008,0090) PN 0
        "10 00 40 00 43 53 02 00 46 20"
    )


def test_literal_implicit() -> None:
    """The same without VRs, and with lengths of 32 bits."""
    data = bytes.fromhex(
        "08 00 60 00 02 00 00 00 43 54"
        "08 00 90 00 04 00 00 00 44 6f 65 20"
        "10 00 10 00 04 00 00 00 44 6f 65 20"
        "10 00 40 00 02 00 00 00 46 20"
    )

    assert out(data, syntax=IMPLICIT) == bytes.fromhex(
        "08 00 60 00 02 00 00 00 43 54 08 00 90 00 00 00 00 00 10 00 40 00 02 00 00 00 46 20"
    )


def test_literal_big_endian() -> None:
    """The same with the other byte order."""
    data = bytes.fromhex(
        "00 08 00 60 43 53 00 02 43 54"
        "00 08 00 90 50 4e 00 04 44 6f 65 20"
        "00 10 00 10 50 4e 00 04 44 6f 65 20"
        "00 10 00 40 43 53 00 02 46 20"
    )

    assert out(data, syntax=BIG) == bytes.fromhex(
        "00 08 00 60 43 53 00 02 43 54 00 08 00 90 50 4e 00 00 00 10 00 40 43 53 00 02 46 20"
    )


def test_literal_lengths_follow() -> None:
    """Sequence, item, nested sequence and its item: each defined length says what is left."""
    data = bytes.fromhex(
        "08 00 40 11 53 51 00 00 30 00 00 00"  # (0008,1140) SQ 48
        "fe ff 00 e0 28 00 00 00"  #                 item 40
        "08 00 40 11 53 51 00 00 1c 00 00 00"  #     (0008,1140) SQ 28
        "fe ff 00 e0 14 00 00 00"  #                     item 20
        "08 00 60 00 43 53 00 00"  #                     (0008,0060) CS 0
        "10 00 10 00 50 4e 04 00 44 6f 65 20"  #         (0010,0010) PN 4 "Doe "
    )

    assert out(data) == bytes.fromhex(
        "08 00 40 11 53 51 00 00 24 00 00 00"  # SQ 36
        "fe ff 00 e0 1c 00 00 00"  #                 item 28
        "08 00 40 11 53 51 00 00 10 00 00 00"  #     SQ 16
        "fe ff 00 e0 08 00 00 00"  #                     item 8
        "08 00 60 00 43 53 00 00"
    )


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_items_of_both_length_forms(syntax: str) -> None:
    """Undefined lengths stay undefined, defined ones follow, in any mixture."""
    plain = EXPLICIT if syntax not in {IMPLICIT, BIG} else syntax
    name, kept = element(NAME, "PN", "Doe^Jane", plain), element(0x00100040, "CS", "F", plain)

    def sequence(inner: bytes) -> bytes:
        return open_sequence(
            IMAGES, item(inner, plain) + item(inner, plain, is_open=True) + item(b"", plain), plain
        ) + element(0x00082112, "SQ", item(inner, plain, is_open=True) + item(inner, plain), plain)

    assert out(sequence(name + kept), syntax=syntax) == sequence(kept)


def test_unchanged_is_identical() -> None:
    """What the policy keeps leaves as it is: odd lengths of strings, padding, empty sequences."""
    data = (
        bytes.fromhex("08 00 60 00 43 53 03 00 43 54 41")  # odd
        + element(IMAGES, "SQ", b"")
        + open_sequence(0x00082112, b"")
        + element(0x00101010, "AS", b"045Y\0\0")
    )

    assert out(data) == data


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
def test_unknown_sequences(syntax: str) -> None:
    """A sequence written as UN is in implicit VR little endian (PS3.5 Section 6.2.2), its length follows."""
    kept = element(0x00100040, "CS", "F", IMPLICIT)
    named = item(element(NAME, "PN", "Doe^Jane", IMPLICIT) + kept, IMPLICIT)
    known = element(IMAGES, "UN", named, syntax) + element(0x00291001, "UN", named, syntax)

    assert out(known, syntax=syntax) == (
        element(IMAGES, "UN", item(kept, IMPLICIT), syntax) + element(0x00291001, "UN", item(kept, IMPLICIT), syntax)
    )


def test_unknown_values() -> None:
    """UN is what the dictionary says: a name as UN is a name, and what stays of it is UN."""
    policy = rules(rule("PatientName", "substitute", replaceWith="X"), rule("(0010,0030)", "dateShift"))

    assert out(element(NAME, "UN", b"Doe^"), policy=policy) == element(NAME, "UN", b"X ")


def test_private_creators() -> None:
    """A creator comes out with the first element of its block that does; blocks may lie anywhere."""
    policy = rules(rule("(0009,xx01:ONE)", "remove"), rule("(0009,xx02:TWO)", "redact"))
    data = (
        element(0x00090010, "LO", "ONE")
        + element(0x00090020, "LO", "TWO")
        + element(0x00090030, "LO", "NONE")
        + element(0x00091001, "LO", "removed")
        + element(0x00092001, "LO", "kept")
        + element(0x00092002, "LO", "redacted")
    )

    assert out(data, policy=policy) == (
        element(0x00090020, "LO", "TWO") + element(0x00092001, "LO", "kept") + element(0x00092002, "LO", "")
    )


def test_private_blocks_of_items() -> None:
    """Each item has creators of its own."""
    policy = rules(rule("(0009,xx01:ONE)", "remove"))
    other = element(0x00090010, "LO", "OTHER") + element(0x00091001, "LO", "kept")
    mine = element(0x00090010, "LO", "ONE") + element(0x00091001, "LO", "removed")

    assert out(element(IMAGES, "SQ", [other, mine]), policy=policy) == element(IMAGES, "SQ", [other, b""])


def test_removed_private_sequence() -> None:
    """A creator whose only element is a removed sequence goes too."""
    policy = rules(rule("(0009,xx01:ONE)", "remove"))
    data = element(0x00090010, "LO", "ONE") + element(0x00091001, "SQ", [element(NAME, "PN", "Doe")])

    assert out(data, policy=policy) == b""


def test_what_always_goes() -> None:
    """Group lengths, signatures, directory records and padding go, whatever the policy."""
    data = (
        element(0x00080000, "UL", 10)
        + element(0x00080060, "CS", "CT")
        + element(0x00090000, "UL", 0)
        + element(IMAGES, "SQ", [element(0x00080000, "UL", 10)])
        + element(0xFFFAFFFA, "SQ", [element(0x04000115, "DT", "2020")])
        + element(0xFFFCFFFC, "OB", bytes(8))
    )

    assert out(data) == element(0x00080060, "CS", "CT") + element(IMAGES, "SQ", [b""])


def test_trailing_zeros() -> None:
    """Zeros behind the last element, which fill the last block of a medium, go; the marks are written."""
    modality = element(0x00080060, "CS", "CT")
    for zeros in (1, 4, 7, 8, 64):
        assert out(modality + bytes(zeros), policy=preset("basic")) == modality + MARKS


def test_behind_pixel_data() -> None:
    """Elements behind Pixel Data are walked; Pixel Data itself leaves as it came."""
    pixels = element(0x7FE00010, "OW", bytes(range(20)))

    assert out(
        pixels + element(0x7FE10010, "LO", "ONE") + element(0x7FE11010, "PN", "Doe"), policy=preset("basic")
    ) == (MARKS + pixels)


def test_removed_pixel_data() -> None:
    """Pixel Data that the policy removes or redacts is left out, native or in fragments."""
    rows = element(0x00280010, "US", 1)
    for pixels in (element(0x7FE00010, "OW", bytes(20)), fragments(b"abcd")):
        assert out(rows + pixels + rows, policy=rules(rule("PixelData", "remove"))) == rows + rows
        head = pixels[:8]
        assert out(pixels, policy=rules(rule("PixelData", "redact"))) == head + bytes(4)


def test_encapsulated_icon() -> None:
    """Pixel Data of an icon may be encapsulated (PS3.5 Section A.4), and is kept with its item."""
    icon = element(0x00880200, "SQ", [fragments(b"abcd")])

    assert out(element(NAME, "PN", "Doe") + icon) == icon


def test_undefined_length_where_a_value_is_needed() -> None:
    """A method cannot work on fragments: refused."""
    with pytest.raises(DeidentificationError, match=r"\(0008,0104\) CodeMeaning UT has an undefined length"):
        out(open_sequence(0x00080104, item(b"Doe "), vr="UT"), policy=rules(rule("UT", "encrypt")))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (element(0x00080060, "CS", "CT"), element(0x00080060, "CS", "CT") + MARKS),
        (
            element(0x00120050, "LO", "x") + element(0x00120072, "LO", "x") + element(0x00280010, "US", 1),
            bytes.fromhex(YES) + TEXT + CODE + element(0x00280010, "US", 1) + REMOVED_DATES,
        ),
        (element(0x00400340, "SQ", b""), MARKS[: -len(REMOVED_DATES)] + REMOVED_DATES + element(0x00400340, "SQ", b"")),
        (element(0x00120062, "CS", "NO") + element(0x00280303, "CS", "UNMODIFIED"), MARKS),
        (element(0x00120063, "UN", b"text"), MARKS),
        (MARKS, MARKS),
    ],
)
def test_marks_in_order(before: bytes, after: bytes) -> None:
    """The marks of de-identification (PS3.15 E.1.1) are written in tag order, once, in place of older ones."""
    policy = rules(
        rule("(0012,0050)", "remove"), rule("(0012,0072)", "remove"), rule("(0040,0340)", "keep"), profile="basic"
    )
    assert out(before, policy=policy) == after


@pytest.mark.parametrize("is_open", [False, True])
def test_marks_join_earlier_ones(is_open: bool) -> None:
    """Texts and codes of earlier de-identifications stay, and ours are added behind them."""
    earlier = element(0x00080100, "SH", "113107")
    ours = CODE[12:]
    codes = item(earlier, is_open=is_open)
    sequence = open_sequence if is_open else lambda tag, items: element(tag, "SQ", items)

    assert out(
        element(0x00120063, "LO", "by hand\\twice") + sequence(0x00120064, codes), policy=preset("basic")
    ) == b"".join(
        (
            bytes.fromhex(YES),
            element(0x00120063, "LO", "by hand\\twice\\dicomveil: PS3.15 Basic Profile"),
            sequence(0x00120064, codes + ours),
            REMOVED_DATES,
        )
    )


def test_decisions_of_a_tables_first_entry() -> None:
    """The first element behind the marks is encoded as the data set is, not in the engine's default."""
    policy = rules(rule("(0018,0010)", "substitute", replaceWith="X"), profile="basic")
    output = out(element(0x00180010, "LO", "AGENT", BIG), policy=policy, syntax=BIG)

    assert element(0x00180010, "LO", "X", BIG) in output


def test_words_of_what_goes() -> None:
    """Names and numbers of removed, emptied and replaced sequences do not survive in free text."""
    notes = element(0x00140046, "LT", "seen by Roe as 12345 and Poe at Loe")
    data = (
        element(0x00091001, "PN", "Loe^Jane")
        + element(0x00101002, "SQ", [element(0x00100020, "LO", "12345")])
        + notes
        + element(0x00400555, "SQ", [element(0x0040A123, "PN", "Poe^Jane")])
        + open_sequence(0x0040A073, item(element(0x0040A075, "PN", "Roe^Ann"), is_open=True))
    )

    assert element(0x00140046, "LT", "seen by as and at") in out(data, policy=preset("basic"))


def test_what_was_seen_before() -> None:
    """A sequence that the policy has met in another instance counts as if it were the first."""
    others = element(0x00101002, "SQ", [element(0x00100020, "LO", "12345")])
    kept = element(0x00081250, "SQ", [element(0x00080060, "CS", "CT")])
    for number in range(3):
        notes = element(0x00140046, "LT", f"seen {number} as 12345")
        output = out(kept + others + notes, policy=preset("basic"))
        assert output.startswith(kept)
        assert element(0x00140046, "LT", f"seen {number} as") in output
        changed = element(0x00081250, "SQ", [element(0x00080060, "CS", "CT") + element(NAME, "PN", f"Doe{number}")])
        emptied = element(0x00081250, "SQ", [element(0x00080060, "CS", "CT") + element(NAME, "PN", "")])
        assert out(changed, policy=preset("basic")).startswith(emptied)


def test_unreadable_inside_of_what_goes() -> None:
    """A sequence that goes need not be readable: what follows it is."""
    data = element(0x00101002, "SQ", b"no items at all ") + element(0x00280010, "US", 1)

    assert element(0x00280010, "US", 1) in out(data, policy=preset("basic"))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (element(0x00080018, "UI", "") + b"\x08\x00\x60\x00XX\x02\x00CT", "VR that PS3.5 does not know"),
        (element(IMAGES, "SQ", b"12345678"), "holds something that is not an item"),
        (element(IMAGES, "SQ", item(element(NAME, "PN", "Doe"))[:-2]), "reaches beyond"),
        (element(IMAGES, "SQ", [header(0x00080060, "CS", 99) + b"CT"]), "reaches beyond"),
        (item(b""), "a delimiter is in the place of an element"),
        (header(0x00080060, "CS", 99) + b"CT", "cut off"),
        (header(NAME, "PN", 99) + b"Doe", "cut off"),
        (header(0x7FE00010, "OW", 99) + b"..", r"cut off in the middle of \(7FE0,0010\) PixelData"),
        (header(0x7FE00010, "OB", UNDEFINED) + element(NAME, "PN", "Doe"), "holds something that is not a fragment"),
        (open_sequence(IMAGES, item(b""))[:-8], "cut off"),
        (element(NAME, "PN", "Doe")[:6], "cut off"),
        (element(0x00080018, "UI", "1.2.3")[:5], "cut off"),
    ],
)
def test_broken(data: bytes, problem: str) -> None:
    """What cannot be read is refused with a word of what is wrong."""
    with pytest.raises(InvalidDataSetError, match=problem):
        out(data, policy=preset("basic"))


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("tag", [IMAGES, 0x00091001])
def test_depth(tag: int, is_open: bool) -> None:
    """32 levels pass, 33 do not."""

    def nested(levels: int) -> bytes:
        content = b""
        for _ in range(levels):
            content = open_sequence(tag, item(content, is_open=True)) if is_open else element(tag, "SQ", [content])
        return content

    assert out(nested(32)) == nested(32)
    with pytest.raises(InvalidDataSetError, match="nested more than 32 deep"):
        out(nested(33))


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_cut_anywhere(syntax: str) -> None:
    """Cut at any byte, an instance is refused, or what comes out is the beginning of it, de-identified."""
    plain = syntax
    data = b"".join(
        (
            element(0x00080018, "UI", "1.2.3.9", plain),
            element(0x00080060, "CS", "CT", plain),
            element(IMAGES, "SQ", [element(NAME, "PN", "Doe^Jane", plain)], plain),
            element(NAME, "PN", "Doe^Jane", plain),
            element(0x0020000D, "UI", "1.2.3", plain),
            element(0x7FE00010, "OW", bytes(8), plain),
        )
    )
    meta = file_meta(syntax)
    whole = deidentify_instance(meta + data, REMOVE_NAME)
    ends = 0
    for at in range(len(data) + 1):
        try:
            output = deidentify_instance(meta + data[:at], REMOVE_NAME)
        except InvalidDataSetError:
            continue
        ends += 1
        assert whole.startswith(output)
        assert b"Doe" not in output
    assert ends >= 6


def test_a_long_sequence_in_small_pieces_is_walked_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for each doubling of what is held, neither more often nor later."""
    walked: list[int] = []

    def counting(state: State) -> None:
        walked.append(len(state.buffer))
        walk_elements(state)

    monkeypatch.setattr(walker, "walk_elements", counting)
    items = item(element(0x00080060, "CS", "CT")) * 5_000
    rewritten(preset("basic"), cut(instance(open_sequence(IMAGES, items)), 1000))
    steps = [after - 2 * before for before, after in pairwise(walked) if before > 2_000]

    assert all(0 <= step <= 1_000 for step in steps[:-1])
    assert len(steps) > 4
