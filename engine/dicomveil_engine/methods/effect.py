"""The effect of a method on a VR, in the terms that the rest of the engine needs.

Other code looks at the effect of a method, never at its class.
"""

from __future__ import annotations

from enum import Enum


class Effect(Enum):
    """What a method does with the elements of one VR, as far as that is known without a value."""

    KEEP = "kept"
    """Unchanged, if the value is legal and does not identify; a sequence is recursed into."""
    CHECK = "kept or emptied"
    """Unchanged or emptied, depending on the value."""
    REMOVE = "removed"
    EMPTY = "emptied"
    CONSTANT = "replaced by a constant"
    """The same in every data set."""
    UID_PSEUDONYM = "UID pseudonyms"
    """The project's pseudonyms of the UIDs, which depend on nothing else."""
    PATIENT_PSEUDONYM = "patient pseudonyms"
    REPLACE = "replaced"
    """Nothing of the original value is left."""
    CHANGE = "changed"
    """Part of the original value is left, as in a cleaned text or a shifted date."""
    BY_TYPE = "by type"
    """Removed, emptied or replaced, as `Method.chosen` decides once the SOP Class is known."""
    JUDGE_ITEMS = "content items"
    """A sequence of content items, each of which is decided on (PS3.15 Section E.3.4)."""
    REFUSE = "refused"
    """There is no safe output; `apply` raises."""

    @property
    def keeps(self) -> bool:
        """Whether the element is kept; items of a sequence may still be removed."""
        return self in {Effect.KEEP, Effect.JUDGE_ITEMS}

    @property
    def leaves_nothing(self) -> bool:
        """Whether no value is left."""
        return self in {Effect.REMOVE, Effect.EMPTY}

    @property
    def replaces(self) -> bool:
        """Whether there is a value, with nothing of the original in it."""
        return self in {Effect.CONSTANT, Effect.PATIENT_PSEUDONYM, Effect.REPLACE}
