"""From where a request comes: a trusted proxy's word counts, and nobody else's."""

from __future__ import annotations

import pytest

from dicomveil_proxy.trust.peers import Peers

PEERS = Peers(("10.0.0.0/8", "fd00::1"))


def address(*forwarded: str, peer: str | None = "10.0.0.1") -> str | None:
    headers = [(b"forwarded", each.encode()) for each in forwarded]
    return PEERS.address({"headers": headers, "client": None if peer is None else (peer, 1)})


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("for=192.0.2.7", "192.0.2.7"),
        ('for="192.0.2.7:4711";proto=https', "192.0.2.7"),
        ('host="x";For="[2001:db8::1]:4711"', "2001:db8::1"),
        ('for="2001:db8::1"', "2001:db8::1"),
        ('for="[fe80::1%Doe^Jane 1970]:4711"', "fe80::1"),
        ("for=198.51.100.1, for=192.0.2.7", "192.0.2.7"),
        ("for=unknown", "10.0.0.1"),
        ("for=_hidden", "10.0.0.1"),
        ('for="Doe^Jane"', "10.0.0.1"),
        ("proto=https", "10.0.0.1"),
        ("xfor=192.0.2.7", "10.0.0.1"),
    ],
)
def test_what_a_trusted_proxy_says(header: str, expected: str) -> None:
    """The nearest one, if it is an address; whatever else stands there is not believed, and not written down."""
    assert address(header) == expected


def test_what_others_say() -> None:
    """Is not looked at."""
    assert address("for=192.0.2.7", peer="203.0.113.1") == "203.0.113.1"
    assert address("for=192.0.2.7", peer="testclient") == "testclient"
    assert address("for=192.0.2.7", peer=None) is None
    assert address("for=192.0.2.7", peer="fd00::1") == "192.0.2.7"
    assert Peers(()).address({"headers": [(b"forwarded", b"for=192.0.2.7")], "client": ("10.0.0.1", 1)}) == "10.0.0.1"


def test_several_headers() -> None:
    """Are one list: the last word is the nearest proxy's."""
    assert address("for=198.51.100.1", "for=192.0.2.7") == "192.0.2.7"
