"""Draw docs/pictures/pixels-*.png: frames before and after their text was covered.

    PYTHONPATH=tests python scripts/generate_pixel_pictures.py

The instances are those that pydicom ships with text burnt in, and some that the bench draws: nobody's data.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.data import get_testdata_file

from bench.pixel_drawing import instances
from dicomveil_engine import load_policy
from dicomveil_engine.pixels.elements import read_instance
from dicomveil_engine.pixels.frames import InstanceFrames
from dicomveil_engine.pixels.header import PixelHeader
from dicomveil_engine.pixels.layout import PixelLimits
from dicomveil_engine.pixels.looker import Looker
from dicomveil_engine.pixels.release import released_instance
from dicomveil_engine.pixels.renderings import Picture, pictures_of

TARGET = Path(__file__).parents[1] / "docs" / "pictures"
SHIPPED = (
    "examples_palette.dcm",
    "examples_jpeg2k.dcm",
    "examples_rgb_color.dcm",
    "examples_ybr_color.dcm",
    "GDCMJ2K_TextGBR.dcm",
)
_GAP = 12
_WIDEST = 1100


def shown(data: bytes) -> Picture:
    """The first frame."""
    elements = read_instance(data)
    assert elements is not None
    header = PixelHeader.from_elements(elements)
    return pictures_of(InstanceFrames(elements, header, PixelLimits()).shown(1), header)[0]


def side_by_side(before: Picture, after: Picture) -> Image.Image:
    """Both, one above the other where they are wide."""
    axis = 0 if before.shape[1] > 1.4 * before.shape[0] else 1
    gap = np.full((_GAP, before.shape[1], 3) if axis == 0 else (before.shape[0], _GAP, 3), 255, np.uint8)
    picture = Image.fromarray(np.concatenate([before, gap, after], axis=axis))
    if picture.width > _WIDEST:
        picture = picture.resize((_WIDEST, picture.height * _WIDEST // picture.width))
    return picture.quantize(96)


def main() -> None:
    """Write all pictures."""
    looker = Looker()
    for settings in ("allText", "sensitiveText"):
        policy = load_policy({"profile": "basic", "pixels": {"text": settings, "gate": "look"}}, bytes(32))
        drawn = {one.name: one.data for one in instances(8, 3) if one.name[:3] in {"000", "006"}}
        shipped = {name: Path(str(get_testdata_file(name))).read_bytes() for name in SHIPPED}
        for name, data in {**drawn, **shipped}.items():
            short = name.partition(".dcm")[0].replace("examples_", "").split(" ")
            label = f"pixels-{(short[1] if len(short) > 1 else short[0]).lower().replace('_', '-')}"
            if settings == "sensitiveText" and not name.startswith("000"):
                continue
            suffix = "-sensitive" if settings == "sensitiveText" else ""
            after = released_instance(data, policy, looker)
            side_by_side(shown(data), shown(after)).save(TARGET / f"{label}{suffix}.png", optimize=True)
            print(f"{label}{suffix}.png: written")


if __name__ == "__main__":
    main()
