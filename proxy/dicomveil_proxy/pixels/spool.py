"""An instance in a temporary folder, for the transcoder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from tempfile import TemporaryDirectory

from dicomveil_proxy.errors import NotAcceptable
from dicomveil_proxy.pixels.transcoder import Transcoder

_READ_BYTES = 1 << 20


class InstanceSpool:
    """One de-identified instance. Its files are readable by the owner only, and deleted by `close`."""

    def __init__(self, transcoder: Transcoder, maximum_bytes: int) -> None:
        self._transcoder = transcoder
        self._room = maximum_bytes
        self._folder = TemporaryDirectory(prefix="dicomveil-", ignore_cleanup_errors=True)
        self._source = self._result = Path(self._folder.name, "stored")
        self._target = Path(self._folder.name, "wanted")
        self._file = self._source.open("wb")

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Write a chunk. Raises NotAcceptable over the limit."""
        self._room -= len(chunk)
        if self._room < 0:
            raise NotAcceptable("the instance is over limits.origin_instance_bytes; accept transfer-syntax=* for it")
        self._file.write(chunk)

    async def transcode(self, transfer_syntax: str) -> None:
        """Transcode the instance. Raises NotAcceptable; `chunks` then gives the instance as written."""
        self._file.close()
        await self._transcoder.instance(self._source, self._target, transfer_syntax)
        self._result = self._target

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The instance in chunks, transcoded if `transcode` succeeded."""
        file = await asyncio.to_thread(self._result.open, "rb")
        with file:
            while chunk := await asyncio.to_thread(file.read, _READ_BYTES):
                yield chunk

    def close(self) -> None:
        """Remove the files."""
        self._file.close()
        self._folder.cleanup()
