"""An instance on its way through a transcoder leaves nothing behind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dicomveil_proxy.errors import NotAcceptable
from dicomveil_proxy.pixels import InstanceSpool, Transcoder


class Copying(Transcoder):
    """Says what it is asked."""

    async def instance(self, source: Path, target: Path, wanted: str) -> None:
        """The same, and the transfer syntax."""
        await asyncio.to_thread(lambda: target.write_bytes(source.read_bytes() + wanted.encode()))


async def _transcoded(spool: InstanceSpool) -> bytes:
    await spool.transcode("1.2.3")
    return b"".join([chunk async for chunk in spool.chunks()])


def test_there_and_back() -> None:
    """What was written comes back transcoded; the folder is the owner's alone, and goes."""
    spool = InstanceSpool(Copying(), 100)
    folder = Path(spool._folder.name)
    spool.write(b"instance ")
    spool.write(memoryview(b"in "))

    assert asyncio.run(_transcoded(spool)) == b"instance in 1.2.3"
    assert folder.stat().st_mode & 0o077 == 0
    spool.close()
    assert not folder.exists()


def test_an_instance_over_the_limit() -> None:
    """Refused, and forgotten."""
    spool = InstanceSpool(Copying(), 10)
    with pytest.raises(NotAcceptable, match=r"limits\.origin_instance_bytes"):
        spool.write(bytes(11))
    spool.close()
    assert not Path(spool._folder.name).exists()
