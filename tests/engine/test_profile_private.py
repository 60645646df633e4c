"""Retain Safe Private: what Table E.3.10-1 lists and what an instance declares, in any block, in both encodings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dicomveil_engine import Policy, deidentify_instance, deidentify_metadata, load_policy
from dicomveil_engine.profile.private import PrivateBlock, is_declared_safe
from engine.datasets import BIG, EXPLICIT, IMPLICIT, KEY, Nodes, encoded, instance, preset, read, rewritten
from engine.leak import leaks, model, part10, planted
from engine.test_json_model_commutation import comparable

SAFE = load_policy({"profile": "basic", "options": ["retainSafePrivate"], "pixels": "keep"}, KEY)
IDS: Nodes = {0x0020000D: ("UI", "1.2.3.7"), 0x00100010: ("PN", "Doe^Jane")}
ITEMS = 0x00189346
"""(0018,9346) CTDI Phantom Type Code Sequence: its items are kept and rewritten."""


def both(nodes: Nodes, policy: Policy = SAFE, syntax: str = EXPLICIT) -> dict[str, Any]:
    """What comes out, which must be the same in both encodings, without the public elements."""
    nodes = dict(sorted({**IDS, **nodes}.items()))
    output = deidentify_instance(instance(encoded(nodes, syntax), syntax=syntax), policy)
    by_part10 = read(output).to_json_dict()
    by_json = deidentify_metadata([read(instance(encoded(nodes, EXPLICIT))).to_json_dict()], policy)[0]
    assert comparable(by_part10) == comparable(by_json)
    return {key: element for key, element in by_json.items() if int(key, 16) >> 16 & 1}


def declaration(*blocks: tuple[int, str, str, list[int]]) -> Nodes:
    """(0008,0300) Private Data Element Characteristics Sequence."""
    items: list[Nodes] = [
        {
            0x00080301: ("US", [group]),
            0x00080302: ("LO", creator),
            0x00080303: ("CS", status),
            **({0x00080304: ("US", numbers)} if numbers else {}),
            0x00080305: ("SQ", [{0x00080306: ("US", [9]), 0x00080307: ("CS", "X")}]),
        }
        for group, creator, status, numbers in blocks
    ]
    return {0x00080300: ("SQ", items)}


@pytest.mark.parametrize("block", [0x10, 0x41])
def test_listed_attributes_stay_in_any_block(block: int) -> None:
    """PS3.5 Section 7.8.1: a creator's block may be anywhere; what nobody lists goes."""
    nodes: Nodes = {
        0x70530000 | block: ("LO", "Philips PET Private Group"),
        0x70530000 | block << 8: ("DS", "1.5"),
        0x70530000 | block << 8 | 1: ("DS", "2.5"),
        0x70530000 | block << 8 | 9: ("DS", "3.5"),
    }

    assert both(nodes) == {
        f"705300{block:02X}": {"vr": "LO", "Value": ["Philips PET Private Group"]},
        f"7053{block:02X}00": {"vr": "DS", "Value": [1.5]},
        f"7053{block:02X}09": {"vr": "DS", "Value": [3.5]},
    }


@pytest.mark.parametrize("creator", ["OTHER", "philips pet private group", ""])
def test_the_creator_decides(creator: str) -> None:
    """The same tag of somebody else, or of nobody, is not safe; its creator goes with it."""
    assert both({0x70530010: ("LO", creator), 0x70531000: ("DS", "1.5")}) == {}


def test_without_the_option_all_go() -> None:
    """The Basic Profile has X for private attributes."""
    nodes: Nodes = {0x70530010: ("LO", "Philips PET Private Group"), 0x70531000: ("DS", "1.5")}

    assert both({**declaration((0x7053, "Philips PET Private Group", "SAFE", [])), **nodes}, preset("basic")) == {}


KEPT = ("US", "SS", "UL", "SL", "FL", "FD", "AT", "SQ")


def test_every_listed_attribute(shared: Path) -> None:
    """All 479 rows: numbers stay, texts are cleaned, UIDs replaced, opaque bytes go."""
    rows = json.loads((shared / "standard" / "ps315_safe_private.json").read_text())["attributes"]
    for row in rows:
        tag = int(row["group"] + "32" + row["element_low"], 16)
        vr = (row["vr"] or "LO").split("/")[0]
        method = SAFE.decide(tag, vr, row["private_creator"]).method.name
        expected = {**dict.fromkeys(KEPT, "keep"), "UI": "refreshUID", "OB": "remove", "OW": "remove"}
        expected |= dict.fromkeys(("LO", "LT", "SH", "ST"), "clean") | dict.fromkeys(("CS", "DS", "IS"), "keep")
        assert method == expected[vr], row
        assert SAFE.decide(tag, vr, row["private_creator"] + "x").method.name == "remove"
    assert len(rows) == 479


@pytest.mark.parametrize(
    ("tag", "creator", "vr", "value", "expected"),
    [
        (0x20011055, "Philips Imaging DD 001", "UL", [7], {"vr": "UL", "Value": [7]}),
        (0x20011055, "Philips Imaging DD 001", "LO", "Doe", None),
        (0x20011055, "Philips Imaging DD 001", "OB", b"Doe ", None),
        (0x20011090, "Philips Imaging DD 001", "LO", "Doe knee", {"vr": "LO", "Value": ["knee"]}),
        (0x20011027, "Philips Imaging DD 001", "CS", "LOOP", {"vr": "CS", "Value": ["LOOP"]}),
        (0x20011027, "Philips Imaging DD 001", "CS", "Doe, Jane", {"vr": "CS"}),
        (0x7E011012, "HOLOGIC, Inc.", "OB", b"Doe^Jane", None),
        (0x00991002, "NQHeader", "UI", "1.2.3", {"vr": "UI", "Value": [SAFE.pseudonym_uid("1.2.3")]}),
    ],
)
def test_inner_rules(tag: int, creator: str, vr: str, value: object, expected: object) -> None:
    """Safe is not the same as kept: the value's own kind decides, and an element of another VR goes."""
    nodes: Nodes = {tag >> 16 << 16 | 0x10: ("LO", creator), tag: (vr, value)}
    if isinstance(value, bytes):  # the model of the tests leaves bytes to the server
        assert read(deidentify_instance(instance(encoded({**IDS, **nodes}, EXPLICIT)), SAFE)).get(tag) is None
    else:
        assert both(nodes).get(f"{tag:08X}") == expected


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_sequences_are_judged_element_by_element(syntax: str) -> None:
    """A safe sequence is recursed into: unsafe and public identifying elements in it go, at any depth."""
    kept: Nodes = {
        0x00080060: ("CS", "MR"),
        0x00100010: ("PN", ""),
        0x20010010: ("LO", "Philips Imaging DD 001"),
        0x20011043: ("IS", "41"),
    }
    before: Nodes = {
        **kept,
        0x00100010: ("PN", "Doe^Jane"),
        0x200110FA: ("LO", "Doe"),
        0x20050010: ("LO", "OTHER"),
        0x20051001: ("LO", "Doe"),
    }

    def nested(one: Nodes) -> Nodes:
        sequence: Nodes = {**one, 0x200110C6: ("SQ", [one])}
        return {0x20010010: ("LO", "Philips Imaging DD 001"), 0x200110C5: ("SQ", [sequence])}

    output = deidentify_instance(instance(encoded({**IDS, **nested(before)}, syntax), syntax=syntax), SAFE)

    assert output.endswith(encoded(nested(kept), syntax))
    assert syntax != EXPLICIT or both(nested(before)).keys() == {"20010010", "200110C5"}


BLOCK: Nodes = {
    0x00110042: ("LO", "ACME"),
    0x00114201: ("US", [1]),
    0x00114202: ("LO", "Doe knee"),
    0x00114203: ("OB", b""),
}


@pytest.mark.parametrize(
    ("blocks", "kept"),
    [
        ([(0x11, "ACME", "SAFE", [])], ["00110042", "00114201", "00114202"]),
        ([(0x11, "ACME", "MIXED", [2, 3])], ["00110042", "00114202"]),
        ([(0x11, "ACME", "UNSAFE", [])], []),
        ([(0x11, "ACME", "UNSAFE", [1])], []),
        ([(0x11, "ACME", "SAFE", []), (0x11, "ACME", "UNSAFE", [])], []),
        ([(0x11, "ACME", "SAFE", []), (0x13, "ACME", "UNSAFE", [])], ["00110042", "00114201", "00114202"]),
        ([(0x13, "ACME", "SAFE", [])], []),
        ([(0x11, "ACNE", "SAFE", [])], []),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_declared_attributes(blocks: list[tuple[int, str, str, list[int]]], kept: list[str], nested: bool) -> None:
    """(0008,0303) SAFE, or (0008,0304) of a MIXED block; contradictions count as unsafe, opaque bytes go."""
    nodes: Nodes = {**declaration(*blocks), **({ITEMS: ("SQ", [BLOCK])} if nested else BLOCK)}
    whole = dict(sorted({**IDS, **nodes}.items()))
    out = read(deidentify_instance(instance(encoded(whole, EXPLICIT)), SAFE)).to_json_dict()
    private = out[f"{ITEMS:08X}"]["Value"][0] if nested else out

    assert [key for key in private if key.startswith("0011")] == kept
    assert private.get("00114202", {"Value": ["knee"]})["Value"] == ["knee"]
    assert comparable(deidentify_metadata([model(whole)], SAFE)[0]) == comparable(out)


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_declarations_are_read_in_every_encoding(syntax: str, is_open: bool) -> None:
    """Of defined and undefined length, and fed byte by byte."""
    nodes: Nodes = {
        **IDS,
        **declaration((0x2001, "Philips Imaging DD 001", "MIXED", [0xFA, 0xEE])),
        0x20010010: ("LO", "Philips Imaging DD 001"),
        0x200110EE: ("AS", "041Y"),
        0x200110FA: ("UL", [1]),
    }
    data = instance(encoded(dict(sorted(nodes.items())), syntax, is_open=is_open), syntax=syntax)
    output = deidentify_instance(data, SAFE)

    # In no dictionary: without a VR the bytes are opaque.
    assert (0x200110EE in read(output)) == (syntax != IMPLICIT)
    assert rewritten(SAFE, (data[at : at + 1] for at in range(len(data)))) == output


def test_what_stands_before_the_declaration_is_not_declared() -> None:
    """As in a stream: in DICOM JSON, which has no order, too."""
    nodes: Nodes = {0x00080051: ("SQ", [BLOCK]), **declaration((0x11, "ACME", "SAFE", []))}

    whole = dict(sorted({**IDS, **nodes}.items()))
    assert "0011" not in str(deidentify_metadata([model(whole)], load_policy(KEEPING, KEY))[0]["00080051"])
    assert b"ACME" not in deidentify_instance(instance(encoded(whole, EXPLICIT)), load_policy(KEEPING, KEY)).replace(
        b"LO\4\0ACME", b"", 1
    )


KEEPING: dict[str, object] = {
    "profile": "basic",
    "options": ["retainSafePrivate"],
    "rules": [{"tag": "(0008,0051)", "method": "keep"}],
}


def test_a_declaration_is_of_its_instance_alone() -> None:
    """The next instance with the same sequence, and without the declaration, keeps nothing."""
    sequence: Nodes = {ITEMS: ("SQ", [{0x00110042: ("LO", "ACME"), 0x00114201: ("US", [1])}])}
    policy = load_policy({"profile": "basic", "options": ["retainSafePrivate"], "pixels": "keep"}, KEY)
    declared = declaration((0x11, "ACME", "SAFE", []))

    for nodes, kept in (({**declared, **sequence}, 2), (sequence, 0), ({**declared, **sequence}, 2)):
        whole = dict(sorted({**IDS, **nodes}.items()))
        out = read(deidentify_instance(instance(encoded(whole, EXPLICIT)), policy))
        assert len(out[ITEMS].value[0]) == kept


def test_equal_sequences_of_different_creators() -> None:
    """A private sequence's own bytes do not say whose it is."""
    sequence: tuple[str, object] = ("SQ", [{0x00080060: ("CS", "MR"), 0x00100010: ("PN", "Roe^Ann")}])
    for creator, kept in (("OTHER", False), ("Philips Imaging DD 001", True), ("OTHER", False)):
        assert bool(both({0x20010010: ("LO", creator), 0x200110C5: sequence})) == kept


def test_a_removed_declaration_declares_nothing() -> None:
    """A rule that takes (0008,0300) out takes its meaning out, too."""
    rule = {"tag": "(0008,0300)", "method": "remove"}
    policy = load_policy({"profile": "basic", "options": ["retainSafePrivate"], "rules": [rule]}, KEY)

    assert (
        both({**declaration((0x11, "ACME", "SAFE", [])), 0x00110010: ("LO", "ACME"), 0x00111001: ("US", [1])}, policy)
        == {}
    )


@pytest.mark.parametrize("broken", [{}, {0x00080301: [17]}, {0x00080301: [17, 19], 0x00080302: ["ACME"]}])
def test_an_item_that_names_no_block_is_about_none(broken: dict[int, Any]) -> None:
    """Neither group nor creator is guessed."""
    assert PrivateBlock.of(broken) is None


def test_no_block_no_declaration() -> None:
    """An instance without a declaration declares nothing safe."""
    assert not is_declared_safe([], 0x00111001, "ACME")
    assert is_declared_safe([PrivateBlock(0x11, "ACME", "SAFE")], 0x00111001, "ACME")


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_what_is_declared_safe_leaks_nothing(syntax: str) -> None:
    """An instance that calls its whole private block safe is not believed: only the creator's name comes out."""
    policy = load_policy({"profile": "basic", "options": ["retainSafePrivate"], "pixels": "keep"}, KEY)
    nodes = dict(sorted({**planted(times=True), **declaration((9, "SENTINELCREATOR", "SAFE", []))}.items()))

    assert leaks(deidentify_instance(part10(nodes, syntax), policy)) == {"SENTINELCREATOR"}
    assert leaks(json.dumps(deidentify_metadata([model(nodes)], policy))) == {"SENTINELCREATOR"}
