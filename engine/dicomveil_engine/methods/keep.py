"""keep: the value passes, and shields the element from later rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from dicomveil_engine.methods.base import Context, Element, Values
from dicomveil_engine.pseudonyms.keys import Keys


@dataclass(frozen=True)
class Keep:
    """Leave the element as it came."""

    name: ClassVar[str] = "keep"
    recognises_own_output: ClassVar[bool] = True

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], keys: Keys) -> Self:  # noqa: ARG003
        """It has no settings."""
        return cls()

    def supports(self, vr: str) -> bool:  # noqa: ARG002
        """Every VR, SQ too."""
        return True

    def apply(self, element: Element, context: Context) -> Values | None:  # noqa: ARG002
        """The same values."""
        return element.values
