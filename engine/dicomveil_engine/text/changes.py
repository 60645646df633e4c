"""What stands in the place of a finding: by infotype, and by the attribute that the text comes from.

Nothing does unless a policy says otherwise: findings are removed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from dicomveil_engine.pseudonyms.dates import DateShift

OWN_VALUE = "CTX"
"""The infotype of a finding that is a value of the instance's own, where a policy names it. Google's word."""


class Way(Enum):
    """How a finding changes, as configurations write it."""

    REMOVE = "remove"
    MASK = "mask"
    """Each character becomes another one."""
    INFOTYPE = "infoType"
    """Its infotype in brackets."""
    HASH = "cryptoHash"
    """HMAC-SHA-256 in Base64."""
    SHIFT = "dateShift"
    """A date moves, in its notation; what cannot be read as a date is removed."""
    KEEP = "keep"


@dataclass(frozen=True)
class Change:
    """One way, with what it needs."""

    way: Way = Way.REMOVE
    mask: str = "*"
    key: bytes = field(default=b"", repr=False)
    """The key of a hash."""
    shift: DateShift | None = field(default=None, repr=False)
    scope: str = "study_instance_uid"
    """The value of the context from which the days are derived (`methods.base.Scope`)."""


REMOVE = Change()


@dataclass(frozen=True)
class Choice:
    """Which findings change in one way."""

    change: Change
    infotypes: frozenset[str] = frozenset()
    """None: all that no other choice names."""
    tags: frozenset[int] = frozenset()
    """Tags of the attributes whose texts are meant; empty: all."""


@dataclass(frozen=True)
class Changes:
    """All that a policy says of findings."""

    choices: tuple[Choice, ...] = ()

    def of(self, infotype: str, tag: int, *, is_own: bool = False) -> Change:
        """The change of a finding in an attribute's text; `is_own`: it is a value of the instance's own."""
        if not self.choices:
            return REMOVE
        here = [choice for choice in self.choices if not choice.tags or tag in choice.tags]
        # What names an attribute comes before what names none.
        here.sort(key=lambda choice: not choice.tags)
        for names in ({OWN_VALUE} if is_own else set(), {str(infotype)}):
            for choice in here:
                if choice.infotypes & names:
                    return choice.change
        return next((choice.change for choice in here if not choice.infotypes), REMOVE)

    @property
    def shifts(self) -> tuple[Change, ...]:
        """Those that move dates."""
        return tuple(choice.change for choice in self.choices if choice.change.way is Way.SHIFT)


REMOVE_ALL = Changes()
