"""docs/trust.md and the recipes of deploy/: they say what the code says, and their settings grant what they promise."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest

from dicomveil_proxy.settings.rights import Right
from dicomveil_proxy.settings.server import Settings, load_settings
from dicomveil_proxy.trust.audit import Action
from dicomveil_proxy.trust.chain import BEGIN, CONTINUE
from dicomveil_proxy.trust.key_set import KeySource
from dicomveil_proxy.trust.oidc import OIDCTokens
from dicomveil_proxy.wire.problems import PROBLEMS
from proxy.identity_provider import IdentityProvider

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
KEYCLOAK, ENTRA = ROOT / "deploy" / "keycloak", ROOT / "deploy" / "entra"


def test_every_right_is_explained() -> None:
    """In the order of the code."""
    assert re.findall(r"^\| `(\w+)` \| [a-z]", PAGE.partition("## Rights")[2], re.MULTILINE)[: len(Right)] == [*Right]


def test_every_event_is_explained() -> None:
    """And no other."""
    table = PAGE.partition("| Event |")[2].partition("\n\n")[0]
    named = re.findall(r"`([a-z-]+)`", "\n".join(row.split("|")[1] for row in table.splitlines() if row.count("|") > 2))

    assert sorted(named) == sorted([*Action, BEGIN, CONTINUE])


def test_statuses_and_codes() -> None:
    """As the table of problems has them."""
    rows = re.findall(r"^\| (\d{3}) \| `([a-z-]+)` \|", PAGE, re.MULTILINE)

    assert rows
    assert {(int(status), code) for status, code in rows} <= set(PROBLEMS.values())


@pytest.mark.parametrize("text", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_settings_are_read(tmp_path: Path, text: str) -> None:
    """As they stand there."""
    file = tmp_path / "dicomveil.toml"
    file.write_text(text)
    settings = load_settings(file, origin="folder", key_file=Path("key"))

    assert settings.tls or settings.audit.file


def recipe(file: Path) -> Settings:
    return load_settings(file)


async def subject_of(settings: Settings, claims: dict[str, Any]) -> tuple[str, dict[str, set[str]]] | None:
    """Who a token with these claims is, under the settings of a recipe, and what they may do."""
    assert settings.access is not None
    oidc = settings.access.oidc
    assert oidc is not None
    provider = IdentityProvider("RS256")
    provider.configuration = {"issuer": oidc.issuer, "jwks_uri": f"{oidc.issuer}/keys"}

    def transport() -> httpx.MockTransport:
        return provider.transport()

    tokens = OIDCTokens(oidc, KeySource(oidc.issuer, None, transport), lambda: 1_000.0)
    blank = {"sub": None, "projects": None, "rights": None}
    token = provider.token("RS256", **(blank | {"iss": oidc.issuer, "aud": oidc.audience} | claims))
    subject = await tokens.authenticate({}, token)
    if subject is None:
        return None
    return subject.label, {project: {*map(str, rights)} for project, rights in subject.grants.items()}


@pytest.mark.anyio
async def test_keycloak() -> None:
    """An access token as it makes them, and an ID token, which is none."""
    settings = recipe(KEYCLOAK / "dicomveil.toml")
    claims = {"typ": "Bearer", "sub": "f:1", "preferred_username": "jane.roe", "groups": ["lung-readers", "staff"]}

    assert await subject_of(settings, claims) == ("oidc:jane.roe", {"lung": {"search", "retrieve"}})
    assert await subject_of(settings, claims | {"typ": "ID"}) is None


def test_the_realm_of_keycloak_has_what_the_settings_need() -> None:
    """Groups, audience, and the claim that lists groups without their paths."""
    settings = recipe(KEYCLOAK / "dicomveil.toml")
    realm = json.loads((KEYCLOAK / "realm.json").read_text())
    assert settings.access is not None
    oidc = settings.access.oidc
    assert oidc is not None
    (scope,) = realm["clientScopes"]
    mappers = {mapper["name"]: mapper["config"] for mapper in scope["protocolMappers"]}

    assert oidc.issuer.endswith(f"/realms/{realm['realm']}")
    assert {group["name"] for group in realm["groups"]} == set(oidc.groups)
    assert mappers["audience"]["included.custom.audience"] == oidc.audience
    assert (mappers["groups"]["claim.name"], mappers["groups"]["full.path"]) == (oidc.groups_claim, "false")
    assert all(mapper["id.token.claim"] == "false" for mapper in mappers.values())
    assert all(scope["name"] in client["defaultClientScopes"] for client in realm["clients"])


@pytest.mark.anyio
async def test_entra() -> None:
    """An access token of version 2.0, with app roles."""
    settings = recipe(ENTRA / "dicomveil.toml")
    claims = {"oid": "00000000-0000-0000-0000-00000000000a", "ver": "2.0", "roles": ["Lung.Read", "Lung.Store"]}

    assert await subject_of(settings, claims) == (
        "oidc:00000000-0000-0000-0000-00000000000a",
        {"lung": {"search", "retrieve", "store"}},
    )


def test_names_that_the_recipes_share() -> None:
    """The viewer's client and issuer are Keycloak's, and so are oauth2-proxy's."""
    realm = json.loads((KEYCLOAK / "realm.json").read_text())
    clients = {client["clientId"]: client for client in realm["clients"]}
    viewer = (ROOT / "deploy" / "ohif" / "app-config-oidc.js").read_text()
    sign_on = tomllib.loads((ROOT / "deploy" / "oauth2-proxy" / "oauth2-proxy.cfg").read_text())

    assert f"client_id: '{next(iter(clients))}'" in viewer
    assert "redirect_uri: '/callback'" in viewer
    assert sign_on["redirect_url"] in clients[sign_on["client_id"]]["redirectUris"]
    assert sign_on["oidc_issuer_url"] in viewer
