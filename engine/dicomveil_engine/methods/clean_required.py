"""clean, for attributes that may not be empty: where nothing is left of a text, a dummy stands in for it.

PS3.15 action code C on an attribute that may be of Type 1, for which the Basic Profile has D. No rule of a
configuration names this method: it is the profile's alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from dicomveil_engine.methods.base import Context, Element, Method, Values
from dicomveil_engine.methods.clean import Clean
from dicomveil_engine.methods.dummy import constant
from dicomveil_engine.methods.effect import Effect


@dataclass(frozen=True)
class CleanRequired(Method):
    """Clean the texts, and leave something in their place."""

    name: ClassVar[str] = "clean"
    action: ClassVar[str] = "C *cleaned*"
    cleans_by_words: ClassVar[bool] = True

    clean: Clean = field(default_factory=Clean)

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """As `clean`."""
        return Effect.CHANGE

    def supports(self, vr: str) -> bool:
        """The VRs of free text."""
        return self.clean.supports(vr)

    def apply(self, element: Element, context: Context) -> Values | None:
        """The texts without identifying words; what was empty stays so."""
        cleaned = self.clean.apply(element, context)
        return constant(element.vr) if element.values and not cleaned else cleaned
