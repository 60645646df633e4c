"""Frames and pixel data of a stored instance as parts."""

from __future__ import annotations

from io import BytesIO

import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate

from dicomveil_proxy.errors import UnknownResource
from dicomveil_proxy.origin.frame_parts import frame_parts, pixel_data_parts
from dicomveil_proxy.wire.multipart import PartData
from proxy.fakes import instance

pytestmark = pytest.mark.anyio

JPEG = "1.2.840.10008.1.2.4.50"
PIXEL_DATA = 0x7FE00010


def encapsulated(count: int) -> tuple[bytes, list[bytes]]:
    """An instance with this number of frames, and the frames."""
    frames = [b"\xff\xd8frame %04d\xff\xd9" % number for number in range(count)]

    def change(dataset: Dataset) -> None:
        dataset.NumberOfFrames = count
        dataset.PixelData = encapsulate(frames)
        dataset["PixelData"].is_undefined_length = True
        dataset["PixelData"].VR = "OB"

    return instance(transfer_syntax=JPEG, change=change), frames


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_encapsulated_pixel_data(count: int) -> None:
    """Each frame is a part, the first and the last one, too."""
    data, frames = encapsulated(count)
    events = [event async for event in pixel_data_parts(BytesIO(data), PIXEL_DATA)]
    asked = [event async for event in frame_parts(BytesIO(data), [count, 1])]

    assert [bytes(event.data) for event in events if isinstance(event, PartData)] == frames
    assert [bytes(event.data) for event in asked if isinstance(event, PartData)] == [frames[-1], frames[0]]


async def test_pixel_data_of_another_kind() -> None:
    """Only the element that the instance has is its pixel data, and only frames that it has are its frames."""
    file = BytesIO(instance())

    with pytest.raises(UnknownResource):
        await anext(pixel_data_parts(file, 0x7FE00008))
    for number in (0, 3):
        with pytest.raises(UnknownResource):
            await anext(frame_parts(file, [number]))
