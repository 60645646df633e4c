"""Pictures that an origin server drew, drawn again: no byte of theirs passes, and nothing but their pixels."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from dicomveil_proxy.errors import NotAcceptable

FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF"}
_QUALITY = 95
"""JPEG quality, so that the second loss is not seen."""
_GREY = frozenset(("1", "L", "I", "I;16", "F", "LA"))


def redraw(picture: bytes, media_type: str, most_pixels: int) -> bytes:
    """The same picture, or the same pictures one after the other, without comments, profiles and thumbnails.

    Raises NotAcceptable for what is no such picture, or has more pixels.
    """
    if media_type not in FORMATS:
        raise NotAcceptable(f"rendered as {', '.join(FORMATS)} only")
    refusal = NotAcceptable("the origin server's picture cannot be drawn again here")
    try:
        with Image.open(BytesIO(picture), formats=(FORMATS[media_type],)) as opened:
            count = getattr(opened, "n_frames", 1)
            is_small = opened.width * opened.height * count <= most_pixels
            duration = opened.info.get("duration")
            drawn = []
            for number in range(count if is_small else 0):
                opened.seek(number)
                drawn.append(_bare(opened))
    except Exception:  # noqa: BLE001 - Pillow raises nearly anything
        raise refusal from None
    if not drawn:
        raise refusal
    encoded = BytesIO()
    if media_type == "image/jpeg":
        drawn[0].save(encoded, "JPEG", quality=_QUALITY)
    elif count > 1:
        timing = {"duration": int(duration), "loop": 0} if isinstance(duration, int | float) else {}
        drawn[0].save(encoded, FORMATS[media_type], save_all=True, append_images=drawn[1:], **timing)
    else:
        drawn[0].save(encoded, FORMATS[media_type])
    return encoded.getvalue()


def _bare(opened: Image.Image) -> Image.Image:
    """The pixels alone: what Pillow knows beside them it would write again."""
    mode = "L" if opened.mode in _GREY else "RGB"
    bare = Image.new(mode, opened.size)
    bare.paste(opened.convert(mode))
    return bare
