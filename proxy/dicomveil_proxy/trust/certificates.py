"""Authentication by client certificates that TLS has verified (RFC 8446, RFC 9440).

The certificate is that of the connection itself, or, behind a trusted proxy that terminates TLS, that of the header
`Client-Cert`. Certificates are public, so that the header of any other peer is ignored.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.types import Scope

from dicomveil_proxy.errors import BadRequest
from dicomveil_proxy.settings.access import AccessSettings
from dicomveil_proxy.trust.clock import forward_time
from dicomveil_proxy.trust.peers import Peers
from dicomveil_proxy.trust.subject import Kind, Subject

if TYPE_CHECKING:
    from cryptography import x509

_HEADER = b"client-cert"
_BYTE_SEQUENCE = re.compile(rb":([A-Za-z0-9+/]+={0,2}):")
"""RFC 8941 Section 3.3.5."""
_MAXIMUM_BYTES = 16_384


class ClientCertificates:
    """Authenticates holders of client certificates."""

    def __init__(self, access: AccessSettings, trusted_proxies: Sequence[str]) -> None:
        import cryptography.x509  # noqa: F401, PLC0415 - at the start, and not when the first certificate comes

        self._access = access
        self._peers = Peers(trusted_proxies)

    async def authenticate(self, scope: Scope, token: str | None) -> Subject | None:
        """The holder of the certificate; None if it is unknown, or if the request has a token, which has precedence.

        Raises BadRequest for an invalid header of a trusted proxy.
        """
        if token is not None:
            return None
        name = self._forwarded(scope)
        if name is None:
            name = _tls(scope).get("client_cert_name")
        if not isinstance(name, str):
            return None
        grants = self._access.of_certificate(name)
        return None if grants is None else Subject(Kind.CERTIFICATE, name, grants)

    def _forwarded(self, scope: Scope) -> str | None:
        """The subject of the certificate in a trusted proxy's header."""
        if not self._access.client_cert_header or not self._peers.is_trusted(scope):
            return None
        found = [value for name, value in scope["headers"] if name == _HEADER]
        if not found:
            return None
        from cryptography import x509  # noqa: PLC0415 - few servers look at certificates

        match = _BYTE_SEQUENCE.fullmatch(found[0].strip())
        if len(found) > 1 or match is None or len(match[1]) > _MAXIMUM_BYTES:
            raise BadRequest("the header Client-Cert is not one certificate by RFC 9440")
        try:
            certificate = x509.load_der_x509_certificate(base64.b64decode(match[1], validate=True))
        except (ValueError, binascii.Error):
            raise BadRequest("the header Client-Cert is not one certificate by RFC 9440") from None
        now = datetime.fromtimestamp(forward_time(), UTC)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            return None
        return subject_of(certificate)


def subject_of(certificate: x509.Certificate) -> str:
    """The subject as `openssl x509 -noout -subject -nameopt RFC2253` prints it (RFC 4514)."""
    return certificate.subject.rfc4514_string()


def tls_extension(certificate: bytes | None) -> dict[str, Any]:
    """The content of ASGI's TLS extension for a client certificate in DER, or for none."""
    if certificate is None:
        return {"client_cert_name": None}
    from cryptography import x509  # noqa: PLC0415 - few servers look at certificates

    try:
        return {"client_cert_name": subject_of(x509.load_der_x509_certificate(certificate))}
    except ValueError:
        return {"client_cert_name": None}


def _tls(scope: Scope) -> dict[str, Any]:
    extension: dict[str, Any] = scope.get("extensions", {}).get("tls", {})
    return extension
