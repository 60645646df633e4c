"""What stands in the place of a finding: by infotype, and by the attribute that the text comes from.

Nothing does unless a policy says otherwise: findings are removed.
"""

from __future__ import annotations

from collections.abc import Callable
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
    ENCRYPT = "encrypt"
    """Ciphertext in Base64."""
    PERTURB = "perturb"
    """A number near an age's."""
    SUBSTITUTE = "substitute"
    """A text of the policy's."""
    GENERALIZE = "generalize"
    """A date becomes its year or another period, an age its bin."""
    KEEP = "keep"


Made = Callable[[str, str, str], str]
"""The infotype of a finding, its text and the original's StudyInstanceUID → what stands in its place; none: nothing."""


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
    made: Made | None = field(default=None, repr=False, compare=False)
    """What encrypts, perturbs, substitutes or generalizes."""
    source: str = field(default="", repr=False)
    """All that `made` depends on."""
    is_stable: bool = True
    """Whether what is made of its own outcome is the same again."""


REMOVE = Change()


@dataclass(frozen=True)
class Choice:
    """Which findings change in one way."""

    change: Change
    infotypes: frozenset[str] = frozenset()
    """None: all that no other choice names."""
    tags: frozenset[int] = frozenset()
    """Tags of the attributes whose texts are meant; without tags and VRs all are."""
    vrs: frozenset[str] = frozenset()
    """VRs of the attributes whose texts are meant, beside those of the tags."""

    def is_for(self, tag: int, vr: str) -> bool:
        """Whether the texts of an attribute are meant."""
        return not (self.tags or self.vrs) or tag in self.tags or vr in self.vrs


@dataclass(frozen=True)
class Changes:
    """All that a policy says of findings."""

    choices: tuple[Choice, ...] = ()

    def of(self, infotype: str, tag: int, vr: str = "", *, is_own: bool = False) -> Change:
        """The change of a finding in an attribute's text; `is_own`: it is a value of the instance's own."""
        if not self.choices:
            return REMOVE
        here = [choice for choice in self.choices if choice.is_for(tag, vr)]
        # What names an attribute comes before what names a VR, and that before what names neither.
        here.sort(key=lambda choice: (tag not in choice.tags, vr not in choice.vrs))
        for names in ({OWN_VALUE} if is_own else set(), {str(infotype)}):
            for choice in here:
                if choice.infotypes & names:
                    return choice.change
        return next((choice.change for choice in here if not choice.infotypes), REMOVE)

    @property
    def shifts(self) -> tuple[Change, ...]:
        """Those that move dates."""
        return tuple(choice.change for choice in self.choices if choice.change.way is Way.SHIFT)

    @property
    def needs_study(self) -> bool:
        """Whether what is made depends on the study."""
        return any(choice.change.way is Way.PERTURB for choice in self.choices)


REMOVE_ALL = Changes()
