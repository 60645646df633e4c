"""Streamed bodies: their pieces, and generators that are started before the response is."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TypeVar

Piece = bytes | bytearray | memoryview
"""Some bytes of a body. Must not be modified: they may be a slice of a shared buffer."""

_T = TypeVar("_T")


async def primed(generator: AsyncGenerator[_T, None]) -> AsyncGenerator[_T, None]:
    """The generator after its first item was made, so that an error before it can still become a status."""
    try:
        first = await anext(generator)
    except StopAsyncIteration:
        return _nothing()
    except BaseException:
        await generator.aclose()
        raise
    return _with_first([first], generator)


async def gathered(body: AsyncGenerator[Piece, None], limit: int) -> list[Piece] | AsyncGenerator[Piece, None]:
    """All pieces of a body, or a generator of them if they are longer than `limit` bytes."""
    pieces: list[Piece] = []
    size = 0
    try:
        async for piece in body:
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                return _with_first(pieces, body)
    except BaseException:
        await body.aclose()
        raise
    return pieces


async def _nothing() -> AsyncGenerator[_T, None]:
    return
    yield  # an empty generator


async def _with_first(first: list[_T], rest: AsyncGenerator[_T, None]) -> AsyncGenerator[_T, None]:
    try:
        for item in first:
            yield item
        first.clear()
        async for item in rest:
            yield item
    finally:
        await rest.aclose()
