"""keep: the element is not changed, and later rules do not apply to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dicomveil_engine.methods.base import Context, Element, Method, Values, without_settings
from dicomveil_engine.methods.effect import Effect


@dataclass(frozen=True)
class Keep(Method):
    """Leave the element unchanged."""

    name: ClassVar[str] = "keep"
    action: ClassVar[str] = "K"

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """Kept, whatever the VR."""
        return Effect.KEEP

    def supports(self, vr: str) -> bool:  # noqa: ARG002
        """Every VR, including SQ."""
        return True

    def apply(self, element: Element, context: Context) -> Values | None:  # noqa: ARG002
        """The same values."""
        return element.values


BUILDER = without_settings(Keep)
