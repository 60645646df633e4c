"""cryptoHash."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomveil_engine.errors import ConfigurationError
from dicomveil_engine.methods.base import Context, Element, Values
from dicomveil_engine.methods.crypto_hash import CryptoHash
from dicomveil_engine.methods.legal import is_legal
from dicomveil_engine.pseudonyms.keys import Keys

KEYS = Keys(b"k" * 32)
DIGEST = hmac.new(KEYS.derive("hashes"), "Doe^Jané".encode(), hashlib.sha256).hexdigest()


def hashed(vr: str, values: Values, settings: dict[str, object] | None = None) -> Values | None:
    return CryptoHash.from_settings(settings or {}, KEYS).apply(Element(0x00100010, vr, values), Context())


@pytest.mark.parametrize(
    ("vr", "expected"),
    [
        ("UT", DIGEST),
        ("LO", DIGEST),
        ("PN", DIGEST),
        ("SH", DIGEST[:16]),
        ("AE", DIGEST[:16]),
        ("CS", DIGEST[:16].upper()),
    ],
)
def test_texts_become_hexadecimal_within_the_vr(vr: str, expected: str) -> None:
    """HMAC-SHA-256 of the UTF-8 text, keyed from the project's key."""
    assert hashed(vr, ["Doe^Jané"]) == [expected]


@pytest.mark.parametrize(("kind", "length"), [("SHA384", 96), ("Sha512", 128), (32780, 64), ("32782", 128)])
def test_the_algorithm_is_chosen_by_name_or_number(kind: object, length: int) -> None:
    """In any case; VRs without a limit hold the whole digest."""
    (digest,) = hashed("UC", ["Doe"], {"cryptoHashType": kind}) or [""]

    assert len(str(digest)) == length


@given(st.text(min_size=1), st.sampled_from(["AE", "CS", "SH", "LO", "PN", "ST", "UI", "UR"]), st.booleans())
def test_the_result_is_legal_and_the_same_each_time(text: str, vr: str, match: bool) -> None:
    """Whatever the text was."""
    settings: dict[str, object] = {"matchInputStringLength": match, "cryptoHashType": "Sha512"}
    (digest,) = hashed(vr, [text], settings) or [""]

    assert is_legal(vr, str(digest))
    assert hashed(vr, [text], settings) == [digest]


@given(st.text(min_size=1, max_size=200))
def test_digits_match_the_length(text: str) -> None:
    """Exactly as many decimal digits as the text has characters."""
    (digits,) = hashed("UT", [text], {"matchInputStringLength": "true"}) or [""]

    assert len(str(digits)) == len(text)
    assert str(digits).isdecimal()


def test_long_and_close_identifiers_do_not_meet() -> None:
    """Exact integers: the Microsoft tool's 32-bit floats collide within some thousand of these."""
    values = [f"{n:08}" for n in range(7000)]

    digits = hashed("UT", ["9" * 9999], {"matchInputStringLength": True}) or [""]
    short = hashed("LO", list(values), {"matchInputStringLength": True}) or [""]

    assert len(str(digits[0])) == 9999
    assert len(set(short)) == 7000


def test_digits_are_cut_to_the_vr() -> None:
    """An over-long value does not make an over-long digest."""
    assert [len(str(v)) for v in hashed("SH", ["1" * 40], {"matchInputStringLength": True}) or []] == [16]


def test_bytes_become_raw_digests() -> None:
    """OB and UN hold the digest itself."""
    expected = hmac.new(KEYS.derive("hashes"), b"\x01\x02", hashlib.sha256).digest()

    assert hashed("OB", b"\x01\x02") == expected
    assert hashed("UN", b"\x01\x02") == expected


def test_nothing_stays_nothing() -> None:
    """Empty values would otherwise all look like one secret."""
    assert hashed("LO", ["", "a"], {"matchInputStringLength": True})[:1] == [""]  # type: ignore[index]
    assert hashed("LO", []) == []
    assert hashed("OB", b"") == b""


def test_the_further_secret_counts() -> None:
    """cryptoHashKey changes every digest."""
    assert hashed("LO", ["Doe"], {"cryptoHashKey": "a"}) != hashed("LO", ["Doe"], {"cryptoHashKey": "b"})


def test_a_data_set_of_the_projects_own_stays() -> None:
    """No digest of a digest."""
    method = CryptoHash.from_settings({}, KEYS)

    assert method.apply(Element(0x00100010, "PN", ["Doe"]), Context(was_deidentified=True)) == ["Doe"]


def test_a_digest_is_no_date_or_number() -> None:
    """Where it could not be legal, it is not offered."""
    method = CryptoHash.from_settings({}, KEYS)

    assert not any(map(method.supports, ("DA", "DT", "TM", "AS", "DS", "IS", "US", "OW", "SQ")))
    assert all(map(method.supports, ("UI", "PN", "UT", "UN")))


@pytest.mark.parametrize("settings", [{"cryptoHashType": "Md5"}, {"cryptoHashKey": 123}])
def test_wrong_settings_are_refused(settings: dict[str, object]) -> None:
    """At start, with the key's name and without its value."""
    with pytest.raises(ConfigurationError, match=next(iter(settings))) as caught:
        CryptoHash.from_settings(settings, KEYS)

    assert "123" not in str(caught.value)
    assert "secret" not in repr(CryptoHash.from_settings({"cryptoHashKey": "secret"}, KEYS))
