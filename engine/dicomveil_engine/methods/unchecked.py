"""Emptying (0028,0301) Burned In Annotation, unless it is YES.

Many devices write NO by default, whatever the pixels show, so that the claim must not be passed on unchecked; the
warning YES is kept. If the pixels are cleaned, `dicomveil_engine.pixels` sets the value. Only the profile uses this
method; rules cannot name it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dicomveil_engine.methods.base import Context, Element, Method, Values
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.values import texts


@dataclass(frozen=True)
class EmptyUnchecked(Method):
    """Keep YES; empty everything else."""

    name: ClassVar[str] = "emptyUnchecked"
    action: ClassVar[str] = "K *if YES, else* Z"

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """Kept if the value is YES."""
        return Effect.CHECK

    def supports(self, vr: str) -> bool:
        """CS only."""
        return vr == "CS"

    def apply(self, element: Element, context: Context) -> Values | None:  # noqa: ARG002
        """The value YES, or none."""
        return element.values if [text.strip() for text in texts(element)] == ["YES"] else []
