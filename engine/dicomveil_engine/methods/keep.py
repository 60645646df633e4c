"""keep: the value passes, and shields the element from later rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dicomveil_engine.methods.base import Context, Element, Method, Values, without_settings
from dicomveil_engine.methods.effect import Effect


@dataclass(frozen=True)
class Keep(Method):
    """Leave the element as it came."""

    name: ClassVar[str] = "keep"
    action: ClassVar[str] = "K"

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """Kept, whatever the VR."""
        return Effect.KEEP

    def supports(self, vr: str) -> bool:  # noqa: ARG002
        """Every VR, SQ too."""
        return True

    def apply(self, element: Element, context: Context) -> Values | None:  # noqa: ARG002
        """The same values."""
        return element.values


BUILDER = without_settings(Keep)
