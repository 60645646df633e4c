"""Emptying a claim that nobody has checked: (0028,0301) Burned In Annotation NO.

Devices write NO by default, whatever is in the pixels. A warning (YES) is kept. Where text is covered,
`dicomveil_engine.pixels` makes the claim anew. No rule of a configuration names this method: it is the profile's alone.
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
        """Kept, if the value is a warning."""
        return Effect.CHECK

    def supports(self, vr: str) -> bool:
        """Code strings."""
        return vr == "CS"

    def apply(self, element: Element, context: Context) -> Values | None:  # noqa: ARG002
        """The values as they are, or none."""
        return element.values if [text.strip() for text in texts(element)] == ["YES"] else []
