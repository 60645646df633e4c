"""clean, for attributes that must not be empty: if nothing is left of a text, it is replaced by a dummy.

For PS3.15 action code C on an attribute that may be Type 1, or for which the Basic Profile has D. Only the profile uses
this method; rules cannot name it.
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
    """Clean the texts; if nothing is left, give a dummy value."""

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
        """The texts without identifying words; an empty value stays empty."""
        cleaned = self.clean.apply(element, context)
        return constant(element.vr) if element.values and not cleaned else cleaned
