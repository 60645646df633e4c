"""cleanContent: a sequence of content items stays, and its items are cleaned one by one (PS3.15 E.3.4).

What becomes of an item is `structured_content`'s choice. Here is only the mark by which the rewriters know the
sequence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.keep import Keep


@dataclass(frozen=True)
class CleanContent(Keep):
    """Keep the sequence; judge each of its items by concept name and value type."""

    name: ClassVar[str] = "cleanContent"
    action: ClassVar[str] = "C *content items*"

    def effect(self, vr: str) -> Effect:  # noqa: ARG002
        """Each item is judged."""
        return Effect.JUDGE_ITEMS

    def supports(self, vr: str) -> bool:
        """Sequences."""
        return vr == "SQ"
