"""The incremental rewriter: deflated instances, limits, damage, and what it says of the instance."""

from __future__ import annotations

import contextlib
import random
import tracemalloc
import zlib
from pathlib import Path

import pytest

from dicomveil_engine import (
    EngineError,
    InstanceRewriter,
    InvalidDataSetError,
    Limits,
    deidentify_instance,
    load_policy,
)
from engine.datasets import (
    DEFLATED,
    EXPLICIT,
    KEY,
    body,
    cut,
    element,
    file_meta,
    header,
    instance,
    open_sequence,
    preset,
    read,
    real_instances,
    rewritten,
    rule,
    rules,
)

MIB = 1 << 20
IDS = element(0x00080018, "UI", "1.2.3.9") + element(0x0020000D, "UI", "1.2.3")
SMALL = load_policy({"profile": "basic", "pixels": "keep"}, KEY, limits=Limits(header_bytes=10_000, depth=4))
KEEP = rules(rule("PatientName", "redact"))


def deflated(data: bytes) -> bytes:
    deflate = zlib.compressobj(9, wbits=-15)
    return file_meta(DEFLATED) + deflate.compress(data) + deflate.flush()


def test_deflated() -> None:
    """A deflated data set is inflated, rewritten and deflated again."""
    data = deflated(IDS + element(0x00100010, "PN", "Doe^Jane") + element(0x00280010, "US", 1))

    assert body(deidentify_instance(data, KEEP)) == IDS + element(0x00100010, "PN", "") + element(0x00280010, "US", 1)


@pytest.mark.parametrize("size", [0, 1000, MIB - 100, 3 * MIB, 20 * MIB])
def test_deflated_zeros(size: int) -> None:
    """However much stands in few bytes, all of it comes out."""
    data = deflated(IDS + element(0x7FE00010, "OW", bytes(size)))

    assert len(body(deidentify_instance(data, KEEP))) == len(IDS) + 12 + size


def test_deflated_bomb() -> None:
    """A header that inflates beyond the limit is refused before it fills the memory."""
    bomb = deflated(IDS + header(0x00081140, "SQ", 1 << 30) + bytes(64 * MIB))
    tracemalloc.start()
    with pytest.raises(InvalidDataSetError, match="header is longer than 10000 bytes"):
        deidentify_instance(bomb, SMALL)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * MIB


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-5], lambda _: file_meta(DEFLATED) + b"\xff" * 20, lambda d: d[: len(d) // 2]]
)
def test_deflated_and_damaged(damage: object) -> None:
    """A compressed data set that ends early or makes no sense is refused."""
    data = deflated(IDS + element(0x00204000, "LT", random.Random(1).randbytes(2000)))
    with pytest.raises(InvalidDataSetError, match="deflated data set"):
        deidentify_instance(damage(data), KEEP)  # type: ignore[operator]


def test_bytes_behind_a_deflated_data_set() -> None:
    """Padding behind the compressed stream goes."""
    assert deidentify_instance(deflated(IDS) + b"Doe^Jane", KEEP) == deidentify_instance(deflated(IDS), KEEP)


def test_header_limit() -> None:
    """What must be held is bounded; what passes in chunks, or goes, is not."""
    with pytest.raises(InvalidDataSetError, match="raise the limit header_bytes"):
        rewritten(SMALL, cut(instance(IDS, element(0x00281201, "OW", bytes(20_000))), 1000))

    pixels = element(0x7FE00010, "OW", bytes(50_000))
    removed = element(0x00291001, "OB", bytes(50_000))
    assert rewritten(SMALL, cut(instance(IDS, removed, pixels), 1000)).endswith(pixels)


def test_depth_limit() -> None:
    """The limit on nesting is the policy's."""
    content = b""
    for _ in range(5):
        content = element(0x00189346, "SQ", [content])
    with pytest.raises(InvalidDataSetError, match="nested more than 4 deep"):
        deidentify_instance(instance(IDS, content), SMALL)


def test_deep_nesting_is_refused_quickly() -> None:
    """A thousand levels of undefined length, in what goes as in what stays, end in an error."""
    for tag in (0x00101002, 0x00189346, 0x00291001):
        data = instance(IDS, (header(tag, "SQ", 0xFFFFFFFF) + header(0xFFFEE000, "", 0xFFFFFFFF)) * 1000)
        with pytest.raises(InvalidDataSetError):
            deidentify_instance(data, preset("basic"))


def test_streaming_holds_little() -> None:
    """Memory stays under a few MiB whatever the size of Pixel Data."""
    chunk = bytes(MIB)
    rewriter = InstanceRewriter(preset("default"))
    rewriter.feed(instance(IDS, header(0x7FE00010, "OW", 64 * MIB)))
    tracemalloc.start()
    out = sum(len(piece) for _ in range(64) for piece in rewriter.feed(chunk))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    rewriter.close()

    assert out == 64 * MIB
    assert peak < 4 * MIB


def test_removed_values_are_not_held() -> None:
    """A long value that goes does not stay in memory while it comes."""
    rewriter = InstanceRewriter(preset("default"))
    rewriter.feed(instance(IDS, header(0x00291001, "OB", 64 * MIB)))
    tracemalloc.start()
    for _ in range(64):
        rewriter.feed(bytes(MIB))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 4 * MIB


def test_uids_that_are_none() -> None:
    """What is not a UID does not stand in the file meta information, and crashes nothing."""
    for uid in ("1.2.é", "Doe^Jane", "1" * 70):
        output = deidentify_instance(instance(element(0x00080016, "UI", uid), element(0x00080018, "UI", uid)), KEEP)
        assert uid.encode("latin-1") not in output.partition(b"DICOMVEIL_1 ")[0]


def test_transfer_syntax_stays() -> None:
    """Also where the data set is in another encoding than it says."""
    data = file_meta("1.2.840.10008.1.2") + IDS

    assert read(deidentify_instance(data, KEEP)).file_meta.TransferSyntaxUID == EXPLICIT


def test_mutated_instances(corpus: Path) -> None:
    """Real instances with some bytes changed are rewritten, or refused as documented."""
    chance = random.Random(20260101)
    for _, data in real_instances(corpus, largest=10_000):
        for _ in range(12):
            mutated = bytearray(data)
            for _ in range(chance.randint(1, 6)):
                mutated[chance.randrange(len(data))] = chance.choice((0, 1, 0xFE, 0xFF, chance.randrange(256)))
            rewritten_or_refused(bytes(mutated))


def test_spliced_instances(corpus: Path) -> None:
    """Also with a piece of another instance in the middle."""
    chance = random.Random(20260102)
    instances = [data for _, data in real_instances(corpus, largest=5_000)]
    for data in instances * 4:
        other, at = chance.choice(instances), chance.randrange(132, 5_000)
        rewritten_or_refused(data[:at] + other[chance.randrange(132, 1_000) :] + data[at:])


def test_small_instances_cut_anywhere(corpus: Path) -> None:
    """Real instances, cut at every byte."""
    for _, data in real_instances(corpus, largest=1_000):
        for at in range(len(data)):
            rewritten_or_refused(data[:at])


def rewritten_or_refused(data: bytes) -> None:
    for policy in (preset("default"), KEEP):
        with contextlib.suppress(EngineError):
            deidentify_instance(data, policy)


def test_open_sequence_without_end() -> None:
    """A sequence that never ends is refused at the end of the input, with bounded work before it."""
    item = header(0xFFFEE000, "", 8) + bytes.fromhex("08 00 60 00 43 53 00 00")
    endless = instance(IDS, open_sequence(0x00081140, item * 20_000)[:-8])
    with pytest.raises(InvalidDataSetError, match="cut off"):
        rewritten(KEEP, cut(endless, 100))


def test_held_counts_what_came_and_is_not_out() -> None:
    """The header's beginning, byte for byte; nothing behind the end."""
    data = instance(IDS)
    rewriter = InstanceRewriter(KEEP)

    for size in (1, 100, 60):
        before = rewriter.held
        assert b"".join(rewriter.feed(data[before : before + size])) == b""
        assert rewriter.held == before + size


@pytest.mark.parametrize(("syntax", "is_deflated"), [(EXPLICIT, False), (DEFLATED, True)])
def test_is_deflated(syntax: str, is_deflated: bool) -> None:
    """Known once the file meta information was read."""
    rewriter = InstanceRewriter(KEEP)
    rewriter.feed(instance(IDS, syntax=syntax))

    assert rewriter.is_deflated is is_deflated
