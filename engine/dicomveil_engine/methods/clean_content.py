"""cleanContent: a sequence of content items is kept, and its items are cleaned one by one (PS3.15 Section E.3.4).

`structured_content` decides on each item; this method only labels the sequence for the rewriters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.keep import Keep


@dataclass(frozen=True)
class CleanContent(Keep):
    """Keep the sequence, and decide on each of its items by concept name and value type."""

    name: ClassVar[str] = "cleanContent"
    action: ClassVar[str] = "C *content items*"

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """Each item is decided on."""
        return Effect.JUDGE_ITEMS

    def supports(self, vr: str) -> bool:
        """SQ only."""
        return vr == "SQ"
