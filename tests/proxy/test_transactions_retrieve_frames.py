"""Frames in the transfer syntax that the user agent takes: as stored where it can be, transcoded where it must be."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomveil_proxy.pixels.frame import EXPLICIT_LITTLE, JPEG_2000, JPEG_LS, RLE, encode_frame
from proxy.fakes import BASE, Asking, MemoryOrigin, instance, parts, proxy
from proxy.pictures import GREY, picture, raw

pytestmark = pytest.mark.anyio

JPEG = "1.2.840.10008.1.2.4.50"
JPEG_2000_PART_2 = "1.2.840.10008.1.2.4.92"
BYTES = 'multipart/related; type="application/octet-stream"'
RLE_TYPE = f"image/dicom-rle;transfer-syntax={RLE}"
NATIVE_TYPE = f"application/octet-stream;transfer-syntax={EXPLICIT_LITTLE}"


FRAMES = raw(GREY)
STORED = [encode_frame(frame, RLE, GREY) for frame in FRAMES]
LS = [encode_frame(frame, JPEG_LS, GREY) for frame in FRAMES]


@pytest.mark.parametrize(
    ("accept", "content_type", "expected"),
    [
        # as stored: who takes it, any, or anything
        (None, RLE_TYPE, STORED),
        ("*/*", RLE_TYPE, STORED),
        ('multipart/related; type="*/*"', RLE_TYPE, STORED),
        ("multipart/related; type=application/octet-stream; transfer-syntax=*", RLE_TYPE, STORED),
        ('multipart/related; type="image/dicom-rle"', RLE_TYPE, STORED),
        (f"{BYTES}; transfer-syntax={RLE}", RLE_TYPE, STORED),
        (f'{BYTES}, multipart/related; type="image/dicom-rle"', RLE_TYPE, STORED),
        # decoded: who takes bytes and names no transfer syntax, or names explicit VR little endian
        (BYTES, NATIVE_TYPE, FRAMES),
        (f"{BYTES}; transfer-syntax={EXPLICIT_LITTLE}", NATIVE_TYPE, FRAMES),
        (f'{BYTES}, multipart/related; type="image/dicom-rle"; q=0.9', NATIVE_TYPE, FRAMES),
        (f"{BYTES}, {BYTES}; transfer-syntax={RLE}; q=0", NATIVE_TYPE, FRAMES),
        # encoded anew
        (f"multipart/related; type=image/jls; transfer-syntax={JPEG_LS}", f"image/jls;transfer-syntax={JPEG_LS}", LS),
        ('multipart/related; type="image/jls"', f"image/jls;transfer-syntax={JPEG_LS}", LS),
    ],
)
async def test_what_is_asked_for(tmp_path: Path, accept: str | None, content_type: str, expected: list[bytes]) -> None:
    """PS3.18 Section 8.7.3; of equal wishes the one that needs no transcoding."""
    async with proxy(tmp_path, MemoryOrigin(picture(RLE))) as ask:
        response = await ask.get(f"{ask.path()}/frames/1,2", accept)

    assert response.status_code == 200, response.text
    assert [headers["content-type"] for headers, _ in parts(response)] == [content_type] * 2
    assert [body for _, body in parts(response)] == expected


async def test_one_frame_without_multipart(tmp_path: Path) -> None:
    """`application/octet-stream` is the decoded frame, whatever it is stored in."""
    async with proxy(tmp_path, MemoryOrigin(picture(JPEG_2000))) as ask:
        response = await ask.get(f"{ask.path()}/frames/2", "application/octet-stream")

    assert (response.headers["content-type"], response.content) == (NATIVE_TYPE, FRAMES[1])


async def refusal(ask: Asking, accept: str) -> str:
    """Of the first frame."""
    response = await ask.get(f"{ask.path()}/frames/1", accept)
    assert response.status_code == 406
    return str(response.json()["detail"])


CODE_STREAM = b"\xff\x4f\xff\x51\0\4ab\xff\xd9"
"""Of JPEG 2000, as far as it is looked at here."""


async def test_what_cannot_be_decoded(tmp_path: Path) -> None:
    """406, and in which transfer syntax it could be had; as stored it can."""
    async with proxy(tmp_path, MemoryOrigin(picture(JPEG_2000_PART_2, frames=[CODE_STREAM] * 2))) as ask:
        assert JPEG_2000_PART_2 in await refusal(ask, "application/octet-stream")
        stored = await ask.get(f"{ask.path()}/frames/1", 'multipart/related; type="image/jpx"')

    assert [body for _, body in parts(stored)] == [CODE_STREAM]


async def test_pixels_that_are_damaged(tmp_path: Path) -> None:
    """406, in our own words."""
    async with proxy(tmp_path, MemoryOrigin(picture(RLE, frames=[b"Doe^Jane"] * 2))) as ask:
        assert "cannot be decoded here" in await refusal(ask, BYTES)


async def test_a_decompression_bomb(tmp_path: Path) -> None:
    """Refused by what the attributes say, or by what is sent; as stored it passes."""
    limits = {"decoded_bytes": len(STORED[0]) + 10}
    assert limits["decoded_bytes"] < 2 * len(FRAMES[0])
    async with proxy(tmp_path, MemoryOrigin(picture(RLE)), limits=limits) as ask:
        assert "limits.decoded_bytes" in await refusal(ask, BYTES)
        assert (await ask.get(f"{ask.path()}/frames/1")).status_code == 200
    async with proxy(tmp_path, MemoryOrigin(picture(RLE)), limits={"decoded_bytes": 100}) as ask:
        assert "limits.decoded_bytes" in await refusal(ask, BYTES)


async def test_who_takes_what_is_stored_costs_no_metadata(tmp_path: Path) -> None:
    """The origin server is asked how frames are encoded only where they are to be transcoded."""
    origin = MemoryOrigin(picture(RLE))
    async with proxy(tmp_path, origin) as ask:
        await ask.get(f"{ask.path()}/frames/1", f"{BYTES}; transfer-syntax=*")
        asked = [each for each in origin.asked if each.startswith("metadata")]
        await ask.get(f"{ask.path()}/frames/1,2", BYTES)

    assert not asked
    assert len([each for each in origin.asked if each.startswith("metadata")]) == 1


async def test_metadata_in_a_frame(tmp_path: Path) -> None:
    """A comment goes from a frame, and from the same pixels as bulk data; a frame of an unknown kind is refused."""
    frame = b"\xff\xd8\xff\xda\0\2pixels\xff\xd9"
    dirty = frame[:2] + b"\xff\xfe\0\x0aDoe^Jane" + frame[2:]
    async with proxy(tmp_path, MemoryOrigin(picture(JPEG, frames=[dirty, dirty]))) as ask:
        stored = await ask.get(f"{ask.path()}/frames/1,2", 'multipart/related; type="image/jpeg"')
        bulk = await ask.get(f"{ask.path()}/bulk/7fe00010")
    async with proxy(tmp_path, MemoryOrigin(picture(JPEG, frames=[b"Doe^Jane" * 4] * 2))) as ask:
        unknown = await ask.get(f"{ask.path()}/frames/1", 'multipart/related; type="image/jpeg"')

    assert [body for _, body in parts(stored)] == [frame, frame]
    assert bulk.status_code != 200 or b"Doe" not in bulk.content
    assert unknown.status_code == 403
    assert b"Doe" not in unknown.content


async def test_bits_that_no_pixel_has(tmp_path: Path) -> None:
    """Bits above Bits Stored go from native frames, as they do from the instance; metadata is asked for once."""
    frames = [b"\xff\xff" * (GREY.rows * GREY.columns)] * 2
    origin = MemoryOrigin(picture(EXPLICIT_LITTLE, frames=frames))
    async with proxy(tmp_path, origin) as ask:
        for number in (1, 2):
            response = await ask.get(f"{ask.path()}/frames/{number}", "application/octet-stream")
            assert set(response.content[1::2]) == {0x0F}
        assert (await ask.get(f"{ask.path()}/frames/1", "image/jls")).status_code in {200, 406}


async def test_where_each_frame_is(tmp_path: Path) -> None:
    """Parts of frames say by which URL each can be had alone."""
    async with proxy(tmp_path, MemoryOrigin(instance())) as ask:
        frames = parts(await ask.get(f"{ask.path()}/frames/2,1"))
        twice = parts(await ask.get(f"{ask.path()}/frames/1,1"))
        again = await ask.get(frames[0][0]["content-location"].removeprefix(BASE))

    assert [headers["content-location"] for headers, _ in frames] == [f"{BASE}{ask.path()}/frames/{n}" for n in (2, 1)]
    assert parts(again)[0][1] == frames[0][1]
    assert not any("content-location" in headers for headers, _ in twice)
