"""An element costs the same in deep sequences and in large instances: counted, since no clock is to be trusted."""

from __future__ import annotations

from dataclasses import replace
from struct import Struct
from typing import Any

import pytest

from dicomveil_engine import Limits, Policy, load_policy
from dicomveil_engine.part10.encoding import EXPLICIT_LITTLE
from dicomveil_engine.part10.file_meta import read_file_meta
from dicomveil_engine.part10.tables import Tables
from dicomveil_engine.part10.walker import Walker
from engine.datasets import KEY, cut, rule
from engine.nested import heads, nested

STAYS, GOES = 0x0040A730, 0x00380050


class CountingStruct:
    """A layout that counts how often it is read; the walk reads nothing without one."""

    def __init__(self, layout: Struct) -> None:
        self._layout = layout
        self.pack, self.pack_into, self.reads = layout.pack, layout.pack_into, 0

    def unpack_from(self, buffer: bytes, offset: int = 0) -> tuple[Any, ...]:
        """Read, and count."""
        self.reads += 1
        return self._layout.unpack_from(buffer, offset)


def policy() -> Policy:
    """Keeps sequences but one, and changes something in each item."""
    rules = [rule("(0038,0050)", "remove"), rule("UI", "refreshUID")]
    return load_policy({"profile": "none", "rules": rules}, KEY, limits=Limits(depth=40))


def reads(data: bytes, chunk: int = 1 << 30) -> int:
    """How often the walk of an instance reads the head of an element or item."""
    found = read_file_meta(data, closing=True)
    assert found is not None
    head, item = CountingStruct(EXPLICIT_LITTLE.head), CountingStruct(EXPLICIT_LITTLE.item)
    encoding = replace(EXPLICIT_LITTLE, name="counted", head=head, item=item)  # type: ignore[arg-type]
    used = policy()
    walker = Walker(used, Tables.of(used, encoding))
    for piece in cut(data[found[1] :], chunk):
        walker.feed(piece)
        walker.walk(closing=False)
    walker.walk(closing=True)
    walker.take()
    return head.reads + item.reads


@pytest.mark.parametrize("tag", [STAYS, GOES])
@pytest.mark.parametrize("depth", [1, 2, 8, 32, 40])
def test_depth(tag: int, depth: int) -> None:
    """However deep an element stands, it is read once."""
    assert reads(nested(1_000, depth, tag=tag)) == heads(1_000, depth)


@pytest.mark.parametrize("tag", [STAYS, GOES])
@pytest.mark.parametrize("size", [100, 1_000, 10_000])
def test_size(tag: int, size: int) -> None:
    """However many there are, each is read once."""
    assert reads(nested(size, 3, tag=tag)) == heads(size, 3)


@pytest.mark.parametrize("tag", [STAYS, GOES])
@pytest.mark.parametrize("chunk", [100, 1_000, 10_000])
def test_pieces(tag: int, chunk: int) -> None:
    """A sequence that comes in pieces is walked again at every doubling of what has come, at thrice its cost."""
    assert reads(nested(5_000, 3, tag=tag), chunk) < 3.2 * heads(5_000, 3)
