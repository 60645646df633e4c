"""Decompresses a response's body (RFC 9110 Section 8.4.1) in pieces of bounded size.

A few kilobytes can inflate to gigabytes. The reader of a body checks its length piece by piece, so that no piece may be
large; several encodings on top of each other are refused. No I/O.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator

from dicomveil_proxy.errors import OriginMalformed

PIECE_BYTES = 1 << 18
"""The size of the largest piece."""
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_UNCOMPRESSED = frozenset(("", "identity"))
_KNOWN = frozenset(("gzip", "x-gzip", "deflate"))


async def inflated(body: AsyncIterator[bytes], encoding: str) -> AsyncIterator[bytes]:
    """The body without its content encoding.

    Raises OriginMalformed for an encoding that was not accepted, and for invalid or incomplete data.
    """
    names = [name for part in encoding.split(",") if (name := part.strip().lower()) not in _UNCOMPRESSED]
    if not names:
        async for chunk in body:
            yield chunk
        return
    if len(names) > 1 or names[0] not in _KNOWN:
        raise OriginMalformed("a response of the origin server is encoded in a way that was not asked for")
    decompressor = zlib.decompressobj(_GZIP_OR_ZLIB)
    is_begun = False
    async for chunk in body:
        rest = chunk
        while rest:
            if decompressor.eof:  # a gzip file may have several members (RFC 1952 Section 2.2)
                decompressor = zlib.decompressobj(_GZIP_OR_ZLIB)
            is_begun = True
            try:
                piece = decompressor.decompress(rest, PIECE_BYTES)
            except zlib.error:
                raise OriginMalformed("a compressed response of the origin server cannot be read") from None
            rest = decompressor.unused_data if decompressor.eof else decompressor.unconsumed_tail
            if piece:
                yield piece
            if rest:
                await asyncio.sleep(0)  # one chunk may be a thousand pieces
    if is_begun and not decompressor.eof:
        raise OriginMalformed("a compressed response of the origin server is incomplete")
