"""However an instance is cut, the output is the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import EngineError, Policy, deidentify_instance
from engine.datasets import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    SYNTAXES,
    Nodes,
    cut,
    element,
    encoded,
    fragments,
    generated,
    instance,
    item,
    open_sequence,
    preset,
    real_instances,
    rewritten,
    rule,
    rules,
)

LONG = (1 << 20) + 2
"""More than what is held: a kept value of this length passes through."""

IDS = {0x00080018: ("UI", "1.2.3.9"), 0x0020000D: ("UI", "1.2.3")}


@given(generated, st.sampled_from(SYNTAXES), st.booleans(), st.lists(st.integers(1, 200), min_size=1, max_size=30))
def test_generated(nodes: Nodes, syntax: str, is_open: bool, sizes: list[int]) -> None:
    """Chunks of any sizes give what the whole gives."""
    data = instance(encoded(nodes, syntax, is_open=is_open), syntax=syntax)
    chunks, at = [], 0
    for size in [*sizes, len(data)]:
        chunks.append(data[at : at + size])
        at += size

    assert rewritten(preset("default"), chunks) == deidentify_instance(data, preset("default"))


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("is_open", [False, True])
def test_byte_by_byte(syntax: str, is_open: bool) -> None:
    """Sequences of both length forms, private blocks and Pixel Data, a byte at a time."""
    nodes: Nodes = {
        **IDS,
        0x00081140: ("SQ", [{0x00081155: ("UI", "1.2.3.4")}, {}]),
        0x00090010: ("LO", "EXAMPLE"),
        0x00091001: ("SQ", [{0x00100010: ("PN", "Doe^Jane")}]),
        0x00100010: ("PN", "Doe^Jane"),
        0x00120064: ("SQ", [{0x00080100: ("SH", "1")}]),
        0x0040A730: ("SQ", [{0x0040A730: ("SQ", [{0x0040A123: ("PN", "Roe^Ann")}])}]),
        0x7FE00010: ("OW", bytes(range(64))),
    }
    data = instance(encoded(nodes, syntax, is_open=is_open), syntax=syntax)
    for policy in (preset("basic"), rules(rule("(0009,xx02:EXAMPLE)", "remove"), rule("PN", "redact"))):
        assert rewritten(policy, cut(data, 1)) == deidentify_instance(data, policy)


@pytest.mark.parametrize("size", [1, 7, 8, 9])
def test_encapsulated(size: int) -> None:
    """Fragments pass, and what stands behind them is walked again."""
    behind = element(0x7FE10010, "LO", "EXAMPLE") + element(0xFFFCFFFC, "OB", bytes(4))
    pixels = fragments(b"\xff\xd8\xff\xda\0\2ab", b"", b"efgh" * 20 + b"\xff\xd9")
    data = instance(encoded(IDS, JPEG), pixels, behind, syntax=JPEG)
    output = rewritten(preset("default"), cut(data, size))

    assert output == deidentify_instance(data, preset("default"))
    assert output.endswith(pixels)


@pytest.mark.parametrize("size", [1, 5])
@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
def test_unknown_sequences(syntax: str, size: int) -> None:
    """Sequences written as UN are in implicit VR little endian (PS3.5 Section 6.2.2), and are walked so."""
    name = element(0x00100010, "PN", "Doe^Jane", IMPLICIT)
    data = instance(
        encoded(IDS, syntax),
        element(0x00291001, "UN", item(name, IMPLICIT), syntax),
        open_sequence(0x00291002, item(name, IMPLICIT, is_open=True), syntax, vr="UN")[:-8]
        + open_sequence(0, b"", IMPLICIT)[-8:],
        syntax=syntax,
    )
    policy = rules(rule("PN", "redact"))
    output = rewritten(policy, cut(data, size))

    assert output == deidentify_instance(data, policy)
    assert b"Doe" not in output


@pytest.mark.parametrize("size", [1000, 65_536, LONG - 1])
@pytest.mark.parametrize("policy", [preset("basic"), rules(rule("(0043,xx02:EXAMPLE)", "remove"))])
def test_long_values(policy: Policy, size: int) -> None:
    """What is behind a value that passes in chunks is decided as if it had been held."""
    data = instance(
        encoded(IDS, EXPLICIT),
        element(0x00420011, "OB", bytes(LONG)),
        element(0x00430010, "LO", "EXAMPLE"),
        element(0x00431001, "OB", bytes(LONG)),
        element(0x00431002, "LO", "REMOVE ME"),
        element(0x00431003, "LO", "KEEP ME"),
        element(0x7FE00010, "OW", bytes(LONG)),
    )
    output = rewritten(policy, cut(data, size))

    assert output == deidentify_instance(data, policy)
    assert b"REMOVE ME" not in output


def test_real_instances(corpus: Path) -> None:
    """Small real instances, byte by byte and in chunks of 97: the same output, or the same kind of error."""
    for name, data in real_instances(corpus, largest=1500):
        outcomes = {outcome(cut(data, size)) for size in (1, 97, len(data))}
        assert len(outcomes) == 1, name


def test_deflated_output_is_the_same() -> None:
    """What is compressed again does not depend on the pieces in which it came."""
    data = instance(encoded(IDS, DEFLATED), element(0x7FE00010, "OW", bytes(1 << 18)), syntax=DEFLATED)

    assert rewritten(preset("default"), cut(data, 3)) == deidentify_instance(data, preset("default"))


def outcome(chunks: object) -> bytes | type[EngineError]:
    try:
        return rewritten(preset("default"), chunks)  # type: ignore[arg-type]
    except EngineError as error:
        return type(error)
