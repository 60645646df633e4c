"""The UIDs of the output: values of UI elements, and the identity of the instance.

Both are cached, since the instances of a series have most of their UIDs in common.
"""

from __future__ import annotations

from functools import lru_cache

from dicomveil_engine.attributes.well_known import (
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    STUDY_INSTANCE_UID,
)
from dicomveil_engine.bounded_cache import LONGEST, cached
from dicomveil_engine.methods.effect import Effect
from dicomveil_engine.methods.legal import is_legal
from dicomveil_engine.methods.refresh_uid import pseudonym_of
from dicomveil_engine.pseudonyms.identity import InstanceIdentity
from dicomveil_engine.pseudonyms.uids import PREFIX, REGISTERED_ROOT
from dicomveil_engine.rewriting.decisions import Decisions

USUAL_BYTES = 44
"""The length of a padded pseudonym in a UI element; one in forty is shorter."""
_VALUES_CACHED = 1 << 16
_SERIES_CACHED = 256
_MAY_STAY = (REGISTERED_ROOT.encode(), PREFIX.encode())
"""The prefixes of UIDs that may not have to be replaced: registered ones and pseudonyms."""


class NewUIDs(dict[bytes, bytes | None]):
    """The value of a UI element without padding → its pseudonyms, padded; None if it is unchanged."""

    def __init__(self, policy: Decisions) -> None:
        super().__init__()
        self._pseudonyms = policy.uids

    def __missing__(self, value: bytes) -> bytes | None:
        new: bytes | None
        if value and value.isascii() and b"\\" not in value and not value.startswith(_MAY_STAY):
            new = self._pseudonyms.of(value)
        else:
            new = self._unusual(value)
        if new is not None and len(new) % 2:
            new += b"\0"
        if len(value) <= LONGEST:
            if len(self) >= _VALUES_CACHED:
                self.clear()
            self[value] = new
        return new

    def _unusual(self, value: bytes) -> bytes | None:
        original = value.decode("latin-1")
        if "\\" in original:
            originals = [uid.strip(" \0") for uid in original.split("\\")]
            original = "\\".join(originals)
            pseudonym = "\\".join(pseudonym_of(uid, self._pseudonyms.computed) for uid in originals)
        else:
            pseudonym = pseudonym_of(original, self._pseudonyms.computed)
        return None if pseudonym == original else pseudonym.encode("ascii")


def legal_uid(uid: str) -> str:
    """The UID if it is legal, else empty."""
    return uid if is_legal("UI", uid) else ""


class NewIdentities:
    """The identity of an instance → that of its output; a UID that is neither replaced nor kept becomes empty."""

    def __init__(self, policy: Decisions, new_uids: NewUIDs) -> None:
        self._policy = policy
        self._new_uids = new_uids
        self._sop_class, self._study, self._series, self._instance = (
            policy.decide(tag, "UI").method.effect("UI")
            for tag in (SOP_CLASS_UID, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID, SOP_INSTANCE_UID)
        )
        self.replace_instances = self._instance is Effect.UID_PSEUDONYM
        """Whether every SOP Instance UID of an output is a pseudonym, a registered UID or empty."""
        self.legal_uid = cached(_SERIES_CACHED)(legal_uid)
        self._of_series = lru_cache(_SERIES_CACHED)(self._made)

    def of(self, original: InstanceIdentity) -> InstanceIdentity:
        """The identity of the output."""
        sop_class_uid, study_instance_uid, series_instance_uid, sop_instance_uid = original
        instance = self._new(self._instance, sop_instance_uid)
        alike = sop_class_uid, study_instance_uid, series_instance_uid
        of_series = self._of_series if sum(map(len, alike)) <= LONGEST else self._made
        return InstanceIdentity(*of_series(*alike), instance)

    def pseudonym(self, uid: str) -> str:
        """One pseudonym for the text, even if it is not a UID, and whatever the policy does with the attribute."""
        if "\\" in uid:
            return self._policy.pseudonym_uid(uid)
        new = self._new_uids[uid.encode("latin-1")]
        return uid if new is None else new.decode("ascii").rstrip("\0")

    def _made(self, sop_class: str, study: str, series: str) -> tuple[str, str, str]:
        return self._new(self._sop_class, sop_class), self._new(self._study, study), self._new(self._series, series)

    def _new(self, effect: Effect, uid: str) -> str:
        if effect is Effect.UID_PSEUDONYM:
            return self.pseudonym(uid)
        return uid if effect.keeps else ""
