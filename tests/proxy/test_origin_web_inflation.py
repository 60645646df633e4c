"""Compressed bodies: the same bytes whatever the chunks, and never much at a time."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_proxy.errors import OriginMalformed
from dicomveil_proxy.origin.web.inflation import PIECE_BYTES, inflated

pytestmark = pytest.mark.anyio


async def _chunks(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def _inflated(body: bytes, encoding: str = "gzip", size: int = 1 << 16) -> list[bytes]:
    return [piece async for piece in inflated(_chunks(body, size), encoding)]


@given(st.binary(max_size=3_000), st.integers(1, 200), st.sampled_from(["gzip", "x-gzip", "GZip, identity", "deflate"]))
async def test_what_was_compressed_comes_out(content: bytes, size: int, encoding: str) -> None:
    """In chunks of any size."""
    body = zlib.compress(content) if encoding == "deflate" else gzip.compress(content, mtime=0)

    assert b"".join(await _inflated(body, encoding, size)) == content


async def test_pieces_are_bounded() -> None:
    """A chunk that inflates a thousandfold comes as many pieces, and whole."""
    pieces = await _inflated(gzip.compress(bytes(64 << 20), mtime=0))

    assert max(map(len, pieces)) == PIECE_BYTES
    assert sum(map(len, pieces)) == 64 << 20


@pytest.mark.parametrize("length", [PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, PIECE_BYTES + 300])
async def test_a_piece_that_is_just_full(length: int) -> None:
    """Nothing stays behind in the decompressor."""
    assert sum(map(len, await _inflated(gzip.compress(bytes(length), mtime=0), size=1 << 20))) == length


async def test_members_follow_one_another() -> None:
    """As RFC 1952 allows."""
    assert b"".join(await _inflated(gzip.compress(b"[", mtime=0) + gzip.compress(b"]", mtime=0))) == b"[]"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b"[]", mtime=0)[:-1], "gzip"),
        (gzip.compress(b"[]", mtime=0)[:-8], "gzip"),
        (gzip.compress(b"[]", mtime=0) + b"more", "gzip"),
        (b"[]", "gzip"),
        (gzip.compress(gzip.compress(b"[]", mtime=0), mtime=0), "gzip, gzip"),
        (b"[]", "br"),
    ],
)
async def test_broken_bodies(body: bytes, encoding: str) -> None:
    """What is cut off, is something else, or comes in layers is malformed."""
    with pytest.raises(OriginMalformed):
        await _inflated(body, encoding)


async def test_no_body() -> None:
    """A response without one has nothing to decompress, whatever its header says."""
    assert await _inflated(b"") == []


@given(st.integers(1, 400), st.integers(1, 8))
async def test_long_pieces_in_chunks_of_any_size(size: int, long: int) -> None:
    """Nothing is lost where a piece is full when a chunk ends."""
    content = (b"ab" * long + b"c") * (4 * PIECE_BYTES // (2 * long + 1))
    pieces = await _inflated(gzip.compress(content, mtime=0), size=size)

    assert b"".join(pieces) == content
    assert max(map(len, pieces)) <= PIECE_BYTES
