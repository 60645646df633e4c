"""Sequences that are known again by their bytes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import deidentify_instance, load_policy
from dicomveil_engine.part10.fragment import joined
from engine.datasets import EXPLICIT, KEY, SYNTAXES, Nodes, encoded, generated, instance, preset, read

CODE: Nodes = {0x00080100: ("SH", "1"), 0x00080102: ("SH", "DCM"), 0x00080104: ("LO", "nodule quzzax")}


def test_lengths_are_made_right() -> None:
    """A length field in a kept run follows what changed behind it."""
    assert joined([b"\0\0\0\0abc", b"", b"xy"], [(struct.Struct("<I"), 0, 0, 4, 1, 2)]) == b"\5\0\0\0abcxy"


def test_the_same_bytes_in_another_context() -> None:
    """What is remembered of a sequence waits for the names of each instance."""
    policy = load_policy({"profile": "basic"}, KEY)
    meanings = []
    for name in ("Quzzax^Jane", "Roe^Ann", "Quzzax^Jane"):
        nodes: Nodes = {
            0x00081032: ("SQ", [CODE, CODE]),
            0x00100010: ("PN", name),
            0x0020000D: ("UI", "1.2.3"),
            0x00400260: ("SQ", [CODE, CODE]),
        }
        output = read(deidentify_instance(instance(encoded(nodes, EXPLICIT)), policy))
        codes = [*output.get("ProcedureCodeSequence", []), *output.PerformedProtocolCodeSequence]
        meanings.append({str(code.CodeMeaning) for code in codes})

    assert meanings == [{"nodule"}, {"nodule quzzax"}, {"nodule"}]


@given(st.lists(generated, min_size=2, max_size=4), st.sampled_from(SYNTAXES), st.booleans())
def test_a_policy_that_has_seen_others_gives_the_same(datasets: list[Nodes], syntax: str, is_open: bool) -> None:
    """What came before changes no byte, wherever the same sequences stand."""
    used = load_policy({"profile": "default"}, KEY)
    for nodes in datasets:
        twice = {**nodes, 0x00400260: ("SQ", [CODE, {**CODE, 0x00081199: ("SQ", [nodes, CODE])}, CODE])}
        data = instance(encoded(twice, syntax, is_open=is_open), syntax=syntax)

        assert deidentify_instance(data, used) == deidentify_instance(data, load_policy({"profile": "default"}, KEY))


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_lengths_of_what_is_around(syntax: str) -> None:
    """Sequences and items around a remembered one are as long as what they hold."""
    inner: Nodes = {0x00081199: ("SQ", [{0x0040A043: ("SQ", [CODE])}, {0x0040A043: ("SQ", [CODE])}])}
    nodes: Nodes = {0x00100010: ("PN", "Quzzax^Jane"), 0x0020000D: ("UI", "1.2.3"), 0x00400260: ("SQ", [inner, inner])}
    output = read(deidentify_instance(instance(encoded(nodes, syntax), syntax=syntax), preset("basic")))
    items = [item for outer in output.PerformedProtocolCodeSequence for item in outer.ReferencedSOPSequence]

    assert [item.ConceptNameCodeSequence[0].CodeMeaning for item in items] == ["nodule"] * 4
