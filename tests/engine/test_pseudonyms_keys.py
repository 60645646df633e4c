"""The project key and what is derived from it."""

from __future__ import annotations

import hashlib

import pytest

from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.pseudonyms.keys import KeyedDigest, Keys, keyed_digest

KEYS = Keys(bytes(range(32)))


def test_derivation_is_hkdf() -> None:
    """HKDF-SHA-256 (RFC 5869), step by step: the outputs of all projects depend on it staying so."""
    extracted = keyed_digest(bytes(32), bytes(range(32)))

    assert KEYS.derive("dates") == keyed_digest(extracted, b"dicomveil/1/dates\1")


def test_salt_is_a_further_secret() -> None:
    """A setting's key is HKDF's salt."""
    extracted = keyed_digest(b"salt", bytes(range(32)))

    assert KEYS.derive("dates", "salt") == keyed_digest(extracted, b"dicomveil/1/dates\1")


def test_purposes_differ() -> None:
    """No purpose learns another one's key."""
    assert len({KEYS.derive(purpose) for purpose in ("dates", "iv", "noise", "uid name", "uid check")}) == 5


def test_length() -> None:
    """As many bytes as are asked for."""
    assert len(KEYS.derive("iv", length=16)) == 16


@pytest.mark.parametrize("length", [0, 1, 15])
def test_short_keys_are_refused(length: int) -> None:
    """Below 128 bits a key can be found by trying; the message says how to make one."""
    with pytest.raises(ConfigurationError, match=f"has {length} bytes; give at least 16"):
        Keys(bytes(length))


def test_representation_holds_no_key() -> None:
    """A traceback or a log line that shows the object shows no secret."""
    assert repr(Keys(b"secret secret secret")) == "Keys()"


def test_digest() -> None:
    """HMAC-SHA-256; RFC 4231, test case 2."""
    assert keyed_digest(b"Jefe", b"what do ya want for nothing?").hex() == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


@pytest.mark.parametrize("message", [b"", b"1.2.3", bytes(1_000)])
def test_keyed_digest_is_keyed_blake2b(message: bytes) -> None:
    """RFC 7693 with the key as its key, as often as asked."""
    digest = KeyedDigest(bytes(range(32)), 10)

    assert digest.of(message) == digest.of(message)
    assert digest.of(message) == hashlib.blake2b(message, key=bytes(range(32)), digest_size=10).digest()
