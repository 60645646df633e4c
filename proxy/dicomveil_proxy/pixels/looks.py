"""The rendering parameters of PS3.18 Section 8.3.5, parsed and applied.

An unsupported parameter is refused: ignoring it would give another picture than the one requested.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dicomveil_proxy.errors import BadRequest

if TYPE_CHECKING:
    from PIL import Image

_NUMBER = r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?"
_PARAMETERS = {
    "quality": re.compile("[0-9]{1,3}"),
    "viewport": re.compile(rf"[0-9]{{1,5}},[0-9]{{1,5}}(?:,(?:{_NUMBER})?){{0,4}}"),
    "window": re.compile(rf"{_NUMBER},{_NUMBER}(?:,(?:linear|linear-exact|sigmoid))?", re.IGNORECASE),
}
"""The supported parameters, and the patterns of their values."""
_MAXIMUM_SIDE = 8192
"""The largest side of a viewport, to bound the memory."""


@dataclass(frozen=True)
class Window:
    """A VOI window: the values shown as black and white, and the function between (PS3.3 Section C.11.2.1)."""

    center: float
    width: float
    function: str = "linear"

    def greys(self, values: Any) -> Any:
        """The values mapped to 0 to 255."""
        import numpy as np  # noqa: PLC0415 - few requests need it

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
    """The size of a picture, and the part of the image that it shows."""

    width: int
    height: int
    left: float = 0
    top: float = 0
    columns: float | None = None
    rows: float | None = None

    def show(self, picture: Image.Image) -> Image.Image:
        """The part of the picture, scaled to fit into the size. Raises BadRequest if it is empty."""
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
    """The rendering parameters of a request."""

    window: Window | None = None
    viewport: Viewport | None = None
    quality: int = 90

    @classmethod
    def parse(cls, params: Mapping[str, str]) -> Looks:
        """Parse parameters. Raises BadRequest for others, such as `annotation`, and for invalid values."""
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
        """Whether origin servers support these values: some ignore the window's function, or the part of the image."""
        is_plain = self.window is None or self.window.function == "linear"
        view = self.viewport
        return is_plain and (view is None or view == Viewport(view.width, view.height))


def rendering_query(params: Mapping[str, str]) -> str:
    """The query string of the parameters. Raises BadRequest for others, such as `annotation`."""
    for name, value in params.items():
        if name not in _PARAMETERS:
            raise BadRequest(f"the rendering parameters are {', '.join(_PARAMETERS)}")
        if not _PARAMETERS[name].fullmatch(value):
            raise BadRequest(f"the value of {name} is not one of its possible values")
    return "&".join(f"{name}={value}" for name, value in params.items())
