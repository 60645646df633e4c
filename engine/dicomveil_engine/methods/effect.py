"""What a method does, in the few words that the rest of the engine needs: an effect per VR.

To know what comes of a decision, ask for its effect, and never which class its method is.
"""

from __future__ import annotations

from enum import Enum


class Effect(Enum):
    """What a method does with the elements of one VR, as far as that is known without a value."""

    KEEP = "kept"
    """As it came, if the value is legal and names nobody; of a sequence, the items are decided one by one."""
    CHECK = "kept or emptied"
    """As it came, or emptied: its value says which."""
    REMOVE = "removed"
    EMPTY = "emptied"
    CONSTANT = "replaced by a constant"
    """By the same in every data set."""
    UID_PSEUDONYM = "UID pseudonyms"
    """By the project's pseudonyms of its UIDs, which depend on nothing else."""
    PATIENT_PSEUDONYM = "patient pseudonyms"
    REPLACE = "replaced"
    """By something of which nothing is the original's."""
    CHANGE = "changed"
    """By something that still says part of what the original said: a cleaned text, a shifted date."""
    BY_TYPE = "by type"
    """Removed, emptied or replaced: `chosen` says which, once the SOP Class is known."""
    JUDGE_ITEMS = "content items"
    """A sequence of content items, each of which is judged by itself (PS3.15 Section E.3.4)."""
    REFUSE = "refused"
    """No safe output exists: `apply` raises."""

    @property
    def keeps(self) -> bool:
        """Whether the element comes out as it is, whatever its value; of a sequence, some of its items may not."""
        return self in {Effect.KEEP, Effect.JUDGE_ITEMS}

    @property
    def leaves_nothing(self) -> bool:
        """Whether no value comes out, whatever it was."""
        return self in {Effect.REMOVE, Effect.EMPTY}

    @property
    def replaces(self) -> bool:
        """Whether a value comes out of which nothing is the original's."""
        return self in {Effect.CONSTANT, Effect.PATIENT_PSEUDONYM, Effect.REPLACE}
