"""The middleware in front of all routes, built from the settings: audit recording around admission.

What a subject may do is decided in `trust/`.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette

from dicomveil_proxy.project import Project
from dicomveil_proxy.settings.rights import label_of
from dicomveil_proxy.settings.server import Settings
from dicomveil_proxy.trust.admission import Admission, Anybody, Authenticator, StaticTokens
from dicomveil_proxy.trust.audit import Audit
from dicomveil_proxy.trust.certificates import ClientCertificates
from dicomveil_proxy.trust.guarded_routes import GuardedRoutes
from dicomveil_proxy.trust.metrics import Metrics
from dicomveil_proxy.trust.peers import Peers
from dicomveil_proxy.trust.recording import Recording
from dicomveil_proxy.trust.tokens import TokenFile


def guard(
    application: Starlette, settings: Settings, projects: Sequence[Project], audit: Audit, metrics: Metrics
) -> None:
    """Put admission and recording in front of the application's routes, which must all have been added.

    Raises ValueError for a route that is neither guarded nor open.
    """
    application.add_middleware(
        Admission,
        routes=GuardedRoutes(application.router.routes),
        authenticators=authenticators_of(settings),
        projects=[label_of(project.name) for project in projects],
        limits=settings.limits,
        workers=settings.workers,
        count=metrics.refusal,
    )
    pseudonyms = {
        label_of(project.name): project.policy.is_pseudonym_uid if project.policy.replaces_uids else None
        for project in projects
    }
    peers = Peers(settings.trusted_proxies)
    application.add_middleware(Recording, audit=audit, pseudonyms=pseudonyms, peers=peers)


def authenticators_of(settings: Settings) -> list[Authenticator]:
    """The configured ways of authentication; without a section `access`, everybody is admitted."""
    if settings.access is None:
        return [Anybody()]
    found: list[Authenticator] = [StaticTokens(TokenFile(settings.access.tokens_file))]
    if settings.access.certificates:
        found.append(ClientCertificates(settings.access, settings.trusted_proxies))
    if (oidc := settings.access.oidc) is not None:
        from dicomveil_proxy.origin.web.transport import Transport  # noqa: PLC0415 - few servers ask a provider
        from dicomveil_proxy.trust.key_set import KeySource  # noqa: PLC0415
        from dicomveil_proxy.trust.oidc import OIDCTokens  # noqa: PLC0415

        found.append(OIDCTokens(oidc, KeySource(oidc.issuer, oidc.jwks_uri, Transport)))
    return found
