"""The public URL: what stands in answers is ours, or what a peer that we know says."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from dicomveil_proxy.service.paths import ROOT
from dicomveil_proxy.service.public_url import PublicURL


def url(
    *headers: tuple[str, str],
    configured: str | None = None,
    trusted: tuple[str, ...] = ("10.0.0.0/8",),
    peer: str | None = "10.1.2.3",
    scheme: str = "http",
    server: tuple[str, int] = ("192.0.2.1", 8080),
    root: str = "",
) -> str:
    """The URL for a request with these headers."""
    scope = {
        "type": "http",
        "scheme": scheme,
        "path": "/",
        "query_string": b"",
        "client": (peer, 1) if peer else None,
        "server": server,
        ROOT: root,
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }
    return PublicURL(configured, trusted).of(Request(scope))


HOST = ("host", "proxy.test:8080")


def test_from_the_request() -> None:
    """Scheme and Host."""
    assert url(HOST) == "http://proxy.test:8080"
    assert url(("host", "[::1]:8080"), scheme="https") == "https://[::1]:8080"


def test_configured() -> None:
    """It stands above all that a request says."""
    assert url(HOST, ("forwarded", "host=other.test"), configured="https://set.test/a") == "https://set.test/a"


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("proto=https;host=outside.test", "https://outside.test"),
        ('for="[2001:db8::1]:47";Proto=https; host="outside.test:444"', "https://outside.test:444"),
        ("for=1.2.3.4", "http://proxy.test:8080"),
        ("host=evil.test, proto=https;host=outside.test", "https://outside.test"),
        ("nonsense", "http://proxy.test:8080"),
    ],
)
def test_forwarded(forwarded: str, expected: str) -> None:
    """RFC 7239, of the nearest proxy only: what stands before it, the user agent may have written."""
    assert url(HOST, ("forwarded", forwarded)) == expected


def test_forwarded_in_several_headers() -> None:
    """They are one list, and the nearest proxy's is the last."""
    assert url(HOST, ("forwarded", "host=evil.test"), ("forwarded", "host=outside.test")) == "http://outside.test"


@pytest.mark.parametrize(
    ("trusted", "peer"), [((), "10.1.2.3"), (("10.0.0.0/8",), "11.1.2.3"), (("10.0.0.0/8",), None), (("::1",), "unix")]
)
def test_forwarded_by_a_stranger(trusted: tuple[str, ...], peer: str | None) -> None:
    """It is not believed, and X-Forwarded-Host is not either."""
    headers = (HOST, ("forwarded", "host=evil.test"), ("x-forwarded-host", "evil.test"))

    assert url(*headers, trusted=trusted, peer=peer) == "http://proxy.test:8080"
    assert url(*headers[::2], trusted=trusted, peer=peer) == "http://proxy.test:8080"


@pytest.mark.parametrize("host", ["", "a b", "a/b", "user@host", "a,b", 'a"b', "x" * 300, "a:b"])
def test_a_host_that_is_none(host: str) -> None:
    """URLs are then relative to the server, which PS3.18 allows."""
    assert url(("host", host)) == ""
    assert url(HOST, ("forwarded", "proto=gopher")) == ""


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"proto": "https"}, "https://proxy.test:8080"),
        ({"proto": "https", "host": "outside.test"}, "https://outside.test"),
        ({"proto": "https", "host": "outside.test", "port": "443"}, "https://outside.test"),
        ({"proto": "https", "port": "8443"}, "https://proxy.test:8443"),
        ({"host": "outside.test:81", "port": "80"}, "http://outside.test"),
        ({"host": "[::1]:81", "port": "82"}, "http://[::1]:82"),
        ({"host": "evil.test, outside.test", "proto": "http, https"}, "https://outside.test"),
        ({"port": "x"}, "http://proxy.test:8080"),
        ({"proto": "gopher"}, ""),
    ],
)
def test_x_forwarded(headers: dict[str, str], expected: str) -> None:
    """What most proxies write counts as `Forwarded` does, from the same peers, and of the nearest one only."""
    assert url(HOST, *((f"x-forwarded-{name}", value) for name, value in headers.items())) == expected


def test_forwarded_before_x_forwarded() -> None:
    """Where a peer writes the one, the other may be the user agent's."""
    assert url(HOST, ("forwarded", "for=1.2.3.4"), ("x-forwarded-host", "evil.test")) == "http://proxy.test:8080"
    assert url(HOST, ("forwarded", "nonsense"), ("x-forwarded-host", "evil.test")) == "http://proxy.test:8080"


@pytest.mark.parametrize(
    ("host", "address", "expected"),
    [
        ("localhost", "127.0.0.1", "http://localhost:8080"),
        ("LOCALHOST", "127.0.0.1", "http://LOCALHOST:8080"),
        ("localhost", "::1", "http://localhost:8080"),
        ("[::1]", "::1", "http://[::1]:8080"),
        ("127.0.0.1", "127.0.0.1", "http://127.0.0.1:8080"),
        ("192.0.2.1", "192.0.2.1", "http://192.0.2.1:8080"),
        ("localhost:9", "127.0.0.1", "http://localhost:9"),
        ("localhost", "192.0.2.1", "http://localhost"),
        ("proxy.test", "127.0.0.1", "http://proxy.test"),
    ],
)
def test_our_own_address_without_its_port(host: str, address: str, expected: str) -> None:
    """Some user agents leave the port out of Host; links without it would be dead."""
    assert url(("host", host), server=(address, 8080)) == expected


def test_below_a_root() -> None:
    """The path below which another application has mounted this one is part of every URL."""
    assert url(HOST, root="/imaging data/") == "http://proxy.test:8080/imaging%20data"
