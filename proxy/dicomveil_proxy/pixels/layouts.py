"""What is known of the pixels of instances whose metadata has passed."""

from __future__ import annotations

from collections import OrderedDict

from dicomveil_engine.code_streams.native import PixelLayout


class PixelLayouts:
    """The layouts of the instances that were seen last, by SOP Instance UID."""

    def __init__(self, most: int = 1 << 14) -> None:
        self._most = most
        self._known: OrderedDict[str, PixelLayout] = OrderedDict()
        self._equal: dict[PixelLayout, PixelLayout] = {}

    def get(self, instance: str) -> PixelLayout | None:
        """The layout of an instance, if it is known."""
        return self._known.get(instance)

    def put(self, instance: str, layout: PixelLayout) -> None:
        """Cache a layout; the oldest is dropped. Equal ones, as of a series, are one object."""
        if len(self._equal) > self._most:
            self._equal.clear()
        self._known[instance] = self._equal.setdefault(layout, layout)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
