"""The TLS context: the server's certificate, reloaded when its file changes, and the accepted client authorities.

After a renewal, new connections use the new certificate. While certificate and key do not match, as between the writing
of the two files, the old ones remain in use.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.settings.access import TLSSettings

_WARNING_DAYS = 14

_log = logging.getLogger(__name__)


def context(settings: TLSSettings) -> ssl.SSLContext:
    """The server's TLS context. Raises ConfigurationError."""
    import cryptography.x509  # noqa: F401, PLC0415 - now, and not when the first certificate comes

    reloading = _Reloading(settings)
    first = reloading.current
    first.sni_callback = reloading.greet  # called for every connection, whether or not it names a server
    return first


def context_factory(settings: TLSSettings, config: object, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """The server's TLS context, as uvicorn calls it in each worker."""
    del config, default
    return context(settings)


def check(settings: TLSSettings, now: datetime | None = None) -> list[str]:
    """Warnings about the certificate. Raises ConfigurationError if it cannot be used."""
    from cryptography import x509  # noqa: PLC0415 - few servers need it

    _built(settings)
    certificate = x509.load_pem_x509_certificate(settings.certificate.read_bytes())
    now = now or datetime.now(UTC)
    until = certificate.not_valid_after_utc
    if until <= now:
        raise ConfigurationError(f"tls.certificate: it has expired on {until:%Y-%m-%d}")
    if until - now < timedelta(days=_WARNING_DAYS):
        return [f"tls.certificate: it expires on {until:%Y-%m-%d}"]
    return []


class _Reloading:
    """The current context, which is replaced when a file changes."""

    def __init__(self, settings: TLSSettings) -> None:
        self._settings = settings
        self._stamps = _stamps(settings)
        self.current = _built(settings)

    def greet(self, connection: Any, name: str | None, initial: ssl.SSLContext) -> None:
        """Give a new connection the current certificate."""
        del name, initial
        stamps = _stamps(self._settings)
        if stamps != self._stamps:
            self._stamps = stamps
            try:
                self.current = _built(self._settings)
                _log.info("tls: the certificate is read again")
            except ConfigurationError as error:
                _log.error("the old certificate is kept: %s", error)
        connection.context = self.current


def _stamps(settings: TLSSettings) -> tuple[object, ...]:
    return tuple(_stamp(file) for file in (settings.certificate, settings.key, settings.client_ca))


def _stamp(file: Path | None) -> object:
    if file is None:
        return None
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _built(settings: TLSSettings) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    try:
        # An empty pass phrase, since OpenSSL would otherwise prompt for one on the terminal.
        made.load_cert_chain(settings.certificate, settings.key, password=lambda: "")
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"tls: certificate and key cannot be used ({_reason(error)}); check tls.certificate and tls.key"
        ) from None
    if settings.client_ca is not None:
        try:
            made.load_verify_locations(settings.client_ca)
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"tls.client_ca: it cannot be used ({_reason(error)})") from None
        # Optional, since users with tokens and health checks have no client certificate.
        made.verify_mode = ssl.CERT_OPTIONAL
    return made


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or "not PEM"
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
