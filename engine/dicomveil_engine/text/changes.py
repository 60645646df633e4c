"""How findings are changed, by infotype and by the attribute of the text.

By default they are removed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from dicomveil_engine.pseudonyms.dates import DateShift

OWN_VALUE = "CTX"
"""The infotype by which a policy names findings that are values of the instance itself; Google's name."""


class Way(Enum):
    """A way of changing a finding; the value is its name in configurations."""

    REMOVE = "remove"
    MASK = "mask"
    """Each character is replaced by the mask character."""
    INFOTYPE = "infoType"
    """Replaced by its infotype in brackets."""
    HASH = "cryptoHash"
    """Replaced by its HMAC-SHA-256 in Base64."""
    SHIFT = "dateShift"
    """A date is shifted, in its notation; what cannot be read as a date is removed."""
    ENCRYPT = "encrypt"
    """Replaced by ciphertext in Base64."""
    PERTURB = "perturb"
    """An age is replaced by a number near it."""
    SUBSTITUTE = "substitute"
    """Replaced by a text of the policy."""
    GENERALIZE = "generalize"
    """A date is reduced to its year or another period, an age to its bin."""
    KEEP = "keep"


class Undone(Protocol):
    """Decrypts the replacements of findings."""

    @property
    def needs_project_key(self) -> bool:
        """Whether the key is derived from the project key instead of configured."""
        ...

    def decrypted_text(self, text: str) -> str:
        """The finding. Raises InvalidDataSetError if the text was not made with this key."""
        ...


Made = Callable[[str, str, str], str]
"""(infotype of a finding, its text, the original StudyInstanceUID) → the replacement; empty to remove it."""


@dataclass(frozen=True)
class Change:
    """A way of changing findings, with its parameters."""

    way: Way = Way.REMOVE
    mask: str = "*"
    key: bytes = field(default=b"", repr=False)
    """The key of a hash."""
    shift: DateShift | None = field(default=None, repr=False)
    scope: str = "study_instance_uid"
    """The attribute of the context from which the days are derived (`methods.base.Scope`)."""
    made: Made | None = field(default=None, repr=False, compare=False)
    """The function that encrypts, perturbs, substitutes or generalizes."""
    source: str = field(default="", repr=False)
    """Everything on which the results of `made` depend."""
    undone: Undone | None = field(default=None, repr=False, compare=False)
    """The decryption of replacements, if they can be decrypted."""
    is_stable: bool = True
    """Whether a second application changes nothing."""


REMOVE = Change()


@dataclass(frozen=True)
class Choice:
    """A change, and the findings to which it applies."""

    change: Change
    infotypes: frozenset[str] = frozenset()
    """The infotypes; if empty, all that no other choice names."""
    tags: frozenset[int] = frozenset()
    """The attributes whose texts are changed; all of them without tags and VRs."""
    vrs: frozenset[str] = frozenset()
    """VRs of further attributes whose texts are changed."""

    def is_for(self, tag: int, vr: str) -> bool:
        """Whether it applies to texts of an attribute."""
        return not (self.tags or self.vrs) or tag in self.tags or vr in self.vrs


@dataclass(frozen=True)
class Changes:
    """The changes of a policy."""

    choices: tuple[Choice, ...] = ()

    def of(self, infotype: str, tag: int, vr: str = "", *, is_own: bool = False) -> Change:
        """The change for a finding in a text of an attribute; `is_own`: it is a value of the instance itself."""
        if not self.choices:
            return REMOVE
        here = [choice for choice in self.choices if choice.is_for(tag, vr)]
        # Choices for an attribute come first, then those for a VR, then the others.
        here.sort(key=lambda choice: (tag not in choice.tags, vr not in choice.vrs))
        for names in ({OWN_VALUE} if is_own else set(), {str(infotype)}):
            for choice in here:
                if choice.infotypes & names:
                    return choice.change
        return next((choice.change for choice in here if not choice.infotypes), REMOVE)

    @property
    def shifts(self) -> tuple[Change, ...]:
        """The changes that shift dates."""
        return tuple(choice.change for choice in self.choices if choice.change.way is Way.SHIFT)

    @property
    def undone(self) -> tuple[Undone, ...]:
        """The ways back from those that have one."""
        return tuple(choice.change.undone for choice in self.choices if choice.change.undone is not None)

    @property
    def needs_study(self) -> bool:
        """Whether a replacement depends on the study."""
        return any(choice.change.way is Way.PERTURB for choice in self.choices)


REMOVE_ALL = Changes()
