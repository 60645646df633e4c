"""encrypt and its inverse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.errors import ConfigurationError, InvalidDataSetError
from dicomveil_engine.methods.base import Context, Element, Values
from dicomveil_engine.methods.encrypt import Encrypt, decrypt_bytes, decrypt_text, encryption_key
from dicomveil_engine.pseudonyms.keys import Keys

KEYS = Keys(b"k" * 32)
GIVEN = "0123456789abcdef"


def encrypted(vr: str, values: Values, settings: dict[str, object] | None = None) -> Values | None:
    return Encrypt.from_settings(settings or {}, KEYS).apply(Element(0x00100010, vr, values), Context())


@given(st.text(min_size=1), st.sampled_from(["LO", "PN", "UT"]))
def test_text_comes_back_whole(text: str, vr: str) -> None:
    """Every character, not only ASCII's as with the Microsoft tool."""
    (value,) = encrypted(vr, [text], {"encryptKey": GIVEN}) or [""]

    assert decrypt_text(GIVEN.encode(), str(value)) == text
    assert vr != "PN" or "=" not in str(value)


@given(st.binary(min_size=1))
def test_bytes_come_back_whole(value: bytes) -> None:
    """With the key that was derived from the project's."""
    blob = encrypted("OB", value)

    assert isinstance(blob, bytes)
    assert decrypt_bytes(encryption_key(KEYS), blob) == value


def test_equal_values_are_equal_and_others_are_not() -> None:
    """Replicas must agree; nothing but equality shows."""
    first, second, third = encrypted("LO", ["Doe^Jane", "Doe^Jane", "Doe^John"]) or ["", "", ""]

    assert first == second
    assert str(first)[:16] != str(third)[:16]


def test_nothing_stays_nothing() -> None:
    """Positions are kept."""
    (empty, _) = encrypted("LO", ["", "a"]) or [None, None]

    assert empty == ""
    assert encrypted("UN", b"") == b""


def test_a_data_set_of_the_projects_own_stays() -> None:
    """No encryption upon encryption."""
    method = Encrypt.from_settings({}, KEYS)

    assert method.apply(Element(0x00100010, "PN", ["Doe"]), Context(was_deidentified=True)) == ["Doe"]


@pytest.mark.parametrize("text", ["", "Doe", "not base64!", "é", "QUFB" * 8])
def test_what_is_not_encrypted_is_refused(text: str) -> None:
    """The documented error, without the text."""
    with pytest.raises(InvalidDataSetError, match="not encrypted with this key"):
        decrypt_text(GIVEN.encode(), text)


def test_a_wrong_key_is_refused() -> None:
    """The error says no more than that, and holds no key."""
    with pytest.raises(ConfigurationError, match="has 5 bytes; give 16, 24 or 32") as caught:
        Encrypt.from_settings({"encryptKey": "12345"}, KEYS)
    with pytest.raises(ConfigurationError, match="must be a string"):
        Encrypt.from_settings({"encryptKey": 12345}, KEYS)

    assert "12345" not in str(caught.value)
    assert GIVEN not in repr(Encrypt.from_settings({"encryptKey": GIVEN}, KEYS))


def test_it_is_for_texts_and_bytes() -> None:
    """Where Base64 or raw bytes fit."""
    method = Encrypt.from_settings({}, KEYS)

    assert [vr for vr in ("LO", "UN", "UI", "DA", "CS", "SQ", "OW") if method.supports(vr)] == ["LO", "UN"]
