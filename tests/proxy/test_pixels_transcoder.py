"""The processes that transcode: they do what they are told, and harm nobody else when they fail."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread

from dicomveil_proxy.errors import NotAcceptable
from dicomveil_proxy.pixels import Transcoder, TranscodingLimits
from dicomveil_proxy.pixels.frame import EXPLICIT_LITTLE, RLE, encode_frame
from proxy.pictures import GREY, picture, raw

pytestmark = pytest.mark.anyio


@pytest.fixture
async def transcoder() -> AsyncIterator[Transcoder]:
    """With one process."""
    made = Transcoder(TranscodingLimits(processes=1))
    yield made
    await made.aclose()


FRAME = raw(GREY)[0]
ENCODED = encode_frame(FRAME, RLE, GREY)


async def test_frames_and_instances(transcoder: Transcoder, tmp_path: Path) -> None:
    """One process does many tasks, one after the other, and goes on after a refusal."""
    (tmp_path / "stored").write_bytes(picture(RLE))
    assert await transcoder.frame(ENCODED, RLE, EXPLICIT_LITTLE, GREY) == FRAME
    [process] = transcoder._idle
    with pytest.raises(NotAcceptable, match="cannot be decoded here"):
        await transcoder.frame(b"Doe^Jane", RLE, EXPLICIT_LITTLE, GREY)
    await asyncio.gather(
        transcoder.instance(tmp_path / "stored", tmp_path / "wanted", EXPLICIT_LITTLE),
        transcoder.frame(FRAME, EXPLICIT_LITTLE, RLE, GREY),
    )

    assert dcmread(tmp_path / "wanted").PixelData == b"".join(raw(GREY))
    assert transcoder._idle == [process]


async def test_a_process_that_dies(transcoder: Transcoder) -> None:
    """Its task is refused; the next one gets another process."""
    await transcoder.frame(ENCODED, RLE, EXPLICIT_LITTLE, GREY)
    os.kill(transcoder._idle[0].pid, 9)
    with pytest.raises(NotAcceptable, match="cannot be decoded here"):
        await transcoder.frame(ENCODED, RLE, EXPLICIT_LITTLE, GREY)

    assert await transcoder.frame(ENCODED, RLE, EXPLICIT_LITTLE, GREY) == FRAME


async def test_a_task_that_takes_too_long() -> None:
    """Its process is ended with it."""
    transcoder = Transcoder(TranscodingLimits(seconds=0.001))
    with pytest.raises(NotAcceptable, match=r"limits\.transcoding_seconds"):
        await transcoder.frame(ENCODED, RLE, EXPLICIT_LITTLE, GREY)
    assert not transcoder._idle


async def test_a_task_that_nobody_waits_for(transcoder: Transcoder) -> None:
    """A user agent that goes away takes its process with it."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await transcoder.frame(ENCODED, RLE, EXPLICIT_LITTLE, GREY)
    assert not transcoder._idle
    assert await transcoder.frame(ENCODED, RLE, EXPLICIT_LITTLE, GREY) == FRAME


async def test_a_decompression_bomb(transcoder: Transcoder) -> None:
    """Refused before a process is begun."""
    with pytest.raises(NotAcceptable, match=r"limits\.decoded_bytes"):
        await transcoder.frame(ENCODED, RLE, EXPLICIT_LITTLE, replace(GREY, frames=1 << 30))
    assert not transcoder._idle


async def test_memory_is_limited() -> None:
    """What a code stream asks for beyond the limit is refused, not taken from the machine."""
    described = replace(GREY, rows=16384, columns=16384, frames=1)
    transcoder = Transcoder(TranscodingLimits(memory_bytes=1 << 30))
    try:
        with pytest.raises(NotAcceptable):
            await transcoder.frame(ENCODED, RLE, EXPLICIT_LITTLE, described)
    finally:
        await transcoder.aclose()


async def test_the_process_knows_no_secret(transcoder: Transcoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment stays behind: the origin's URL may hold a password."""
    monkeypatch.setenv("DICOMVEIL_ORIGIN", "http://user:password-1@origin.test")
    await transcoder.frame(ENCODED, RLE, EXPLICIT_LITTLE, GREY)
    try:
        environment = await asyncio.to_thread(Path(f"/proc/{transcoder._idle[0].pid}/environ").read_bytes)
    except FileNotFoundError:
        pytest.skip("this system does not show a process's environment")

    assert b"PATH" in environment
    assert b"password-1" not in environment
