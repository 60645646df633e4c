"""clean: free text loses what identifies and keeps the rest (PS3.15 action code C)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dicomveil_engine.methods.base import Context, Element, Method, Values, without_settings
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.values import positions_kept, texts

_VRS = frozenset(("LO", "LT", "SH", "ST", "UC", "UT"))


@dataclass(frozen=True)
class Clean(Method):
    """Take identifying words, and whatever is written like an identifier, out of the texts."""

    name: ClassVar[str] = "clean"
    action: ClassVar[str] = "C *cleaned*"
    cleans_by_words: ClassVar[bool] = True

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """What does not identify remains."""
        return Effect.CHANGE

    def supports(self, vr: str) -> bool:
        """The VRs of free text."""
        return vr in _VRS

    def apply(self, element: Element, context: Context) -> Values | None:
        """The texts without identifying words; `element.values` itself when nothing had to go."""
        remove_from = context.identifying.remove_from
        values = texts(element)
        cleaned = [remove_from(text) for text in values]
        return positions_kept(cleaned) if cleaned != values else element.values


BUILDER = without_settings(Clean)
