"""Encodes an origin server's pictures again, so that only their pixels are released."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from dicomveil_proxy.errors import NotAcceptable

FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF"}
_QUALITY = 95
"""JPEG quality at which the second compression is not visible."""
_GREY = frozenset(("1", "L", "I", "I;16", "F", "LA"))


def redraw(picture: bytes, media_type: str, most_pixels: int) -> bytes:
    """The same picture, animated if it was, without comments, profiles and thumbnails.

    Raises NotAcceptable if it is not such a picture, or has too many pixels.
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
    except Exception:  # noqa: BLE001 - Pillow raises exceptions of any kind
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
    """The pixels only: Pillow would write the metadata of an opened picture again."""
    mode = "L" if opened.mode in _GREY else "RGB"
    bare = Image.new(mode, opened.size)
    bare.paste(opened.convert(mode))
    return bare
