"""A cache of the pixel layouts of instances whose metadata was read."""

from __future__ import annotations

from collections import OrderedDict

from dicomveil_engine.code_streams.native import PixelLayout


class PixelLayouts:
    """The latest layouts, by SOP Instance UID."""

    def __init__(self, most: int = 1 << 14) -> None:
        self._most = most
        self._known: OrderedDict[str, PixelLayout] = OrderedDict()
        self._equal: dict[PixelLayout, PixelLayout] = {}

    def get(self, instance: str) -> PixelLayout | None:
        """The layout of an instance, if it is known."""
        return self._known.get(instance)

    def put(self, instance: str, layout: PixelLayout) -> None:
        """Cache a layout, and drop the oldest beyond the limit. Equal layouts, as in a series, share one object."""
        if len(self._equal) > self._most:
            self._equal.clear()
        self._known[instance] = self._equal.setdefault(layout, layout)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
