"""Pseudonyms for UIDs that recognise themselves.

A pseudonym is `2.25.<n>`, n a UUID version 8 (RFC 9562) of two parts, both keyed:

    custom_a  48 bits  check part: a digest of the name part
    custom_b  12 bits  ┐ name part: a digest of the original
    custom_c  62 bits  ┘

Whoever holds the key can tell without a look-up whether a UID is a pseudonym of the project, so that
de-identifying twice changes nothing and a stranger's guess (1 in 2^48) starts no search.
"""

from __future__ import annotations

import hmac
from functools import lru_cache

from dicomveil_engine.keys import Keys, keyed_digest

REGISTERED_ROOT = "1.2.840.10008."
"""UIDs that the standard registers (PS3.6 Annex A); they name no instance of anyone's."""

PREFIX = "2.25."
_CACHE_SIZE = 65_536
"""Pseudonyms remembered per policy: some 20 MB when full."""

_NAME_BITS = 74
_LOW_BITS = 62
_VERSION = 8 << 76
_VARIANT = 2 << 62
_FIXED_BITS = 0xF << 76 | 3 << 62


class UIDPseudonyms:
    """Original UID → pseudonym, for one project."""

    def __init__(self, keys: Keys) -> None:
        self._name_key = keys.derive("uid name")
        self._check_key = keys.derive("uid check")
        self.pseudonym = lru_cache(_CACHE_SIZE)(self._pseudonym)

    def _pseudonym(self, original: str) -> str:
        """The pseudonym of a UID; registered UIDs and the project's own pseudonyms stay as they are."""
        if not original or original.startswith(REGISTERED_ROOT) or self.is_pseudonym(original):
            return original
        digest = keyed_digest(self._name_key, original.encode())
        return f"{PREFIX}{self._uuid(int.from_bytes(digest[:10]) >> (80 - _NAME_BITS))}"

    def is_pseudonym(self, uid: str) -> bool:
        """Whether the UID carries this project's check part."""
        digits = uid[len(PREFIX) :]
        if not uid.startswith(PREFIX) or not digits.isascii() or not digits.isdecimal() or len(digits) > 39:
            return False
        number = int(digits)
        if number >> 128 or number & _FIXED_BITS != _VERSION | _VARIANT:
            return False
        name = (number >> 64 & 0xFFF) << _LOW_BITS | number & ((1 << _LOW_BITS) - 1)
        return hmac.compare_digest(str(self._uuid(name)).encode(), digits.encode())

    def _uuid(self, name: int) -> int:
        check = keyed_digest(self._check_key, name.to_bytes(10))[:6]
        return (
            int.from_bytes(check) << 80
            | _VERSION
            | (name >> _LOW_BITS) << 64
            | _VARIANT
            | name & ((1 << _LOW_BITS) - 1)
        )
