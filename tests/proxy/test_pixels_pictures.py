"""An origin server's pictures: the same pixels, and nothing else."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from dicomveil_proxy.errors import NotAcceptable
from dicomveil_proxy.pixels.pictures import FORMATS, redraw
from proxy.fakes import MemoryOrigin, instance, proxy

SECRET = b"Doe^Jane"


def picture(media_type: str, mode: str = "RGB", **options: object) -> bytes:
    file = BytesIO()
    Image.new(mode, (16, 8), 77 if mode in "LP" else (200, 30, 30)).save(file, FORMATS[media_type], **options)
    return file.getvalue()


def secrets(media_type: str) -> dict[str, object]:
    if media_type == "image/png":
        text = PngInfo()
        text.add_text("Patient", SECRET.decode())
        return {"pnginfo": text}
    exif = Image.Exif()
    exif[0x013B] = SECRET.decode()
    return {"comment": SECRET, **({"exif": exif} if media_type == "image/jpeg" else {})}


@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
@pytest.mark.parametrize("media_type", FORMATS)
def test_metadata(media_type: str, mode: str) -> None:
    """Comments, EXIF and text go; the pixels are the same, but for what JPEG loses."""
    if (media_type, mode) == ("image/jpeg", "P"):
        mode = "L"
    original = picture(media_type, mode, **secrets(media_type))
    again = redraw(original + SECRET, media_type, 1000)

    assert SECRET in original
    assert SECRET not in again
    before, after = (np.asarray(Image.open(BytesIO(one)).convert("RGB")).astype(int) for one in (original, again))
    assert np.abs(before - after).max() <= (3 if media_type == "image/jpeg" else 0)


def test_several_pictures() -> None:
    """An animation stays one."""
    file = BytesIO()
    frames = [Image.new("L", (16, 8), value) for value in (10, 200)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=40, comment=SECRET)
    again = redraw(file.getvalue(), "image/gif", 1000)

    assert getattr(Image.open(BytesIO(again)), "n_frames", 1) == 2
    assert SECRET not in again


@pytest.mark.parametrize("data", [b"", SECRET, picture("image/png"), picture("image/jpeg")[:40]])
def test_no_picture(data: bytes) -> None:
    """What is not a picture of the type that it should be is refused."""
    with pytest.raises(NotAcceptable, match="drawn again"):
        redraw(data, "image/jpeg", 1000)


def test_limits() -> None:
    """More pixels than allowed, and other media types, are refused."""
    with pytest.raises(NotAcceptable, match="drawn again"):
        redraw(picture("image/png"), "image/png", 127)
    with pytest.raises(NotAcceptable, match="image/jpeg"):
        redraw(b"", "image/webp", 1000)


@pytest.mark.anyio
async def test_rendered(tmp_path: Path) -> None:
    """No byte of the origin's comment comes out."""
    async with proxy(tmp_path, MemoryOrigin(instance())) as ask:
        for media_type in FORMATS:
            response = await ask.get(f"{ask.path()}/rendered", media_type)
            assert response.status_code == 200
            assert b"Doe" not in response.content
            assert Image.open(BytesIO(response.content)).size == (4, 2)
