"""clean: free text loses what identifies and keeps the rest (PS3.15 action code C)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from dicomveil_engine.methods.base import Context, Element, Values
from dicomveil_engine.methods.values import positions_kept, texts
from dicomveil_engine.pseudonyms.keys import Keys

_VRS = frozenset(("LO", "LT", "SH", "ST", "UC", "UT"))


@dataclass(frozen=True)
class Clean:
    """Take identifying words, and whatever is written like an identifier, out of the texts."""

    name: ClassVar[str] = "clean"
    recognises_own_output: ClassVar[bool] = True

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], keys: Keys) -> Self:  # noqa: ARG003
        """It has no settings."""
        return cls()

    def supports(self, vr: str) -> bool:
        """The VRs of free text."""
        return vr in _VRS

    def apply(self, element: Element, context: Context) -> Values | None:
        """The texts without identifying words; `element.values` itself when nothing had to go."""
        remove_from = context.identifying.remove_from
        values = texts(element)
        cleaned = [remove_from(text) for text in values]
        return positions_kept(cleaned) if cleaned != values else element.values
