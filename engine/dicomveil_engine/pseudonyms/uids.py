"""Pseudonyms of UIDs, which the holder of the key can recognise without a look-up.

A pseudonym is `2.25.<n>`, n a UUID version 8 (RFC 9562) of two parts, both keyed:

    custom_a  48 bits  check part: a digest of the name part
    custom_b  12 bits  ┐ name part: a digest of the original
    custom_c  62 bits  ┘

Since pseudonyms are recognised, de-identifying twice changes nothing, and a guessed UID starts no search at the origin
server, but for a chance of 1 in 2^48.
"""

from __future__ import annotations

import hmac

from dicomveil_engine.attributes.legality import is_registered_uid
from dicomveil_engine.bounded_cache import cached
from dicomveil_engine.pseudonyms.keys import KeyedDigest, Keys

REGISTERED_ROOT = "1.2.840.10008."
"""The prefix of the UIDs that the standard registers (PS3.6 Annex A). Not every UID with it is registered."""

PREFIX = "2.25."
_PSEUDONYM = PREFIX.encode() + b"%d"
_CACHE_SIZE = 65_536
"""Pseudonyms cached per policy: about 20 MB when full."""

_CHECK_BYTES = 6
_NAME_BYTES = 10
_NAME_BITS = 8 * _NAME_BYTES
"""They include the version and variant of the UUID."""
_FIXED = 8 << 76 | 2 << 62
"""Version 8 and the variant of RFC 9562."""
_FREE_BITS = (1 << _NAME_BITS) - 1 & ~(0xF << 76 | 3 << 62)


class UIDPseudonyms:
    """Original UID → pseudonym, for one project. Pseudonyms of earlier versions of its key are unchanged."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._name = KeyedDigest(keys.derive("uid name"), _NAME_BYTES)
        self._check = KeyedDigest(keys.derive("uid check"), _CHECK_BYTES)
        self._new_name, self._new_check = self._name.begun, self._check.begun
        self.others = tuple(UIDPseudonyms(other) for other in keys.versions()[1:])
        """The pseudonyms of the other versions of the key."""
        self.pseudonym = cached(_CACHE_SIZE)(self.computed)
        """`computed`, cached."""

    def __eq__(self, other: object) -> bool:
        """Whether both have the same keys, and so make the same pseudonyms."""
        return type(other) is UIDPseudonyms and other._keys == self._keys

    def __hash__(self) -> int:
        return hash(self._keys)

    def computed(self, original: str) -> str:
        """The pseudonym of a UID; registered UIDs and the project's own pseudonyms are unchanged."""
        is_registered = original.startswith(REGISTERED_ROOT) and is_registered_uid(original)
        if not original or is_registered or self.is_pseudonym(original):
            return original
        return self.of(original.encode()).decode()

    def of(self, original: bytes) -> bytes:
        """The pseudonym of a UID that is neither registered nor a pseudonym."""
        # `KeyedDigest.of`, inlined: a CT has three new UIDs.
        digest = self._new_name()
        digest.update(original)
        name = (int.from_bytes(digest.digest()) & _FREE_BITS | _FIXED).to_bytes(_NAME_BYTES)
        check = self._new_check()
        check.update(name)
        return _PSEUDONYM % int.from_bytes(check.digest() + name)

    def is_pseudonym(self, uid: str) -> bool:
        """Whether the UID is a pseudonym by any version of the project's key."""
        if not uid.startswith(PREFIX):
            return False
        return self.is_own(uid) or any(other.is_own(uid) for other in self.others)

    def is_own(self, uid: str) -> bool:
        """Whether the UID is a pseudonym by this version of the key."""
        if not uid.startswith(PREFIX):
            return False
        digits = uid[len(PREFIX) :]
        if not digits.isascii() or not digits.isdecimal() or len(digits) > 39:
            return False
        number = int(digits)
        # A UID component has no leading zeros (PS3.5 Section 9.1): with one, it would be another, illegal UID.
        if number >> 128 or number & (1 << _NAME_BITS) - 1 & ~_FREE_BITS != _FIXED or str(number) != digits:
            return False
        check, name = number.to_bytes(16)[:_CHECK_BYTES], number.to_bytes(16)[_CHECK_BYTES:]
        return hmac.compare_digest(self._check.of(name), check)
