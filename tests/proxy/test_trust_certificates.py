"""Client certificates: whose header is believed, and who its holder is."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from dicomveil_proxy.errors import BadRequest
from dicomveil_proxy.settings.access import AccessSettings
from dicomveil_proxy.settings.rights import Right
from dicomveil_proxy.trust.certificates import ClientCertificates, tls_extension
from dicomveil_proxy.trust.subject import Subject
from proxy.authority import Authority, subject

pytestmark = pytest.mark.anyio

PROXY, OTHER = "10.0.0.1", "192.0.2.1"


def access(**changes: Any) -> AccessSettings:
    known: dict[str, Any] = {"subject": subject("workstation"), "projects": ["lung"], "can": ["search"]}
    values: dict[str, Any] = {"certificates": [known], "client_cert_header": True}
    return AccessSettings(**(values | changes))


def der(authority: Authority, name: str = "workstation", days: float = 30) -> bytes:
    path, _ = authority.issue(name, days=days)
    return x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER)


def header(certificate: bytes) -> bytes:
    return b":" + base64.b64encode(certificate) + b":"


async def found(
    *headers: bytes, peer: str = PROXY, token: str | None = None, tls: dict[str, Any] | None = None, **changes: Any
) -> Subject | None:
    scope = {
        "headers": [(b"client-cert", each) for each in headers],
        "client": (peer, 1),
        "extensions": {} if tls is None else {"tls": tls},
    }
    return await ClientCertificates(access(**changes), ["10.0.0.0/8"]).authenticate(scope, token)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Issues them."""
    return Authority(tmp_path)


async def test_a_certificate_of_the_connection(authority: Authority) -> None:
    """Its holder is known by the subject, letter for letter."""
    known = await found(tls=tls_extension(der(authority)))

    assert known is not None
    assert (known.label, [*known.rights("lung")]) == (f"certificate:{subject('workstation')}", [Right.SEARCH])
    assert await found(tls=tls_extension(der(authority, "other"))) is None
    assert await found(tls=tls_extension(None)) is None
    assert await found(tls=tls_extension(b"not one")) is None
    assert await found() is None


async def test_a_certificate_in_a_header(authority: Authority) -> None:
    """Of a trusted proxy only, and only where the settings say so: certificates are public."""
    certificate = header(der(authority))

    assert await found(certificate) is not None
    assert await found(certificate, peer=OTHER) is None
    assert await found(certificate, client_cert_header=False) is None
    assert await found(header(der(authority, "other"))) is None
    assert await found(header(der(authority, days=-1))) is None


async def test_what_a_proxy_says_stands_above_its_own_certificate(authority: Authority) -> None:
    """Its users are not the proxy."""
    own = tls_extension(der(authority))

    assert await found(header(der(authority, "other")), tls=own) is None
    assert await found(header(der(authority, "other")), tls=own, peer=OTHER) is not None


@pytest.mark.parametrize(
    "value", [b"", b"::", b"abc", b":abc", b":a b:", b":YWJj:", b":YWJj:;a=1", b":" + b"A" * 20_000 + b":"]
)
async def test_a_header_that_cannot_be_read(value: bytes) -> None:
    """The proxy is set up wrongly, which must be noticed; whatever others send is not looked at."""
    with pytest.raises(BadRequest, match="RFC 9440"):
        await found(value)
    assert await found(value, peer=OTHER) is None


async def test_two_headers(authority: Authority) -> None:
    """One of them is the client's own."""
    certificate = header(der(authority))
    with pytest.raises(BadRequest, match="RFC 9440"):
        await found(certificate, certificate)


async def test_a_token_counts_instead(authority: Authority) -> None:
    """Whoever presents one, valid or not, is not known by their certificate."""
    assert await found(header(der(authority)), token="") is None
    assert await found(tls=tls_extension(der(authority)), token="wrong") is None
