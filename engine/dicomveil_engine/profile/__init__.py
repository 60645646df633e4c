"""The Basic Application Level Confidentiality Profile (PS3.15 Annex E), with its options, as decisions.

    listed     Table E.1-1 and its option columns       compound   codes that depend on the attribute's type
    unlisted   the layer by VR beneath the table        actions    the methods by which all of them act
    private    safe private attributes

Rules, values and encodings have no place here.
"""

from __future__ import annotations

from collections.abc import Mapping

from dicomveil_engine.attributes._standard import TABLE_E1, Option
from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.profile.actions import Actions, Verdict
from dicomveil_engine.profile.compound import COMPOUND, BasicCodes
from dicomveil_engine.profile.listed import decide_listed
from dicomveil_engine.profile.private import decide_private
from dicomveil_engine.profile.unlisted import decide_unlisted
from dicomveil_engine.pseudonyms.keys import Keys

__all__ = ["COMPOUND", "ConfidentialityProfile", "Verdict"]

BURNED_IN_ANNOTATION = 0x00280301

_EXCLUSIVE = frozenset((Option.RETAIN_LONG_FULL_DATES, Option.RETAIN_LONG_MODIFIED_DATES))


class ConfidentialityProfile:
    """The profile with its options: a decision on every attribute.

    Raises ConfigurationError for options that exclude each other.
    """

    def __init__(
        self,
        options: frozenset[Option],
        *,
        protect_unlisted: bool,
        date_shift: Mapping[str, object],
        keys: Keys,
    ) -> None:
        if options >= _EXCLUSIVE:
            # PS3.15 Section E.3.6. No value of (0028,0303) Longitudinal Temporal Information Modified is true for both.
            first, second = sorted(option.value for option in _EXCLUSIVE)
            raise ConfigurationError(
                f'the options "{first}" and "{second}" exclude each other; leave one out '
                '(the preset "default" has the second: build on "basic" to keep full dates)'
            )
        self.options = options
        self._protect_unlisted = protect_unlisted
        self._actions = Actions(options, date_shift, keys)
        self._basic = BasicCodes(self._actions, keys)
        self.shift = self._actions.shift

    def decide(self, tag: int, vr: str, creator: str | None = None, *, declared: bool = False) -> Verdict:
        """The verdict on an attribute whose (effective) VR is `vr`.

        For a private attribute, `creator` is that of its block, and `declared` says whether the instance declares the
        element safe (`private.is_declared_safe`).
        """
        if tag >> 16 & 1:
            return decide_private(self._actions, tag, vr, creator, declared=declared)
        row = TABLE_E1.row(tag)
        if row is not None:
            return decide_listed(self._actions, self._basic, tag, vr, row)
        if tag == BURNED_IN_ANNOTATION and vr == "CS":
            return Verdict(self._actions.empty_unchecked, "a claim about pixels that has not been checked")
        if not self._protect_unlisted:
            return Verdict(self._actions.keep, "not listed in PS3.15 Table E.1-1")
        return decide_unlisted(self._actions, tag, vr)
