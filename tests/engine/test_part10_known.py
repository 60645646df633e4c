"""Sequences that differ in their UIDs only are not walked, and nobody can tell from the output."""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import InstanceRewriter, Policy, load_policy
from dicomveil_engine.part10 import recursion
from dicomveil_engine.part10.new_uids import USUAL_BYTES
from dicomveil_engine.part10.reading import Originals
from engine.datasets import EXPLICIT, KEY, SYNTAXES, Nodes, encoded, instance, preset, read

BASIC = preset("basic")
CT = "1.2.840.10008.5.1.4.1.1.2"
PSEUDONYM = BASIC.pseudonym_uid("1.2.3")
REFERENCED, PURPOSE, MEANING, EVIDENCE = 0x00081155, 0x0040A170, 0x00080104, 0x00081140

ALIKE = [f"1.2.3.{number}" for number in range(100, 400)]
"""UIDs of the same length, which may be exchanged without another change of bytes."""
SHORT = [uid for uid in ALIKE if len(BASIC.pseudonym_uid(uid)) < USUAL_BYTES - 1]
"""Those whose pseudonyms are shorter than usual."""

alike = st.sampled_from(ALIKE[:30] + SHORT[:2])
unlike = st.one_of(
    st.integers(0, 10**12).map("1.2.3.{}".format),
    st.sampled_from(["", CT, PSEUDONYM, "1.2.3.1", "1.2.3.4 ", r"1.2.3.100\1.2.3.200", "no UID", "%b%%", "1" * 64]),
)


def texts(*values: str) -> st.SearchStrategy[list[Nodes]]:
    """A nested sequence with one of these texts."""
    return st.sampled_from(values).map(lambda text: [{0x00080100: ("SH", "1"), MEANING: ("LO", text)}])


# The values of an attribute have the same length.
PASSING: dict[int, st.SearchStrategy[tuple[str, object]]] = {
    0x00080005: st.just(("CS", "ISO_IR 192")),
    0x00081150: st.sampled_from([("UI", CT), ("UI", CT[:-1] + "4")]),
    0x00081160: st.sampled_from([("IS", "12"), ("IS", "13")]),
}
"""What passes without the rest of the header, so that the sequence has a form."""
OTHERS: dict[int, st.SearchStrategy[tuple[str, object]]] = {
    0x00080021: st.sampled_from([("DA", "20240312"), ("DA", "20240401")]),
    0x00080070: st.sampled_from([("LO", "Example"), ("LO", "100 % o"), ("LO", "Quzzax ")]),
    0x00081048: st.sampled_from([("PN", "Quzzax^Ann"), ("PN", "Quazzx^Ann")]),
    0x00081160: st.sampled_from([("IS", "12"), ("IS", "1x")]),
    0x00091010: st.just(("LO", "private")),
    PURPOSE: texts("nodule quzzax", "nodule quazzx", "nodule  right").map(lambda items: ("SQ", items)),
}


@st.composite
def structures_alike(draw: st.DrawFn) -> list[list[Nodes]]:
    """The items of a sequence, and the same items with one other value of the same length."""
    besides = st.fixed_dictionaries({}, optional=draw(st.sampled_from([PASSING, PASSING | OTHERS])))
    first: list[Nodes] = [*draw(st.lists(besides, min_size=1, max_size=3))]
    only = {0x00080005, 0x00091010}
    keys = [(number, tag) for number, nodes in enumerate(first) for tag in nodes if tag not in only]
    if not keys:
        return [first]
    number, tag = draw(st.sampled_from(keys))
    second: list[dict[int, tuple[str, object]]] = [dict(nodes) for nodes in first]
    second[number][tag] = draw((PASSING | OTHERS)[tag].filter(lambda value: value != first[number][tag]))
    return [first, [*second]]


values_of_instance = st.one_of(
    st.lists(alike, min_size=3, max_size=3),
    st.lists(alike, min_size=3, max_size=3),
    st.lists(st.one_of(alike, unlike), min_size=3, max_size=3),
)


def with_uids(structure: list[Nodes], values: list[str]) -> list[Nodes]:
    """The items of a sequence, each with a UID, and every second one with a reference in a nested sequence."""
    items: list[Nodes] = []
    for number, (nodes, uid) in enumerate(zip(structure, values, strict=False)):
        nested: Nodes = {0x00082112: ("SQ", [{REFERENCED: ("UI", f"{uid}.1"[:64])}])} if number % 2 else {}
        items.append({**nodes, **nested, REFERENCED: ("UI", uid)})
    return items


def fresh(profile: str = "default") -> Policy:
    """A policy that has seen nothing."""
    return load_policy({"profile": profile}, KEY)


def rewritten(data: bytes, policy: Policy) -> tuple[bytes, list[tuple[int, str, bytes]]]:
    """The output, and the identifying values that were found."""
    found: list[tuple[int, str, bytes]] = []

    def inspect(written: bytes | bytearray, originals: Originals, syntax: str) -> None:
        found.extend(originals.values())

    rewriter = InstanceRewriter(policy, inspect)
    return b"".join([*rewriter.feed(data), *rewriter.close()]), found


@given(
    structures_alike(),
    st.lists(st.tuples(st.integers(0, 1), values_of_instance), min_size=3, max_size=8),
    st.sampled_from(SYNTAXES),
    st.sampled_from([False, False, True]),
    st.sampled_from(["default", "basic", "microsoft"]),
)
def test_a_known_form_gives_the_same(
    structures: list[list[Nodes]],
    instances: list[tuple[int, list[str]]],
    syntax: str,
    is_open: bool,
    profile: str,
) -> None:
    """The same bytes and the same findings as from a policy without any form, in both orders of the instances."""
    written = []
    for chosen, values in instances:
        items = with_uids(structures[chosen % len(structures)], values)
        nodes: Nodes = {
            0x00080018: ("UI", "1.2.3.1"),
            EVIDENCE: ("SQ", items),
            0x00100010: ("PN", "Quzzax^Jane"),
            0x0020000D: ("UI", "1.2.3"),
            0x30060010: ("SQ", [{0x30060016: ("SQ", items)}, {0x30060016: ("SQ", items[:1])}]),
        }
        written.append(instance(encoded(nodes, syntax, is_open=is_open), syntax=syntax))
    alone = [rewritten(data, fresh(profile)) for data in written]

    for order in (1, -1):
        used = fresh(profile)
        assert [rewritten(data, used) for data in written[::order]] == alone[::order]


def test_a_reference_of_a_known_form_is_not_walked() -> None:
    """From the second instance on, new references are rewritten without the walk of their sequence."""
    policy, walked, references = fresh(), [], []
    for number in range(100, 110):
        items: list[Nodes] = [{0x00081150: ("UI", CT), REFERENCED: ("UI", f"1.2.3.{n}.{number}")} for n in (1, 2)]
        data = instance(encoded({0x00080018: ("UI", f"1.2.3.{number}"), EVIDENCE: ("SQ", items)}, EXPLICIT))
        with patch.object(recursion, "walk_sequence", side_effect=recursion.walk_sequence) as walk:
            output = read(rewritten(data, policy)[0])
        walked.append(walk.call_count)
        references += [item.ReferencedSOPInstanceUID for item in output.ReferencedImageSequence]

    assert references == [policy.pseudonym_uid(f"1.2.3.{n}.{number}") for number in range(100, 110) for n in (1, 2)]
    # A pseudonym that is shorter than usual is written by the walk.
    assert walked[0] == 1
    assert sum(walked[1:]) <= 2
