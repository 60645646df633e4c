"""The project key and what is derived from it.

Everything that looks random in an output comes from here, so that the same input gives the same output
on every replica and on every day. Nothing here looks at a data set.
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
"""128 bits: below that, a key can be found by trying."""

_Made = TypeVar("_Made")


@dataclass(frozen=True)
class Keys:
    """The purposes' keys of one project, derived from its one secret by HKDF-SHA-256 (RFC 5869)."""

    secret: bytes = field(repr=False)
    subjects: Subjects | None = field(default=None, repr=False)
    """Pseudonyms of a study's own; None where all are keyed."""
    others: tuple[bytes, ...] = field(default=(), repr=False)
    """Other versions of the project key: nothing is made with them, but what they made is recognised."""
    _shared: dict[object, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What all methods of a project have in common, and what they cache with it: it is dropped with the project."""

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
        """These keys, then those of the other versions, each of which recognises nothing but its own."""
        return (self, *(Keys(secret, self.subjects) for secret in self.others))

    def shared(self, kind: Callable[[Keys], _Made]) -> _Made:
        """The one object of a kind that is made of these keys: all rules of a project share it and its cache."""
        if kind not in self._shared:
            self._shared[kind] = kind(self)
        made: _Made = self._shared[kind]
        return made


def keyed_digest(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256 (RFC 2104): no hash of the project is without a key, since none protects a small domain."""
    return hmac.digest(key, message, "sha256")


class KeyedDigest:
    """Keyed BLAKE2b (RFC 7693) of one purpose, for what every instance asks for: its key is mixed in once.

    A pseudo-random function like HMAC-SHA-256, at a fourth of its cost for a message of a UID's length.
    """

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes, length: int) -> None:
        self._keyed = hashlib.blake2b(key=key, digest_size=length)

    def of(self, message: bytes) -> bytes:
        """The message's digest, as long as asked for at the beginning."""
        digest = self._keyed.copy()
        digest.update(message)
        return digest.digest()
