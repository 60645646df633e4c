"""What stands in front of the routes: of the settings, all kinds of credentials, and nothing unguarded behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from dicomveil_proxy.service.guard import authenticators_of, guard
from dicomveil_proxy.settings.server import Settings
from dicomveil_proxy.trust.admission import Anybody, StaticTokens
from dicomveil_proxy.trust.audit import Audit
from dicomveil_proxy.trust.certificates import ClientCertificates
from dicomveil_proxy.trust.metrics import Metrics
from dicomveil_proxy.trust.oidc import OIDCTokens

GRANT: dict[str, Any] = {"projects": ["*"], "can": ["search"]}


def settings(**values: Any) -> Settings:
    return Settings(origin="x", key_file=Path("k"), **values)


def test_kinds_of_credentials() -> None:
    """Those that the settings name; without a section, everybody."""
    oidc = {"issuer": "https://sso.test", "audience": "a", "groups": {"staff": GRANT}}
    certificates = [{"subject": "CN=a", **GRANT}]
    both = settings(access={"oidc": oidc, "certificates": certificates})

    assert [type(each) for each in authenticators_of(settings())] == [Anybody]
    assert [type(each) for each in authenticators_of(settings(access={}))] == [StaticTokens]
    assert [type(each) for each in authenticators_of(both)] == [StaticTokens, ClientCertificates, OIDCTokens]


def test_an_unguarded_route_is_found_at_the_start() -> None:
    """Not when somebody asks for it."""
    application = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    application.add_api_route("/new", lambda: None)

    with pytest.raises(ValueError, match="the route '/new' is not guarded"):
        guard(application, settings(), [], Audit(None), Metrics())
