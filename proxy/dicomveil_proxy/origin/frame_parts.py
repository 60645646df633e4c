"""Frames and pixel data of a stored instance as the parts of a multipart response.

pydicom, which reads the instance, is imported when it is needed: a server starts faster without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import BinaryIO

from dicomveil_proxy.errors import UnknownResource
from dicomveil_proxy.wire.multipart import Event, PartData, PartEnd, PartStart


def whole_part(content_type: str, value: bytes) -> tuple[PartStart, PartData, PartEnd]:
    """The events of a part that is in memory."""
    headers = {"content-type": content_type, "content-length": str(len(value))}
    return PartStart(headers), PartData(value), PartEnd()


async def frame_parts(file: BinaryIO, frames: Sequence[int]) -> AsyncGenerator[Event, None]:
    """Each of the frames, numbered from 1, as a part. Raises UnknownResource before the first event."""
    from dicomveil_proxy.pixels.frames import StoredFrames  # noqa: PLC0415 - pydicom, see the module's docstring

    stored = await asyncio.to_thread(StoredFrames, file)
    stored.check(frames)
    for number in frames:
        for event in whole_part(stored.content_type, await asyncio.to_thread(stored.frame, number)):
            yield event


async def pixel_data_parts(file: BinaryIO, tag: int) -> AsyncGenerator[Event, None]:
    """The pixel data element `tag`: native data as one part, encapsulated data with a part for each frame.

    Raises UnknownResource if the instance has no such element.
    """
    from dicomveil_proxy.pixels.frames import StoredFrames  # noqa: PLC0415 - pydicom, see the module's docstring

    stored = await asyncio.to_thread(StoredFrames, file)
    if stored.tag != tag:
        raise UnknownResource("the instance has no such pixel data")
    if stored.encapsulated:
        for number in range(1, stored.count + 1):
            for event in whole_part(stored.content_type, await asyncio.to_thread(stored.frame, number)):
                yield event
        return
    yield PartStart({"content-type": stored.content_type, "content-length": str(stored.length)})
    for chunk in stored.value():
        yield PartData(chunk)
    yield PartEnd()
