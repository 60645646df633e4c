"""Deflated data sets, with and without ISA-L."""

from __future__ import annotations

import importlib.util
import sys
import zlib
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine import InvalidDataSetError
from dicomveil_engine.part10 import deflated
from dicomveil_engine.part10.deflated import Deflater, Inflater

isal_zlib = pytest.importorskip("isal.isal_zlib", reason='the extra "fast" is not installed')
CODECS = [zlib, isal_zlib]
"""zlib, and what the extra brings."""


def inflated(data: bytes, codec: ModuleType, step: int = 1 << 20) -> list[bytes]:
    """The pieces of a stream that comes in steps."""
    inflater = Inflater(codec)
    pieces = [piece for at in range(0, len(data), step) for piece in inflater.feed(data[at : at + step], closing=False)]
    return [*pieces, *inflater.feed(b"", closing=True)]


def raw(data: bytes) -> bytes:
    """Deflated without a head, as PS3.5 Section A.5 wants it."""
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


@pytest.mark.parametrize("codec", CODECS)
@given(data=st.binary(max_size=500), step=st.integers(1, 100))
def test_there_and_back(codec: ModuleType, data: bytes, step: int) -> None:
    """Either reads what either wrote, however it is cut."""
    for other in CODECS:
        deflater = Deflater(other)
        stream = deflater.feed(data) + deflater.close()

        assert b"".join(inflated(stream, codec, step)) == data


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("step", [999, 65_536, 1 << 20])
def test_pieces_do_not_matter(codec: ModuleType, step: int) -> None:
    """The same bytes come of the same data set, in whatever pieces it came."""
    data = bytes(n * n % 251 for n in range(300_000))
    whole, cut = Deflater(codec), Deflater(codec)
    pieces = [cut.feed(data[at : at + step]) for at in range(0, len(data), step)]

    assert b"".join([*pieces, cut.close()]) == whole.feed(data) + whole.close()


@pytest.mark.parametrize("codec", CODECS)
def test_bombs(codec: ModuleType) -> None:
    """A small stream becomes a large data set piece by piece only."""
    pieces = inflated(raw(bytes(50 << 20)), codec)

    assert sum(map(len, pieces)) == 50 << 20
    assert max(map(len, pieces)) <= 1 << 20


@pytest.mark.parametrize("codec", CODECS)
def test_cut_off(codec: ModuleType) -> None:
    """Half a stream is none."""
    with pytest.raises(InvalidDataSetError, match="cut off"):
        inflated(raw(bytes(range(256)) * 100)[:100], codec)


@pytest.mark.parametrize("codec", CODECS)
def test_not_deflated(codec: ModuleType) -> None:
    """What is not a stream is refused, and says nothing of its bytes."""
    with pytest.raises(InvalidDataSetError, match="cannot be inflated"):
        inflated(b"\xff" * 100, codec)


def test_the_extra_is_used() -> None:
    """Where it is installed."""
    assert deflated.CODEC is isal_zlib


@pytest.mark.parametrize("size", range(8))
def test_even_length(size: int) -> None:
    """The stream is padded to an even length (PS3.5 Section A.5), and inflates to the same."""
    data = bytes(range(size)) * 9
    deflater = Deflater()
    deflated = deflater.feed(data) + deflater.close()

    assert len(deflated) % 2 == 0
    assert zlib.decompressobj(-15).decompress(deflated) == data


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own zlib takes its place."""
    monkeypatch.setitem(sys.modules, "isal", None)
    spec = importlib.util.spec_from_file_location("deflated_alone", deflated.__file__)
    assert spec is not None
    assert spec.loader is not None
    alone = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(alone)

    assert alone.CODEC is zlib
    deflater = alone.Deflater()
    compressed = deflater.feed(b"x" * 99) + deflater.close()
    assert b"".join(alone.Inflater().feed(compressed, closing=True)) == b"x" * 99
