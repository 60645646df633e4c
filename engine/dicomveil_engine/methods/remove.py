"""remove: the element is removed, including a sequence with all its items (PS3.15 action code X)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dicomveil_engine.methods.base import Context, Element, Method, Values, without_settings
from dicomveil_engine.methods.effect import Effect


@dataclass(frozen=True)
class Remove(Method):
    """Remove the element from the data set."""

    name: ClassVar[str] = "remove"
    action: ClassVar[str] = "X"

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """Removed, whatever the VR."""
        return Effect.REMOVE

    def supports(self, vr: str) -> bool:  # noqa: ARG002
        """Every VR, including SQ."""
        return True

    def apply(self, element: Element, context: Context) -> Values | None:  # noqa: ARG002
        """None, which removes the element."""
        return None


BUILDER = without_settings(Remove)
