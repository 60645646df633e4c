"""What a request presents: one Authorization header, and nothing else counts."""

from __future__ import annotations

import pytest

from dicomveil_proxy.errors import BadRequest
from dicomveil_proxy.trust.credentials import MAXIMUM_BYTES, bearer


@pytest.mark.parametrize(
    ("value", "token"),
    [
        (b"Bearer abc", "abc"),
        (b"bearer  a.b-c_d~e+f/g==", "a.b-c_d~e+f/g=="),
        (b"BEARER abc ", "abc"),
        (b"Bearer", ""),
        (b"Bearer abc, Bearer def", ""),
        (b"Bearer abc def", ""),
        (b"Basic YTpi", ""),
        (b"abc", ""),
        (b"Bearer a\x00b", ""),
        (b"Bearer \xff", ""),
        (b"Bearer " + b"a" * MAXIMUM_BYTES, ""),
    ],
)
def test_an_authorization_header(value: bytes, token: str) -> None:
    """A token by RFC 6750, or none."""
    assert bearer([(b"accept", b"*/*"), (b"authorization", value)]) == token


def test_no_header() -> None:
    """Cookies and other headers hold no credentials."""
    others = [(b"cookie", b"access_token=abc"), (b"x-access-token", b"abc"), (b"proxy-authorization", b"Bearer abc")]

    assert bearer(others) is None


def test_two_headers() -> None:
    """Not even the same twice."""
    with pytest.raises(BadRequest, match="more than one Authorization"):
        bearer([(b"authorization", b"Bearer abc"), (b"authorization", b"Bearer abc")])
