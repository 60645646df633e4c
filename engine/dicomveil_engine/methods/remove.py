"""remove: the element goes, a sequence with all its items (PS3.15 action code X)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from dicomveil_engine.methods.base import Context, Element, Values
from dicomveil_engine.pseudonyms.keys import Keys


@dataclass(frozen=True)
class Remove:
    """Take the element out of the data set."""

    name: ClassVar[str] = "remove"
    recognises_own_output: ClassVar[bool] = True

    @classmethod
    def from_settings(cls, settings: Mapping[str, object], keys: Keys) -> Self:  # noqa: ARG003
        """It has no settings."""
        return cls()

    def supports(self, vr: str) -> bool:  # noqa: ARG002
        """Every VR, SQ too."""
        return True

    def apply(self, element: Element, context: Context) -> Values | None:  # noqa: ARG002
        """None: no element."""
        return None
