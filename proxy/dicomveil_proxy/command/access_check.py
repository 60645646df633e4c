"""Checks of access settings before the server starts: addresses, tokens, certificates, audit."""

from __future__ import annotations

from dicomveil_engine.errors import ConfigurationError
from dicomveil_proxy.settings.access import AccessSettings, is_loopback
from dicomveil_proxy.settings.projects import projects_of
from dicomveil_proxy.settings.rights import label_of
from dicomveil_proxy.settings.server import Settings
from dicomveil_proxy.settings.telemetry import MetricsSettings
from dicomveil_proxy.trust import tls, traces
from dicomveil_proxy.trust.audit import open_audit
from dicomveil_proxy.trust.limits import divided
from dicomveil_proxy.trust.syslog import syslog_of
from dicomveil_proxy.trust.tokens import TokenFile


def check_access(settings: Settings) -> list[str]:
    """Check the access settings, and return warnings. Raises ConfigurationError, which names the setting."""
    _check_address(settings)
    _check_metrics(settings.metrics)
    traces.check(settings.traces)
    warned = divided(settings.limits, settings.workers)
    if settings.tls is not None:
        warned += tls.check(settings.tls)
    if settings.access is not None:
        warned += _check_users(settings, settings.access)
    syslog_of(settings.audit)
    open_audit(settings.audit).close()
    return warned


def _check_address(settings: Settings) -> None:
    """Refuse access from other machines without credentials, unless the settings allow it."""
    if settings.access is not None and settings.anonymous:
        raise ConfigurationError("anonymous: it cannot be combined with [access]; remove one of the two")
    if settings.access is None and not settings.anonymous and not is_loopback(settings.host):
        raise ConfigurationError(
            "host: without a section [access] users are not authenticated, so only addresses of this machine itself "
            "(127.0.0.1) can be listened on; add [access] and make tokens with `dicomveil token new`, or write "
            "anonymous = true if everybody who reaches the server may use it"
        )


def _check_metrics(settings: MetricsSettings) -> None:
    """Refuse access to the metrics from other machines without credentials, unless the settings allow it."""
    if settings.address is not None and not is_loopback(settings.address[0]) and not settings.anonymous:
        raise ConfigurationError(
            "metrics.listen: users are not authenticated there, so only addresses of this machine itself (127.0.0.1) "
            "can be listened on; let Prometheus ask /metrics with a token, or write anonymous = true in [metrics] if "
            "everybody who reaches this port may read it"
        )


def _check_users(settings: Settings, access: AccessSettings) -> list[str]:
    projects = projects_of(settings)
    if len({label_of(project.name) for project in projects}) < len(projects):
        raise ConfigurationError(
            "projects.default: with [access], `default` is the project above the tables; choose another name"
        )
    by_connection = settings.tls is not None and settings.tls.client_ca is not None
    if access.client_cert_header and not settings.trusted_proxies:
        raise ConfigurationError("access.client_cert_header: it needs trusted_proxies, which are not set")
    if access.certificates and not by_connection and not access.client_cert_header:
        raise ConfigurationError(
            "access.certificates: no client certificate can come; set tls.client_ca, or client_cert_header and "
            "trusted_proxies where another server ends the TLS connections"
        )
    tokens = TokenFile(access.tokens_file).all()
    if not tokens and access.oidc is None and not access.certificates:
        return ["access: no user has access yet; `dicomveil token new` makes a token"]
    return []
