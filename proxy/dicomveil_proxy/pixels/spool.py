"""An instance for a transcoder: written to a temporary folder, and read from there again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from tempfile import TemporaryDirectory

from dicomveil_proxy.errors import NotAcceptable
from dicomveil_proxy.pixels.transcoder import Transcoder

_READ_BYTES = 1 << 20


class InstanceSpool:
    """One de-identified instance. What it writes is readable by the owner alone, and is deleted by `close`."""

    def __init__(self, transcoder: Transcoder, maximum_bytes: int) -> None:
        self._transcoder = transcoder
        self._room = maximum_bytes
        self._folder = TemporaryDirectory(prefix="dicomveil-", ignore_cleanup_errors=True)
        self._source = self._result = Path(self._folder.name, "stored")
        self._target = Path(self._folder.name, "wanted")
        self._file = self._source.open("wb")

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Add some bytes; raises NotAcceptable over the limit."""
        self._room -= len(chunk)
        if self._room < 0:
            raise NotAcceptable("the instance is over limits.origin_instance_bytes; accept transfer-syntax=* for it")
        self._file.write(chunk)

    async def transcode(self, transfer_syntax: str) -> None:
        """Transcode what was written; raises NotAcceptable, and then `chunks` gives what was written."""
        self._file.close()
        await self._transcoder.instance(self._source, self._target, transfer_syntax)
        self._result = self._target

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The outcome."""
        file = await asyncio.to_thread(self._result.open, "rb")
        with file:
            while chunk := await asyncio.to_thread(file.read, _READ_BYTES):
                yield chunk

    def close(self) -> None:
        """Remove what was written."""
        self._file.close()
        self._folder.cleanup()
