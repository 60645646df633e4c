"""How a picture is to look: the rendering parameters of PS3.18 Section 8.3.5, read and applied.

A parameter that cannot be obeyed is refused: the picture would be another than the one that was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from dicomveil_proxy.errors import BadRequest

_NUMBER = r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?"
_PARAMETERS = {
    "quality": re.compile("[0-9]{1,3}"),
    "viewport": re.compile(rf"[0-9]{{1,5}},[0-9]{{1,5}}(?:,(?:{_NUMBER})?){{0,4}}"),
    "window": re.compile(rf"{_NUMBER},{_NUMBER}(?:,(?:linear|linear-exact|sigmoid))?", re.IGNORECASE),
}
"""Those that are supported, and how their values look."""
_MAXIMUM_SIDE = 8192
"""A viewport beyond this asks for memory, not for a picture."""


@dataclass(frozen=True)
class Window:
    """Which values become black and white, and how those between (PS3.3 Section C.11.2.1)."""

    center: float
    width: float
    function: str = "linear"

    def greys(self, values: Any) -> Any:
        """Values as numbers from 0 to 255."""
        if self.function == "sigmoid":
            with np.errstate(over="ignore"):
                return 255 / (1 + np.exp(-4 * (values - self.center) / self.width))
        if self.function == "linear-exact":
            share = (values - self.center) / self.width + 0.5
        elif self.width == 1:
            share = values > self.center - 0.5
        else:
            share = (values - (self.center - 0.5)) / (self.width - 1) + 0.5
        return np.clip(share, 0, 1) * 255


@dataclass(frozen=True)
class Viewport:
    """The size of a picture, and which part of the image it shows."""

    width: int
    height: int
    left: float = 0
    top: float = 0
    columns: float | None = None
    rows: float | None = None

    def show(self, picture: Image.Image) -> Image.Image:
        """The part of the picture, as large as fits into the size. Raises BadRequest where there is nothing of it."""
        right = picture.width if self.columns is None else min(picture.width, self.left + self.columns)
        bottom = picture.height if self.rows is None else min(picture.height, self.top + self.rows)
        box = (round(self.left), round(self.top), round(right), round(bottom))
        if box[0] >= box[2] or box[1] >= box[3]:
            raise BadRequest("the viewport shows nothing of the image")
        part = picture.crop(box) if box != (0, 0, *picture.size) else picture
        width, height = (max(1, min(_MAXIMUM_SIDE, side)) for side in (self.width, self.height))
        scale = min(width / part.width, height / part.height)
        return part.resize((max(1, round(part.width * scale)), max(1, round(part.height * scale))))


@dataclass(frozen=True)
class Looks:
    """All that a request says of a picture's looks."""

    window: Window | None = None
    viewport: Viewport | None = None
    quality: int = 90

    @classmethod
    def parse(cls, params: Mapping[str, str]) -> Looks:
        """Raises BadRequest for other parameters, such as `annotation`, and for values that are none."""
        rendering_query(params)
        window: Window | None = None
        if text := params.get("window"):
            center, width, *function = text.lower().split(",")
            window = Window(float(center), float(width), *function)
            if window.width < (1 if window.function == "linear" else 1e-6):
                raise BadRequest("the width of a window is 1 at least; that of linear-exact and sigmoid, above 0")
        viewport: Viewport | None = None
        if text := params.get("viewport"):
            wide, high, *source = text.split(",")
            left, top, columns, rows = [float(side) if side else None for side in (*source, *[""] * 4)[:4]]
            if min(left or 0, top or 0) < 0 or any(side is not None and side <= 0 for side in (columns, rows)):
                raise BadRequest("the part of the image in a viewport is not mirrored, and is not empty")
            viewport = Viewport(int(wide), int(high), left or 0, top or 0, columns, rows)
        return cls(window, viewport, max(1, min(100, int(params.get("quality", 90)))))

    @property
    def are_common(self) -> bool:
        """Whether origin servers obey them: others ignore the function of a window, or the part of the image."""
        is_plain = self.window is None or self.window.function == "linear"
        view = self.viewport
        return is_plain and (view is None or view == Viewport(view.width, view.height))


def rendering_query(params: Mapping[str, str]) -> str:
    """The query of a rendering transaction; raise BadRequest for anything else, e.g. `annotation`."""
    for name, value in params.items():
        if name not in _PARAMETERS:
            raise BadRequest(f"the rendering parameters are {', '.join(_PARAMETERS)}")
        if not _PARAMETERS[name].fullmatch(value):
            raise BadRequest(f"the value of {name} is not one of its possible values")
    return "&".join(f"{name}={value}" for name, value in params.items())
