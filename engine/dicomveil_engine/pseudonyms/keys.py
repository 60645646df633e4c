"""The project key and the keys derived from it.

Everything that looks random in an output is derived from it, so that the same input gives the same output
on every replica and on every day.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.pseudonyms.subjects import Subjects

MINIMUM_KEY_BYTES = 16
"""128 bits: a shorter key could be found by brute force."""

_Made = TypeVar("_Made")


@dataclass(frozen=True)
class Keys:
    """The keys of one project, one for each purpose, derived from its secret by HKDF-SHA-256 (RFC 5869)."""

    secret: bytes = field(repr=False)
    subjects: Subjects | None = field(default=None, repr=False)
    """The project's list of subjects; None if all pseudonyms are keyed."""
    others: tuple[bytes, ...] = field(default=(), repr=False)
    """Earlier versions of the project key: their pseudonyms are recognised, but no new ones are made."""
    _shared: dict[object, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Objects that the methods of a project share, with their caches; dropped with the project."""

    def __post_init__(self) -> None:
        for secret in (self.secret, *self.others):
            if not isinstance(secret, bytes):
                raise TypeError(
                    f"key: give the project key as bytes, not as {type(secret).__name__}; bytes.fromhex(...) reads "
                    "what `dicomveil keygen` writes"
                )
            if len(secret) < MINIMUM_KEY_BYTES:
                raise ConfigurationError(
                    f"the project key has {len(secret)} bytes; give at least {MINIMUM_KEY_BYTES} "
                    "random bytes (`dicomveil keygen FILE` makes 32)"
                )

    def derive(self, purpose: str, salt: str = "", length: int = 32) -> bytes:
        """The key for one purpose; `salt` is a further secret from the configuration, such as dateShiftKey."""
        hkdf = HKDF(SHA256(), length, salt=salt.encode() or None, info=b"dicomveil/1/" + purpose.encode())
        return hkdf.derive(self.secret)

    def versions(self) -> tuple[Keys, ...]:
        """These keys, then those of each other version by itself."""
        return (self, *(Keys(secret, self.subjects) for secret in self.others))

    def shared(self, kind: Callable[[Keys], _Made]) -> _Made:
        """The one object of a kind made from these keys, which all rules of a project share, with its cache."""
        if kind not in self._shared:
            self._shared[kind] = kind(self)
        made: _Made = self._shared[kind]
        return made


def keyed_digest(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256 (RFC 2104). All digests are keyed: without a key, a small domain can be searched exhaustively."""
    return hmac.digest(key, message, "sha256")


class KeyedDigest:
    """Keyed BLAKE2b (RFC 7693) for one purpose; the key is mixed in once.

    A pseudo-random function like HMAC-SHA-256, at a quarter of its cost for a message as long as a UID.
    """

    __slots__ = ("begun",)

    def __init__(self, key: bytes, length: int) -> None:
        self.begun = hashlib.blake2b(key=key, digest_size=length).copy
        """A new digest, in which the key is mixed already."""

    def of(self, message: bytes) -> bytes:
        """The digest of a message."""
        digest = self.begun()
        digest.update(message)
        return digest.digest()
